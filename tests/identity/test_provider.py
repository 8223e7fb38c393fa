"""People and programs get tokens, and attackers do not."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from choreo_local import clock
from choreo_local.authz.types import Subject
from choreo_local.errors import UnauthorizedError
from choreo_local.identity.directory import CLIENT_CREDENTIALS, DEVICE_CODE, REFRESH_TOKEN
from choreo_local.identity.families import Families
from choreo_local.identity.keys import SigningKeys
from choreo_local.identity.oauth import OAuthError
from choreo_local.identity.provider import Provider
from tests.identity.parts import (
    CALLBACK,
    DIRECTORY,
    PASSWORD,
    QUESTION,
    URL,
    code,
    exchange,
    members,
    provider,
    verifier,
)

ADA = Subject("user", "groups", ("developers",), "ada@example.org")


@pytest.fixture(scope="module")
def keys_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys take a moment to make: one set for all tests."""
    folder = tmp_path_factory.mktemp("keys")
    SigningKeys(folder).current()
    return folder


@pytest.fixture
def known(keys_folder: Path) -> Provider:
    return provider(keys_folder)


def refused(known: Provider, form: dict[str, str], header: str = "") -> tuple[str, int]:
    with pytest.raises(OAuthError) as caught:
        known.token(form, header)
    return caught.value.code, caught.value.status


def test_a_person_signs_in_and_the_program_gets_tokens(known: Provider) -> None:
    found = known.token(exchange(code(known)))
    assert found["token_type"] == "Bearer"
    assert found["expires_in"] == 3600
    assert verifier(known).subject(found["access_token"]) == ADA
    keys = KeySet([RSAKey.import_key(key) for key in known.key_set()["keys"]])
    content = jwt.decode(found["id_token"], keys, algorithms=["RS256"]).claims
    assert (content["aud"], content["sub"]) == ("cli", "ada@example.org")


def test_the_answer_goes_back_to_the_program_with_its_state(known: Provider) -> None:
    pending = known.ask(QUESTION)
    user = known.check_password("ada@example.org", PASSWORD)
    address = known.grant(pending, user)
    assert address.startswith(f"{CALLBACK}?code=")
    assert members(address)["state"] == "s&1"
    assert members(address)["iss"] == URL


def test_a_code_is_good_once(known: Provider) -> None:
    form = exchange(code(known))
    known.token(form)
    assert refused(known, form) == ("invalid_grant", 400)


@pytest.mark.parametrize(
    "changed",
    [
        {"code_verifier": "w" * 43},
        {"code_verifier": ""},
        {"code_verifier": "short"},
        {"redirect_uri": "http://127.0.0.1:1/auth-callback"},
        {"client_id": "portal", "client_secret": PASSWORD},
        {"code": "guessed"},
    ],
)
def test_a_stolen_code_is_worth_nothing(known: Provider, changed: dict[str, str]) -> None:
    assert refused(known, exchange(code(known), **changed)) == ("invalid_grant", 400)


def test_a_code_expires(known: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    form = exchange(code(known))
    now = clock.unix()
    monkeypatch.setattr(clock, "unix", lambda: now + 61)
    assert refused(known, form) == ("invalid_grant", 400)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"client_id": "stranger"}, "invalid_request"),
        ({"redirect_uri": "https://evil.example/auth-callback"}, "invalid_request"),
        ({"redirect_uri": "http://127.0.0.1:55152/auth-callback/../x"}, "invalid_request"),
        ({"redirect_uri": "http://user@127.0.0.1:1/auth-callback"}, "invalid_request"),
        ({"redirect_uri": "http://127.0.0.1.evil.example:1/auth-callback"}, "invalid_request"),
        ({"redirect_uri": "http://127.0.0.1:x/auth-callback"}, "invalid_request"),
        ({"redirect_uri": ""}, "invalid_request"),
        ({"state": "s" * 3000}, "invalid_request"),
    ],
)
def test_nobody_is_sent_to_an_address_that_is_not_the_programs(
    known: Provider, changed: dict[str, str], expected: str
) -> None:
    with pytest.raises(OAuthError) as caught:
        known.ask({**QUESTION, **changed})
    assert (caught.value.code, caught.value.redirect) == (expected, "")


