"""The OpenID provider over HTTP: discovery, keys, tokens, and the pages on which people sign in."""

from __future__ import annotations

import asyncio
import hmac
from typing import Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from choreo_local.apiserver import bodies, pages, problems
from choreo_local.errors import UnauthorizedError
from choreo_local.identity.oauth import OAuthError
from choreo_local.identity.provider import Provider
from choreo_local.identity.remotekeys import ExternalIssuers
from choreo_local.identity.tokens import Verifier

router = APIRouter()

_LIMIT_BYTES = 64 * 1024
_COOKIE = "choreo_login"
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


async def metadata(request: Request) -> Response:
    """What the provider offers, and where."""
    return problems.json_response(_provider(request).metadata())


async def protected_resource(request: Request) -> Response:
    """By whom tokens for this API are signed, and which programs may ask for some."""
    provider = _provider(request)
    elsewhere: ExternalIssuers | None = request.app.state.elsewhere
    clients = [
        {"name": client.label, "client_id": client.id, "scopes": list(client.scopes)}
        for client in provider.directory.clients.values()
        if client.label
    ]
    return problems.json_response(
        {
            "resource_name": "OpenChoreo MCP Server",
            "resource": f"{provider.url}/mcp",
            "authorization_servers": [provider.url, *(elsewhere.urls if elsewhere else ())],
            "bearer_methods_supported": ["header"],
            "scopes_supported": ["openid", "profile", "email"],
            "openchoreo_clients": sorted(clients, key=lambda client: str(client["name"])),
            "openchoreo_security_enabled": True,
        }
    )


async def key_set(request: Request) -> Response:
    """The keys that verify its tokens; the first call makes them."""
    return problems.json_response(await asyncio.to_thread(_provider(request).key_set))


async def authorize(request: Request) -> Response:
    """A program sends a person to sign in."""
    provider = _provider(request)
    try:
        pending = provider.ask(dict(request.query_params))
    except OAuthError as error:
        return _told(error)
    asked = provider.asked(pending)
    answer = pages.login(client=asked.client if asked else "", pending=pending)
    # Only the browser that asked can go on: another site cannot make it sign in as somebody else.
    answer.set_cookie(
        _COOKIE, pending, max_age=600, path="/oauth2/login", httponly=True, samesite="strict"
    )
    return answer


async def login(request: Request) -> Response:
    """A person signs in."""
    provider, form = _provider(request), await _form(request)
    pending, name = form.get("request", ""), form.get("username", "")
    cookie = request.cookies.get(_COOKIE, "")
    asked = provider.asked(pending)
    if asked is None or not hmac.compare_digest(cookie.encode(), pending.encode()):
        return pages.message("Sign in", "This login has expired; begin again.", status=400)
    try:
        user = await asyncio.to_thread(provider.check_password, name, form.get("password", ""))
        target = provider.grant(pending, user)
    except OAuthError as error:
        return pages.login(
            client=asked.client, pending=pending, name=name, problem=error.description
        )
    answer = RedirectResponse(target, status_code=303, headers=_NO_STORE)
    answer.delete_cookie(_COOKIE, path="/oauth2/login")
    return answer


async def token(request: Request) -> Response:
    """A program exchanges what it has for tokens."""
    form, header = await _form(request), request.headers.get("authorization", "")
    try:
        found = await asyncio.to_thread(_provider(request).token, form, header)
    except OAuthError as error:
        return _refused(error)
    return _answer(found)


async def revoke(request: Request) -> Response:
    """A program signs somebody out."""
    form, header = await _form(request), request.headers.get("authorization", "")
    try:
        await asyncio.to_thread(_provider(request).revoke, form, header)
    except OAuthError as error:
        return _refused(error)
    return Response(status_code=200, headers=_NO_STORE)


async def device_authorization(request: Request) -> Response:
    """A program without a browser begins."""
    form, header = await _form(request), request.headers.get("authorization", "")
    try:
        found = await asyncio.to_thread(_provider(request).begin_device, form, header)
    except OAuthError as error:
        return _refused(error)
    return _answer(found)


async def device_page(request: Request) -> Response:
    """A person comes to type a device's code."""
    return pages.device(user_code=request.query_params.get("user_code", ""))


async def device(request: Request) -> Response:
    """A person typed it, and decided."""
    provider, form = _provider(request), await _form(request)
    code, name = form.get("user_code", ""), form.get("username", "")
    try:
        user = await asyncio.to_thread(provider.check_password, name, form.get("password", ""))
        is_allowed = form.get("decision") == "allow"
        provider.devices.decide(code, user.name, is_allowed=is_allowed)
    except OAuthError as error:
        return pages.device(user_code=code, name=name, problem=error.description)
    words = "The program is signed in." if is_allowed else "The program was refused."
    return pages.message("Sign in a program", f"{words} You may close this page.")


async def userinfo(request: Request) -> Response:
    """Who a token speaks of."""
    provider = _provider(request)
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    try:
        if scheme.lower() != "bearer":
            raise UnauthorizedError("no token")
        subject = Verifier([provider.issuer()]).subject(given.strip())
    except UnauthorizedError:
        challenge = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
        return Response(status_code=401, headers=challenge)
    return _answer(provider.userinfo(subject.id))


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form; of those that are given twice none, for nobody knows which is meant."""
    body = await bodies.raw(request, limit=_LIMIT_BYTES)
    try:
        pairs = parse_qsl(body.decode(errors="replace"), keep_blank_values=True, max_num_fields=50)
    except ValueError as error:
        raise problems.PlainTextError("too many fields") from error
    names = [name for name, _ in pairs]
    return {name: value for name, value in pairs if names.count(name) == 1}


def _told(error: OAuthError) -> Response:
    if error.redirect:
        return RedirectResponse(error.redirect, status_code=303, headers=_NO_STORE)
    return pages.message("Cannot sign in", error.description, status=error.status)


def _refused(error: OAuthError) -> Response:
    answer = problems.json_response(
        {"error": error.code, "error_description": error.description}, status=error.status
    )
    answer.headers.update(_NO_STORE)
    if error.status == 401:
        answer.headers["WWW-Authenticate"] = "Basic"
    return answer


def _answer(content: dict[str, Any]) -> Response:
    answer = problems.json_response(content)
    answer.headers.update(_NO_STORE)
    return answer


def _provider(request: Request) -> Provider:
    provider: Provider = request.app.state.identity
    return provider


for _path, _endpoint in (
    ("/.well-known/oauth-protected-resource", protected_resource),
    ("/.well-known/openid-configuration", metadata),
    ("/.well-known/oauth-authorization-server", metadata),
    ("/oauth2/jwks", key_set),
    ("/oauth2/authorize", authorize),
    ("/oauth2/userinfo", userinfo),
    ("/device", device_page),
):
    router.add_api_route(_path, _endpoint, methods=["GET"], response_model=None)
for _path, _endpoint in (
    ("/oauth2/token", token),
    ("/oauth2/revoke", revoke),
    ("/oauth2/login", login),
    ("/oauth2/device_authorization", device_authorization),
    ("/device", device),
):
    router.add_api_route(_path, _endpoint, methods=["POST"], response_model=None)
