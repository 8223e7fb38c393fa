"""Tokens of issuers elsewhere: a second provider, with keys of its own, on this machine."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from choreo_local import clock
from choreo_local.identity.issuers import Configuration, Trusted
from choreo_local.identity.keys import SigningKeys
from choreo_local.identity.provider import Provider
from tests.apiserver.harness import Api, serve
from tests.identity.parts import DIRECTORY
from tests.services import harness

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]

_PROFILE = "/api/v1/authz/profile"


@dataclass(slots=True)
class Elsewhere:
    """An issuer: it signs what it is asked to, and counts who asks for its keys."""

    url: str = ""
    keys: list[RSAKey | ECKey] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    is_down: bool = False

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Discovery, or the keys."""
        self.asked.append(request.path)
        if self.is_down:
            return web.Response(status=503)
        if request.path == "/.well-known/openid-configuration":
            return web.json_response({"issuer": self.url, "jwks_uri": f"{self.url}/keys"})
        return web.json_response({"keys": [key.as_dict(private=False) for key in self.keys]})

    def rotate(self) -> None:
        """Sign with a new key; the old one is gone."""
        self.keys = [_rsa(f"key-{clock.random_suffix()}")]

    def claims(self, **changed: Any) -> dict[str, Any]:
        """What a good token says."""
        now = int(clock.unix())
        return {
            "iss": self.url,
            "sub": "grace",
            "aud": "openchoreo-api",
            "exp": now + 60,
            "nbf": now - 60,
            "roles": ["platform-engineers"],
            **changed,
        }

    def token(self, **changed: Any) -> str:
        """A token of the first key."""
        return self.signed(self.keys[0], self.claims(**changed))

    def signed(self, key: RSAKey | ECKey, claims: dict[str, Any], algorithm: str = "RS256") -> str:
        """A token of any key."""
        return jwt.encode({"alg": algorithm, "kid": key.kid}, claims, key, algorithms=[algorithm])