@pytest.mark.parametrize(
    "changed",
    [
        {"code_challenge": ""},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": ""},
        {"response_type": "token"},
    ],
)
def test_there_is_no_way_around_the_proof_of_possession(
    known: Provider, changed: dict[str, str]
) -> None:
    with pytest.raises(OAuthError) as caught:
        known.ask({**QUESTION, **changed})
    assert caught.value.redirect.startswith(f"{CALLBACK}?error=")


def test_any_port_of_the_loopback_address_will_do(known: Provider) -> None:
    assert known.ask({**QUESTION, "redirect_uri": "http://127.0.0.1:4711/auth-callback"})
    secret = {"client_id": "portal", "redirect_uri": "https://portal.example:444/cb"}
    with pytest.raises(OAuthError):
        known.ask({**QUESTION, **secret})


def test_a_program_signs_in_with_its_secret_in_the_body_or_the_header(known: Provider) -> None:
    form = {"grant_type": CLIENT_CREDENTIALS}
    body = {**form, "client_id": "robot", "client_secret": PASSWORD}
    found = known.token(body)
    assert verifier(known).subject(found["access_token"]) == Subject(
        "service_account", "sub", ("robot",), "robot"
    )
    assert "refresh_token" not in found
    basic = "Basic " + base64.b64encode(f"robot:{PASSWORD.replace(' ', '+')}".encode()).decode()
    assert known.token(form, basic)["access_token"]


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"client_id": "robot", "client_secret": "x"}, ("invalid_client", 401)),
        ({"client_id": "robot"}, ("invalid_client", 401)),
        ({"client_id": "nobody", "client_secret": "x"}, ("invalid_client", 401)),
        ({}, ("invalid_client", 401)),
        ({"client_id": "cli"}, ("unauthorized_client", 400)),
        ({"client_id": "cli", "grant_type": "password"}, ("unsupported_grant_type", 400)),
    ],
)
def test_wrong_programs_get_nothing(
    known: Provider, form: dict[str, str], expected: tuple[str, int]
) -> None:
    assert refused(known, {"grant_type": CLIENT_CREDENTIALS, **form}) == expected


@pytest.mark.parametrize("header", ["Basic !!!", "Basic /w==", "Basic cm9ib3Q="])
def test_a_malformed_header_is_no_proof(known: Provider, header: str) -> None:
    assert refused(known, {"grant_type": CLIENT_CREDENTIALS}, header)[1] == 401


def test_who_guesses_passwords_has_to_wait(known: Provider) -> None:
    for _ in range(5):
        with pytest.raises(OAuthError, match="wrong"):
            known.check_password("ada@example.org", "guess")
    with pytest.raises(OAuthError, match="too many attempts"):
        known.check_password("ada@example.org", PASSWORD)


@pytest.mark.parametrize("name", ["locked", "nobody", ""])
def test_who_has_no_password_cannot_sign_in(known: Provider, name: str) -> None:
    for password in ("", "x"):
        with pytest.raises(OAuthError, match="wrong"):
            known.check_password(name, password)


def refreshing(token: str, client: str = "cli") -> dict[str, str]:
    return {"grant_type": REFRESH_TOKEN, "client_id": client, "refresh_token": token}


def test_a_refresh_token_is_good_once_and_the_next_one_goes_on(known: Provider) -> None:
    first = known.token(exchange(code(known)))["refresh_token"]
    second = known.token(refreshing(first))
    assert verifier(known).subject(second["access_token"]) == ADA
    assert known.token(refreshing(second["refresh_token"]))["access_token"]


def test_a_refresh_token_that_comes_back_signs_its_whole_family_out(known: Provider) -> None:
    other = known.token(exchange(code(known)))["refresh_token"]
    first = known.token(exchange(code(known)))["refresh_token"]
    second = known.token(refreshing(first))["refresh_token"]
    for stolen in (first, second):
        assert refused(known, refreshing(stolen)) == ("invalid_grant", 400)
    assert known.token(refreshing(other))["access_token"]


def test_the_client_of_upstream_may_present_the_same_one_again(known: Provider) -> None:
    given = code(known, client_id="old-cli")
    first = known.token(exchange(given, client_id="old-cli"))["refresh_token"]
    for _ in range(3):
        again = known.token(refreshing(first, "old-cli"))
        assert verifier(known).subject(again["access_token"]) == ADA
    known.revoke({"client_id": "old-cli", "token": again["refresh_token"]})
    assert refused(known, refreshing(first, "old-cli")) == ("invalid_grant", 400)


