"""What is no token of a trusted issuer is refused, whatever it looks like."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from choreo_local import clock
from choreo_local.api.rest import TokenErrorCode
from choreo_local.errors import UnauthorizedError
from choreo_local.identity import tokens
from choreo_local.identity.keys import SigningKeys
from choreo_local.identity.tokens import Issuer, Verifier

URL = "https://issuer.example"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> SigningKeys:
    return SigningKeys(tmp_path_factory.mktemp("keys"))


def claims(**changed: Any) -> dict[str, Any]:
    now = clock.unix()
    return {"iss": URL, "sub": "u", "aud": "api", "exp": now + 60, "nbf": now - 60, **changed}


def problem(keys: SigningKeys, token: str, *audiences: str) -> str:
    """Why a token is refused; "" when it is not."""
    try:
        Verifier([Issuer(URL, keys.find, audiences)]).subject(token)
    except UnauthorizedError as error:
        return error.reason
    return ""


def part(content: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    ("changed", "audiences", "expected"),
    [
        ({}, ("api",), ""),
        ({}, (), ""),
        ({"aud": ["x", "api"]}, ("api", "y"), ""),
        ({"aud": "other"}, ("api",), TokenErrorCode.INVALID_CLAIMS),
        ({"aud": None}, ("api",), TokenErrorCode.INVALID_CLAIMS),
        ({"iss": f"{URL}/"}, (), TokenErrorCode.INVALID_CLAIMS),
        ({"iss": None}, (), TokenErrorCode.INVALID_CLAIMS),
        ({"sub": None}, (), TokenErrorCode.INVALID_CLAIMS),
        ({"exp": 1}, (), TokenErrorCode.INVALID_TOKEN),
        ({"exp": "9999999999"}, (), TokenErrorCode.INVALID_TOKEN),
        ({"exp": True}, (), TokenErrorCode.INVALID_TOKEN),
        ({"nbf": 9_999_999_999}, (), TokenErrorCode.INVALID_TOKEN),
    ],
)
def test_claims_are_checked(
    keys: SigningKeys, changed: dict[str, Any], audiences: tuple[str, ...], expected: str
) -> None:
    assert problem(keys, tokens.sign(keys, claims(**changed)), *audiences) == expected


def test_a_token_without_a_signature_is_none(keys: SigningKeys) -> None:
    kid = keys.current().kid
    for algorithm in ("none", "None", "HS256", "PS256", ""):
        token = f"{part({'alg': algorithm, 'kid': kid})}.{part(claims())}."
        assert problem(keys, token) == TokenErrorCode.INVALID_TOKEN


def test_a_public_key_is_no_shared_secret(keys: SigningKeys) -> None:
    key = keys.current()
    for public in (key.as_pem(private=False), json.dumps(keys.public()["keys"][0]).encode()):
        body = f"{part({'alg': 'HS256', 'kid': key.kid})}.{part(claims())}"
        digest = hmac.new(public, body.encode(), hashlib.sha256).digest()
        token = f"{body}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"
        assert problem(keys, token) == TokenErrorCode.INVALID_TOKEN


def test_a_key_that_a_token_brings_along_is_not_used(keys: SigningKeys) -> None:
    stranger = RSAKey.generate_key(2048, {"kid": "theirs"})
    header = {"alg": "RS256", "kid": keys.current().kid, "jwk": stranger.as_dict(private=False)}
    token = jwt.encode(header, claims(), stranger, algorithms=["RS256"])
    assert problem(keys, token) == TokenErrorCode.INVALID_TOKEN
    unknown = jwt.encode(
        {"alg": "RS256", "kid": "theirs"}, claims(), stranger, algorithms=["RS256"]
    )
    assert problem(keys, unknown) == TokenErrorCode.INVALID_TOKEN


def test_a_changed_token_is_refused(keys: SigningKeys) -> None:
    head, body, signature = tokens.sign(keys, claims()).split(".")
    changed = part(claims(sub="admin"))
    for token in (
        f"{head}.{changed}.{signature}",
        f"{head}.{body}.{signature[:-2]}",
        f"{head}.{body}",
        f"{head}.{body}.{signature}.more",
    ):
        assert problem(keys, token) == TokenErrorCode.INVALID_TOKEN


@pytest.mark.parametrize(
    "token",
    ["", "x", "..", "a.b.c", "é.b.c", "eyJhbGciOiJSUzI1NiJ9.e30.", "[" * 5000, "a" * 20_000],
)
def test_what_is_no_token_is_refused(keys: SigningKeys, token: str) -> None:
    assert problem(keys, token) == TokenErrorCode.INVALID_TOKEN


def test_old_keys_verify_after_a_change_of_keys(tmp_path: Path) -> None:
    keys = SigningKeys(tmp_path)
    old = tokens.sign(keys, claims())
    keys.rotate()
    new = tokens.sign(keys, claims())
    again = SigningKeys(tmp_path)
    assert problem(again, old) == problem(again, new) == ""
    assert len(again.public()["keys"]) == 2
    assert (
        again.current().kid != json.loads(base64.urlsafe_b64decode(old.split(".")[0] + "=="))["kid"]
    )


def test_keys_are_for_their_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    SigningKeys(folder).current()
    (file,) = folder.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o077 == 0


def test_a_damaged_key_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "1.json").write_text("{}")
    (tmp_path / "2.json").write_text("nonsense")
    keys = SigningKeys(tmp_path)
    assert problem(keys, tokens.sign(keys, claims())) == ""


def test_keys_are_changed_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = SigningKeys(tmp_path)
    first = keys.current().kid
    now = clock.unix()
    monkeypatch.setattr(clock, "unix", lambda: now + 91 * 86400)
    second = keys.current().kid
    assert second != first
    assert keys.find(first or "") is not None
    monkeypatch.setattr(clock, "unix", lambda: now + 121 * 86400)
    assert keys.find(first or "") is None
