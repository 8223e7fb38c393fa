"""Signing in over HTTP, from discovery to a request with the token; and acting as somebody else."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from choreo_local.identity.directory import DEVICE_CODE, REFRESH_TOKEN
from choreo_local.identity.keys import SigningKeys
from choreo_local.identity.provider import Provider
from tests.apiserver.harness import TOKEN, Api, serve
from tests.identity.parts import (
    CALLBACK,
    DIRECTORY,
    PASSWORD,
    QUESTION,
    exchange,
    members,
)
from tests.services import harness

pytestmark = pytest.mark.asyncio(loop_scope="module")

_PROFILE = "/api/v1/authz/profile"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    keys: Path = tmp_path_factory.mktemp("keys")

    def provider(url: str) -> Provider:
        return Provider(lambda: url, SigningKeys(keys), DIRECTORY)

    async with (
        harness.control_plane("core") as platform,
        serve(platform, provider=provider) as found,
    ):
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def browser(api: Api) -> AsyncIterator[aiohttp.ClientSession]:
    """A browser: it keeps cookies, and shows where it is sent."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(api.url, cookie_jar=jar) as session:
        yield session


async def _page(browser: aiohttp.ClientSession, **changed: str) -> str:
    async with browser.get("/oauth2/authorize", params={**QUESTION, **changed}) as response:
        assert response.status == 200, await response.text()
        assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
        assert response.headers["Cache-Control"] == "no-store"
        found = re.search(r'name="request" value="([^"]+)"', await response.text())
    assert found is not None
    return found[1]


async def _sign_in(
    browser: aiohttp.ClientSession, pending: str, password: str = PASSWORD
) -> tuple[int, str, str]:
    form = {"request": pending, "username": "ada@example.org", "password": password}
    async with browser.post("/oauth2/login", data=form, allow_redirects=False) as response:
        return response.status, response.headers.get("Location", ""), await response.text()


async def _token(api: Api, form: dict[str, str]) -> tuple[int, Any]:
    async with api.session.post(f"{api.url}/oauth2/token", data=form) as response:
        assert response.headers["Cache-Control"] == "no-store"
        return response.status, await response.json()


async def _profile(api: Api, token: str) -> Any:
    status, content, _ = await api.call("GET", _PROFILE, token=token)
    return content["user"] if status == 200 else (status, content)


async def test_a_program_finds_its_way_and_a_person_signs_in(
    api: Api, browser: aiohttp.ClientSession
) -> None:
    resource = await api.must("GET", "/.well-known/oauth-protected-resource")
    assert resource["openchoreo_security_enabled"] is True
    assert resource["authorization_servers"] == [api.url]
    metadata = await api.must("GET", "/.well-known/openid-configuration")
    assert metadata["token_endpoint"] == f"{api.url}/oauth2/token"

    status, location, _ = await _sign_in(browser, await _page(browser))
    assert (status, location.partition("?")[0]) == (303, CALLBACK)
    told = members(location)
    assert told["state"] == "s&1"
    status, answer = await _token(api, exchange(told["code"]))
    assert status == 200
    assert await _profile(api, answer["access_token"]) == {
        "type": "user",
        "entitlement_claim": "groups",
        "entitlement_values": ["developers"],
    }
    async with api.session.get(
        f"{api.url}/oauth2/userinfo",
        headers={"Authorization": f"Bearer {answer['access_token']}"},
    ) as response:
        assert (await response.json())["email"] == "ada@example.org"
    assert (await _token(api, exchange(told["code"])))[0] == 400


async def test_a_wrong_password_is_told_on_the_page_and_can_be_corrected(
    browser: aiohttp.ClientSession,
) -> None:
    pending = await _page(browser)
    status, location, text = await _sign_in(browser, pending, "wrong")
    assert (status, location) == (401, "")
    assert "user name or password is wrong" in text
    assert (await _sign_in(browser, pending))[0] == 303


async def test_another_browser_cannot_finish_a_login(
    api: Api, browser: aiohttp.ClientSession
) -> None:
    pending = await _page(browser)
    async with aiohttp.ClientSession(api.url) as stranger:
        status, location, text = await _sign_in(stranger, pending)
    assert (status, location) == (400, "")
    assert "expired" in text