def test_a_code_that_comes_back_ends_what_came_of_it(known: Provider) -> None:
    form = exchange(code(known))
    token = known.token(form)["refresh_token"]
    assert refused(known, form) == ("invalid_grant", 400)
    assert refused(known, refreshing(token)) == ("invalid_grant", 400)


def test_signing_out_is_for_the_client_that_signed_in(known: Provider) -> None:
    found = known.token(exchange(code(known)))
    token = found["refresh_token"]
    with pytest.raises(OAuthError) as caught:
        known.revoke({"client_id": "robot", "client_secret": PASSWORD, "token": token})
    assert caught.value.code == "invalid_grant"
    with pytest.raises(OAuthError) as caught:
        known.revoke({"client_id": "nobody", "client_secret": PASSWORD, "token": token})
    assert caught.value.status == 401
    with pytest.raises(OAuthError) as caught:
        known.revoke({"client_id": "cli", "token": found["access_token"]})
    assert caught.value.code == "unsupported_token_type"
    for nothing in ("", "x", "a.b.c"):
        known.revoke({"client_id": "cli", "token": nothing})
    assert known.token(refreshing(token))["refresh_token"]


def test_who_is_signed_out_stays_so_after_a_restart(keys_folder: Path, tmp_path: Path) -> None:
    def started() -> Provider:
        families = Families(tmp_path / "families.json")
        return Provider(lambda: URL, SigningKeys(keys_folder), DIRECTORY, families)

    known = started()
    kept = known.token(exchange(code(known)))["refresh_token"]
    ended = known.token(exchange(code(known)))["refresh_token"]
    known.revoke({"client_id": "cli", "token": ended})
    again = started()
    assert refused(again, refreshing(ended)) == ("invalid_grant", 400)
    assert again.token(refreshing(kept))["access_token"]
    assert refused(started(), refreshing(kept)) == ("invalid_grant", 400)


def test_tokens_are_not_taken_for_one_another(known: Provider) -> None:
    found = known.token(exchange(code(known)))
    for other in ("refresh_token", "id_token"):
        with pytest.raises(UnauthorizedError):
            verifier(known).subject(found[other])
    form = {"grant_type": REFRESH_TOKEN, "client_id": "cli"}
    for other in (found["access_token"], found["id_token"], "x", "", "a.b.c"):
        assert refused(known, {**form, "refresh_token": other}) == ("invalid_grant", 400)


def test_a_program_without_a_browser_waits_for_a_person(
    known: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = known.begin_device({"client_id": "cli"})
    form = {"grant_type": DEVICE_CODE, "client_id": "cli", "device_code": begun["device_code"]}
    assert refused(known, form)[0] == "authorization_pending"
    assert refused(known, form)[0] == "slow_down"
    typed = begun["user_code"].lower().replace("-", " ")
    assert known.devices.client_of(typed) == "cli"
    known.devices.decide(typed, "ada@example.org", is_allowed=True)
    assert verifier(known).subject(known.token(form)["access_token"]) == ADA
    assert refused(known, form)[0] == "expired_token"
    with pytest.raises(OAuthError, match="wrong or has expired"):
        known.devices.decide(typed, "ada@example.org", is_allowed=True)


def test_a_person_may_refuse(known: Provider) -> None:
    begun = known.begin_device({"client_id": "cli"})
    known.devices.decide(begun["user_code"], "ada@example.org", is_allowed=False)
    form = {"grant_type": DEVICE_CODE, "client_id": "cli", "device_code": begun["device_code"]}
    assert refused(known, form)[0] == "access_denied"


def test_what_is_said_of_it_is_what_clients_need(known: Provider) -> None:
    said = known.metadata()
    assert said["issuer"] == URL
    assert said["code_challenge_methods_supported"] == ["S256"]
    assert {"none", "client_secret_post"} <= set(said["token_endpoint_auth_methods_supported"])
    (key,) = known.key_set()["keys"]
    wanted: dict[str, Any] = {"kty": "RSA", "alg": "RS256", "use": "sig"}
    assert wanted.items() <= key.items()
    assert {"kid", "n", "e"} <= key.keys()
    assert not {"d", "p", "q"} & key.keys()


def test_a_user_is_found_by_nickname() -> None:
    assert DIRECTORY.persona("ada") is DIRECTORY.users["ada@example.org"]
    assert DIRECTORY.persona("nobody") is None
