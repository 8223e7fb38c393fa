"""The HTTP APIs of an instance in a thread of their own."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from choreo_local.allinone.assistants import LateAssistants
from choreo_local.api import labels
from choreo_local.apiserver import security
from choreo_local.apiserver.app import create_app
from choreo_local.apiserver.audit import AuditLog
from choreo_local.apiserver.server import ApiServer
from choreo_local.authz.disabled import Disabled
from choreo_local.authz.interfaces import DecisionPoint
from choreo_local.authz.live import LivePolicies
from choreo_local.identity import directory
from choreo_local.identity import issuers as trusted
from choreo_local.identity.families import Families
from choreo_local.identity.keys import SigningKeys
from choreo_local.identity.provider import Provider
from choreo_local.identity.remotekeys import ExternalIssuers
from choreo_local.kubeclient.access import KubeAccess
from choreo_local.kubeclient.client import KubeClient
from choreo_local.planes import PlaneClients, Remote
from choreo_local.services import assembly
from choreo_local.threads import LoopThread

_SECONDS = 20


class Apis:
    """Serves the OpenChoreo API and ours beside it.

    Args:
        access: as the control plane.
        planes: kind → how to reach the local plane of that kind.
        owner_token: the bearer token of the instance's owner.
        identity: a folder for the keys that sign tokens.
        audit: the file in which calls that change something are noted.
        directories: files with users and clients, later ones on top.
        issuers: a file that names issuers elsewhere; there may be none.
        sock: a listening socket.
        status: the facts of `/choreo/v1/status`.
        authorization: whether roles and bindings decide; otherwise everything is allowed.
        remote: planes that agents connect us with.
    """

    def __init__(
        self,
        access: KubeAccess,
        *,
        planes: Mapping[str, KubeAccess],
        owner_token: str,
        identity: Path,
        directories: Sequence[Path],
        issuers: Path,
        audit: Path,
        sock: socket.socket,
        status: Callable[[], Awaitable[Mapping[str, Any]]],
        authorization: bool = True,
        remote: Remote | None = None,
    ) -> None:
        self._remote = remote
        self._access = access
        self._plane_access = planes
        self._token = owner_token
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        self._provider = Provider(
            lambda: url,
            SigningKeys(identity),
            directory.load(directories),
            Families(identity / "sign-ins" / "families.json"),
        )
        configured = trusted.load(issuers)
        self._elsewhere = ExternalIssuers(configured.issuers)
        self._subject_types = configured.subject_types
        self._assistants = LateAssistants()
        self._audit = AuditLog(audit)
        self._socket = sock
        self._status = status
        self._thread = LoopThread("api")
        self._server: ApiServer | None = None
        self._services: assembly.Services | None = None
        self._authorization = authorization
        self._policies: LivePolicies | None = None
        self._clients: list[KubeClient] = []

    def start(self) -> None:
        """Return once requests are answered."""
        self._thread.start()
        self._thread.call(self._start(), timeout=_SECONDS)

    def stop(self) -> None:
        """Let requests end, then stop."""
        self._thread.call(self._stop(), timeout=_SECONDS)
        self._thread.stop()

    async def _start(self) -> None:
        client = self._access.client(field_manager="openchoreo-api")
        planes = PlaneClients(self._remote)
        for kind, access in self._plane_access.items():
            connected = access.client(field_manager="openchoreo-api")
            planes.connect(kind, labels.DEFAULT, connected)
            self._clients.append(connected)
        self._clients.append(client)
        self._services = assembly.assemble(client, planes)
        decisions = await self._decisions(client)
        app = create_app(
            services=self._services,
            authenticate=security.owner_or_signed(
                self._token, self._provider, self._elsewhere, self._subject_types
            ),
            decisions=decisions,
            status=self._status,
            provider=self._provider,
            elsewhere=self._elsewhere,
            subject_types=self._subject_types,
            audit=self._audit,
            assistants=self._assistants,
        )
        self._server = ApiServer(app, self._socket)
        await self._server.start()

    async def _decisions(self, client: KubeClient) -> DecisionPoint:
        if not self._authorization:
            return Disabled()
        self._policies = LivePolicies(client)
        await self._policies.start()
        return self._policies.enforcer

    async def _stop(self) -> None:
        # First what never ends by itself: the server waits for its open streams.
        await self._assistants.stop()
        if self._services is not None:
            await self._services.stop()
        if self._server is not None:
            await self._server.stop()
        if self._policies is not None:
            await self._policies.stop()
        for client in self._clients:
            await client.close()
        self._audit.close()
