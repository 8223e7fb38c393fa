"""The API as a client meets it: over HTTP, on a free port."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from starlette.types import ASGIApp

from choreo_local import clock
from choreo_local.api import registry
from choreo_local.apiclient.client import ApiClient
from choreo_local.apiserver import security
from choreo_local.apiserver.app import create_app
from choreo_local.apiserver.audit import AuditLog
from choreo_local.apiserver.server import ApiServer
from choreo_local.authz.disabled import Disabled
from choreo_local.authz.interfaces import DecisionPoint
from choreo_local.authz.live import LivePolicies
from choreo_local.authz.types import Request, Subject
from choreo_local.identity.issuers import Configuration
from choreo_local.identity.provider import Provider
from choreo_local.identity.remotekeys import ExternalIssuers
from choreo_local.kubeclient.client import KubeClient
from choreo_local.services.assembly import assemble
from tests.services import waiting
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
    """A running API; `call` sends raw requests, `client` is the typed client of the owner."""

    url: str
    client: ApiClient
    session: aiohttp.ClientSession
    decisions: DecisionPoint
    kube: KubeClient

    async def follow(self) -> None:
        """Return once all bindings that were written before are in force."""
        mark = f"mark-{clock.random_suffix()}"
        spec = {
            "effect": "allow",
            "entitlement": {"claim": "groups", "value": mark},
            "roleMappings": [{"roleRef": {"kind": "ClusterAuthzRole", "name": "admin"}}],
        }
        kind = registry.CLUSTER_AUTHZ_ROLE_BINDING
        await self.kube.create(
            kind,
            {
                "apiVersion": kind.api_version,
                "kind": kind.kind,
                "metadata": {"name": mark},
                "spec": spec,
            },
        )
        asked = Request(Subject("user", "groups", (mark,)), "component:view")

        async def is_in_force() -> bool:
            return self.decisions.decide(asked).allowed

        await waiting.until(is_in_force, bool, seconds=30)

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        data: bytes | None = None,
        token: str | None = TOKEN,
        host: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, Any, dict[str, str]]:
        """Status, body (decoded when it is JSON) and headers of an answer."""
        sent = {"Authorization": f"Bearer {token}"} if token else {}
        if host:
            sent["Host"] = host
        async with self.session.request(
            method, self.url + path, json=body, data=data, headers={**sent, **(headers or {})}
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
async def serve(
    platform: Platform,
    *,
    authorization: bool = True,
    provider: Callable[[str], Provider] | None = None,
    audit: AuditLog | None = None,
    authenticate: security.Authenticate | None = None,
    trusted: Configuration | None = None,
    assistants: ASGIApp | None = None,
) -> AsyncIterator[Api]:
    """The API over a platform, to which the default roles are added.

    Given its URL, `provider` makes the place to sign in; `authenticate` replaces what knows the
    tokens of these tests. `trusted` are issuers besides the provider; `assistants` answers at
    `/mcp`.
    """
    await platform.apply_bundle("authz")
    policies = LivePolicies(platform.client)
    await policies.start()
    try:
        decisions = policies.enforcer if authorization else Disabled()
        async with _serve(
            platform, decisions, provider, audit, authenticate, trusted, assistants
        ) as api:
            yield api
    finally:
        await policies.stop()


@asynccontextmanager
async def _serve(
    platform: Platform,
    decisions: DecisionPoint,
    provider: Callable[[str], Provider] | None,
    audit: AuditLog | None,
    authenticate: security.Authenticate | None,
    trusted: Configuration | None,
    assistants: ASGIApp | None,
) -> AsyncIterator[Api]:
    async def status() -> dict[str, Any]:
        return STATUS

    sock = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    services = assemble(platform.client, platform.planes)
    known = provider(url) if provider else None
    configured = trusted or Configuration()
    elsewhere, types = ExternalIssuers(configured.issuers), configured.subject_types
    if authenticate is None and known is not None:
        authenticate = security.owner_or_signed(TOKEN, known, elsewhere, types)
    app = create_app(
        services=services,
        authenticate=authenticate or _authenticate,
        decisions=decisions,
        status=status,
        provider=known,
        elsewhere=elsewhere,
        subject_types=types,
        audit=audit,
        assistants=assistants,
    )
    server = ApiServer(app, sock)
    await server.start()
    try:
        async with ApiClient(url, TOKEN) as client, aiohttp.ClientSession() as session:
            yield Api(url, client, session, decisions, platform.client)
    finally:
        await server.stop()