async def test_what_a_request_brings_is_shown_as_text(api: Api) -> None:
    evil = "<script>alert(1)</script>"
    for path in (
        f"/device?user_code={evil}",
        f"/oauth2/authorize?client_id={evil}&redirect_uri=javascript:alert(1)",
    ):
        _, text, _ = await api.call("GET", path)
        assert "<script" not in text
        assert "javascript:" not in text


async def test_nobody_is_redirected_to_a_stranger(api: Api) -> None:
    async with api.session.get(
        f"{api.url}/oauth2/authorize",
        params={**QUESTION, "redirect_uri": "https://evil.example/"},
        allow_redirects=False,
    ) as response:
        assert (response.status, response.headers.get("Location")) == (400, None)


async def test_a_device_is_signed_in_by_its_code(api: Api, browser: aiohttp.ClientSession) -> None:
    async with api.session.post(
        f"{api.url}/oauth2/device_authorization", data={"client_id": "cli"}
    ) as response:
        begun = await response.json()
    form = {"grant_type": DEVICE_CODE, "client_id": "cli", "device_code": begun["device_code"]}
    assert (await _token(api, form))[1]["error"] == "authorization_pending"
    typed = {
        "user_code": begun["user_code"],
        "username": "ada@example.org",
        "password": PASSWORD,
        "decision": "allow",
    }
    async with browser.post("/device", data=typed) as response:
        assert "The program is signed in." in await response.text()
    status, answer = await _token(api, form)
    assert status == 200
    assert (await _profile(api, answer["access_token"]))["type"] == "user"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", "invalid_client"),
        (b"grant_type=client_credentials&grant_type=x", "invalid_client"),
        (b"\xff\xfe=%zz&a", "invalid_client"),
    ],
)
async def test_odd_forms_are_refused(api: Api, body: bytes, expected: str) -> None:
    async with api.session.post(f"{api.url}/oauth2/token", data=body) as response:
        assert (response.status, (await response.json())["error"]) == (401, expected)
    status, _, _ = await api.call("POST", "/oauth2/token", data=b"a=b&" * 60)
    assert status == 400
    status, _, _ = await api.call("POST", "/oauth2/token", data=b"a" * 100_000)
    assert status == 413


@pytest.mark.parametrize("token", ["a.b.c", "..", "x", "é.é.é"])
async def test_what_is_no_token_is_refused(api: Api, token: str) -> None:
    status, content, _ = await api.call("GET", _PROFILE, token=token)
    assert (status, content["error"]) == (401, "INVALID_TOKEN")


async def _as(api: Api, persona: str, token: str | None = None) -> tuple[int, Any]:
    headers = {"Choreo-As": persona}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    async with api.session.get(api.url + _PROFILE, headers=headers) as response:
        return response.status, await response.json()


async def test_only_the_owner_may_act_as_somebody_else(
    api: Api, browser: aiohttp.ClientSession
) -> None:
    status, content = await _as(api, "ada", TOKEN)
    assert (status, content["user"]["entitlement_values"]) == (200, ["developers"])
    status, content = await _as(api, "ghost", TOKEN)
    assert (status, content["error"]) == (400, 'there is no user "ghost"')
    assert (await _as(api, "ada"))[0] == 401
    _, location, _ = await _sign_in(browser, await _page(browser))
    _, answer = await _token(api, exchange(members(location)["code"]))
    status, content = await _as(api, "locked", answer["access_token"])
    assert status == 403


async def test_a_program_signs_somebody_out(api: Api, browser: aiohttp.ClientSession) -> None:
    metadata = await api.must("GET", "/.well-known/openid-configuration")
    assert metadata["revocation_endpoint"] == f"{api.url}/oauth2/revoke"
    _, location, _ = await _sign_in(browser, await _page(browser))
    _, answer = await _token(api, exchange(members(location)["code"]))
    form = {"client_id": "cli", "token": answer["refresh_token"]}
    for _ in range(2):
        async with api.session.post(metadata["revocation_endpoint"], data=form) as response:
            assert (response.status, await response.text()) == (200, "")
    refresh = {"grant_type": REFRESH_TOKEN, "client_id": "cli"}
    status, content = await _token(api, refresh | {"refresh_token": answer["refresh_token"]})
    assert (status, content["error"]) == (400, "invalid_grant")
    async with api.session.post(
        metadata["revocation_endpoint"], data={"client_id": "nobody", "token": "x"}
    ) as response:
        assert (response.status, (await response.json())["error"]) == (401, "invalid_client")
