"""The API as a client meets it: over HTTP, on a free port."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from choreo_local.apiclient.client import ApiClient
from choreo_local.apiserver import security
from choreo_local.apiserver.app import create_app
from choreo_local.apiserver.server import ApiServer
from choreo_local.authz.disabled import Disabled
from choreo_local.authz.interfaces import DecisionPoint
from choreo_local.authz.live import LivePolicies
from choreo_local.authz.types import Subject
from choreo_local.services.assembly import assemble
from tests.services.harness import Platform

TOKEN = "a-token-of-the-owner"
_MEMBER = "a-member-of-"
STATUS: dict[str, Any] = {
    "instance": "test",
    "state": "ready",
    "planes": [{"plane": "control", "connected": True}],
    "memory": {"totalBytes": 5},
}


@dataclass(slots=True)
class Api:
    """A running API; `http` sends raw requests, `client` is the typed client."""

    url: str
    client: ApiClient
    session: aiohttp.ClientSession

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        data: bytes | None = None,
        token: str | None = TOKEN,
        host: str | None = None,
    ) -> tuple[int, Any, dict[str, str]]:
        """Status, body (decoded when it is JSON) and headers of an answer."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if host:
            headers["Host"] = host
        async with self.session.request(
            method, self.url + path, json=body, data=data, headers=headers
        ) as response:
            is_json = response.content_type == "application/json"
            content = await response.json() if is_json else await response.text()
            return response.status, content, dict(response.headers)

    async def must(self, method: str, path: str, body: Any = None) -> Any:
        """The body of an answer that must be a success."""
        status, content, _ = await self.call(method, path, body)
        assert status < 300, content
        return content


def token_of(*values: str, claim: str = "groups") -> str:
    """The token of somebody with these values of a claim, e.g. in these groups."""
    return f"{_MEMBER}{claim}:{','.join(values)}"


def _authenticate(token: str | None) -> Subject | None:
    """Also knows tokens that say who sends them."""
    if token is None or not token.startswith(_MEMBER):
        return security.owner_token(TOKEN)(token)
    claim, _, values = token.removeprefix(_MEMBER).partition(":")
    kind = "user" if claim == "groups" else "service_account"
    return Subject(kind, claim, tuple(filter(None, values.split(","))), id=values)


@asynccontextmanager
async def serve(platform: Platform, *, authorization: bool = True) -> AsyncIterator[Api]:
    """The API over a platform, to which the default roles are added."""
    await platform.apply_bundle("authz")
    policies = LivePolicies(platform.client)
    await policies.start()
    try:
        async with _serve(platform, policies.enforcer if authorization else Disabled()) as api:
            yield api
    finally:
        await policies.stop()


@asynccontextmanager
async def _serve(platform: Platform, decisions: DecisionPoint) -> AsyncIterator[Api]:

    async def status() -> dict[str, Any]:
        return STATUS

    sock = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    services = assemble(platform.client, platform.planes)
    app = create_app(
        services=services, authenticate=_authenticate, decisions=decisions, status=status
    )
    server = ApiServer(app, sock)
    await server.start()
    try:
        async with ApiClient(url, TOKEN) as client, aiohttp.ClientSession() as session:
            yield Api(url, client, session)
    finally:
        await server.stop()