def _rsa(kid: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig", "alg": "RS256"})


@asynccontextmanager
async def _elsewhere() -> AsyncIterator[Elsewhere]:
    found = Elsewhere()
    found.rotate()
    app = web.Application()
    app.router.add_get("/{path:.*}", found.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        found.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield found
    finally:
        await runner.cleanup()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def kube() -> AsyncIterator[harness.Platform]:
    async with harness.control_plane("core") as platform:
        yield platform


@pytest_asyncio.fixture(loop_scope="module")
async def elsewhere() -> AsyncIterator[Elsewhere]:
    async with _elsewhere() as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def api(kube: harness.Platform, elsewhere: Elsewhere, tmp_path: Path) -> AsyncIterator[Api]:
    """An API that trusts it."""
    trusted = Trusted(
        url=elsewhere.url, audiences=("openchoreo-api",), entitlements={"groups": "roles"}
    )
    async with _serving(kube, trusted, tmp_path) as found:
        yield found


@asynccontextmanager
async def _serving(kube: harness.Platform, trusted: Trusted, keys: Path) -> AsyncIterator[Api]:
    def provider(url: str) -> Provider:
        return Provider(lambda: url, SigningKeys(keys), DIRECTORY)

    async with serve(kube, provider=provider, trusted=Configuration([trusted])) as found:
        yield found


async def _answer(api: Api, token: str) -> Any:
    """Who the API takes the sender for, or why it does not."""
    status, content, _ = await api.call("GET", _PROFILE, token=token)
    return content["user"]["entitlement_values"] if status == 200 else content["error"]


async def test_somebody_from_elsewhere_is_who_their_issuer_says(
    api: Api, elsewhere: Elsewhere
) -> None:
    assert elsewhere.asked == [], "nothing is asked before a token comes"
    assert await _answer(api, elsewhere.token()) == ["platform-engineers"]
    path = "/api/v1/namespaces/default/environments"
    assert (await api.call("GET", path, token=elsewhere.token()))[0] == 200
    nobody = elsewhere.token(roles=["nobodies"])
    assert (await api.call("DELETE", f"{path}/x", token=nobody))[0] == 403
    assert elsewhere.asked == ["/.well-known/openid-configuration", "/keys"], "keys are kept"
    told = await api.must("GET", "/.well-known/oauth-protected-resource")
    assert told["authorization_servers"] == [api.url, elsewhere.url]


async def test_what_is_wrong_with_a_token_is_found(api: Api, elsewhere: Elsewhere) -> None:
    assert await _answer(api, elsewhere.token()) == ["platform-engineers"]
    now = int(clock.unix())
    for changed, expected in (
        ({"aud": "somebody-else"}, "INVALID_CLAIMS"),
        ({"aud": None}, "INVALID_CLAIMS"),
        ({"exp": now - 1}, "INVALID_TOKEN"),
        ({"nbf": now + 60}, "INVALID_TOKEN"),
        ({"iss": api.url}, "INVALID_CLAIMS"),
        ({"iss": f"{elsewhere.url}/"}, "INVALID_CLAIMS"),
        ({"iss": [elsewhere.url]}, "INVALID_CLAIMS"),
        ({"roles": [], "sub": None}, "INVALID_CLAIMS"),
        ({"more": "x" * 20_000}, "INVALID_TOKEN"),
    ):
        assert await _answer(api, elsewhere.token(**changed)) == expected, changed


async def test_no_claim_of_a_token_makes_somebody_the_owner(api: Api, elsewhere: Elsewhere) -> None:
    token = elsewhere.token(**{"choreo.dev/owner": "true", "roles": ["nobodies"]})
    path = "/api/v1/namespaces/default/environments/x"
    assert (await api.call("DELETE", path, token=token))[0] == 403
    async with api.session.get(
        api.url + _PROFILE,
        headers={"Authorization": f"Bearer {token}", "Choreo-As": "ada"},
    ) as response:
        assert response.status == 403


async def test_unsigned_and_confused_tokens_are_refused(api: Api, elsewhere: Elsewhere) -> None:
    key = elsewhere.keys[0]
    assert isinstance(key, RSAKey)
    body = _part(elsewhere.claims())
    assert await _answer(api, elsewhere.token()) == ["platform-engineers"]
    for algorithm in ("none", "None", "", "RS512", "PS256"):
        token = f"{_part({'alg': algorithm, 'kid': key.kid})}.{body}."
        assert await _answer(api, token) == "INVALID_TOKEN"
    for public in (key.as_pem(private=False), json.dumps(key.as_dict(private=False)).encode()):
        start = f"{_part({'alg': 'HS256', 'kid': key.kid})}.{body}"
        digest = hmac.new(public, start.encode(), hashlib.sha256).digest()
        assert await _answer(api, f"{start}.{_text(digest)}") == "INVALID_TOKEN"
    stranger = _rsa(str(key.kid))
    assert await _answer(api, elsewhere.signed(stranger, elsewhere.claims())) == "INVALID_TOKEN"


async def test_other_algorithms_are_taken_where_they_are_allowed(
    kube: harness.Platform, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    key = ECKey.generate_key("P-256", {"kid": "curve", "use": "sig", "alg": "ES256"})
    elsewhere.keys.append(key)
    token = elsewhere.signed(key, elsewhere.claims(), "ES256")
    for algorithms, expected in ((("RS256",), "INVALID_TOKEN"), (("ES256",), ["grace"])):
        trusted = Trusted(url=elsewhere.url, audiences=("openchoreo-api",), algorithms=algorithms)
        async with _serving(kube, trusted, tmp_path) as api:
            assert await _answer(api, token) == expected
            if expected == ["grace"]:
                assert await _answer(api, elsewhere.token()) == "INVALID_TOKEN"


async def test_a_changed_key_is_fetched_and_the_old_one_ends(
    api: Api, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = elsewhere.token()
    assert await _answer(api, old) == ["platform-engineers"]
    elsewhere.rotate()
    assert await _answer(api, elsewhere.token()) == "INVALID_TOKEN", "asked a moment ago"
    now = clock.unix()
    monkeypatch.setattr(clock, "unix", lambda: now + 31)
    assert await _answer(api, elsewhere.token()) == ["platform-engineers"]
    assert await _answer(api, old) == "INVALID_TOKEN"


async def test_tokens_do_not_decide_who_is_asked_nor_how_often(
    api: Api, elsewhere: Elsewhere
) -> None:
    async with _elsewhere() as stranger:
        assert await _answer(api, stranger.token()) == "INVALID_TOKEN"
        bait = stranger.claims(iss=elsewhere.url, jku=f"{stranger.url}/keys")
        for number in range(5):
            key = _rsa(f"made-up-{number}")
            header = {"alg": "RS256", "kid": key.kid, "jku": f"{stranger.url}/keys"}
            token = jwt.encode(header, bait, key, algorithms=["RS256"])
            assert await _answer(api, token) == "INVALID_TOKEN"
        assert stranger.asked == []
    assert len(elsewhere.asked) == 2


async def test_keys_outlive_a_failure_of_their_issuer_for_a_day(
    api: Api, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = clock.unix()
    assert await _answer(api, elsewhere.token()) == ["platform-engineers"]
    elsewhere.is_down = True
    for hours, expected in ((2, ["platform-engineers"]), (25, "INVALID_TOKEN")):
        later = now + hours * 3600
        monkeypatch.setattr(clock, "unix", lambda later=later: later)
        assert await _answer(api, elsewhere.token(exp=later + 60)) == expected
    elsewhere.is_down = False
    monkeypatch.setattr(clock, "unix", lambda: now + 26 * 3600)
    token = elsewhere.token(exp=now + 27 * 3600)
    assert await _answer(api, token) == ["platform-engineers"]


async def test_keys_may_lie_in_a_file(
    kube: harness.Platform, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    file = tmp_path / "keys.json"
    file.write_text(json.dumps({"keys": [elsewhere.keys[0].as_dict(private=False), {"kid": 1}]}))
    trusted = Trusted(
        url=elsewhere.url, audiences=("openchoreo-api",), jwks_file=str(file), prefix="corp:"
    )
    async with _serving(kube, trusted, tmp_path) as api:
        assert await _answer(api, elsewhere.token()) == ["corp:grace"]
    assert elsewhere.asked == []


async def test_a_discovery_document_of_somebody_else_is_not_believed(
    kube: harness.Platform, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    named, elsewhere.url = elsewhere.url, "https://idp.example"
    trusted = Trusted(url=named, audiences=("openchoreo-api",))
    async with _serving(kube, trusted, tmp_path) as api:
        assert await _answer(api, elsewhere.token(iss=named)) == "INVALID_TOKEN"
    assert elsewhere.asked == ["/.well-known/openid-configuration"]


def _part(content: Any) -> str:
    return _text(json.dumps(content).encode())


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
