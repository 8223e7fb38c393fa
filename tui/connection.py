"""How the dashboard finds the API: from an instance's files, or from an address it was given.

The client is loaded in a thread when it is first needed, so that the first picture need not wait
for the HTTP library.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from choreo_local.apiclient import login
from choreo_local.apiclient.types import (
    BoardEvent,
    Details,
    Diagnosis,
    InstanceStatus,
    LogLine,
    Plan,
)
from choreo_local.paths import InstancePaths

if TYPE_CHECKING:
    from choreo_local.apiclient.client import ApiClient


class Platform(Protocol):
    """What the dashboard asks of the platform; `ApiClient` answers it."""

    def status(self) -> Awaitable[InstanceStatus]:
        """Planes, capabilities, memory."""

    def watch_board(
        self, namespace: str, *, project: str | None = None
    ) -> AsyncIterator[BoardEvent]:
        """The board, then its changes."""

    def promotion_plan(
        self, namespace: str, component: str, *, to: str, release: str | None = None
    ) -> Awaitable[Plan]:
        """What promoting would change."""

    def promote(
        self, namespace: str, component: str, *, to: str, release: str, expect_current: str | None
    ) -> Awaitable[Any]:
        """Bind a release in an environment."""

    def rollback_plan(self, namespace: str, component: str, *, environment: str) -> Awaitable[Plan]:
        """What going back would change."""

    def rollback(
        self,
        namespace: str,
        component: str,
        *,
        environment: str,
        release: str,
        expect_current: str | None,
    ) -> Awaitable[Any]:
        """Bind the release before again."""

    def undeploy(self, namespace: str, component: str, *, environment: str) -> Awaitable[Any]:
        """Take the component out of an environment."""

    def why(self, namespace: str, component: str, *, environment: str) -> Awaitable[Diagnosis]:
        """Why it is not ready."""

    def logs(
        self,
        namespace: str,
        component: str,
        *,
        environment: str,
        follow: bool = False,
        tail: int | None = None,
        since: str | None = None,
        previous: bool = False,
    ) -> AsyncIterator[LogLine]:
        """What its containers write."""

    def details(self, namespace: str, component: str, *, environment: str) -> Awaitable[Details]:
        """Conditions, events, pods, releases."""


class Connection(Protocol):
    """Gives the client; `renew` looks again where the API is, for an instance may have moved."""

    @property
    def instance(self) -> str:
        """The instance's name, "" when only an address is known."""

    async def client(self) -> Platform:
        """The client of the API."""

    async def renew(self) -> None:
        """Look again where the API is."""

    async def close(self) -> None:
        """Close all connections."""


class ApiConnection:
    """A connection to a real API.

    Args:
        instance: name of a local instance, "" to use `url`.
        url: address of an API elsewhere.
        token_file: where the token for `url` is.
    """

    def __init__(
        self,
        instance: str,
        *,
        url: str = "",
        token_file: Path | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self.instance = "" if url else instance
        self._url = url
        self._token_file = token_file
        self._environ = environ
        self._paths = InstancePaths.of(instance)
        self._access: login.Access | None = None
        self._client: ApiClient | None = None

    def find(self) -> login.Access:
        """Where the API is; raises what `login.find` raises."""
        if not self._url:
            return login.find(self._paths, self._environ)
        if self._token_file is not None:
            return login.Access(self._url, login.read_token(self._token_file))
        return login.Access(self._url, self._environ.get(login.TOKEN_VARIABLE, ""))

    async def client(self) -> Platform:
        """The client; raises what `find` raises."""
        if self._client is None:
            await self._open(self.find())
        assert self._client is not None
        return self._client

    async def renew(self) -> None:
        """Take another client when address or token changed."""
        access = self.find()
        if access != self._access:
            await self._open(access)

    async def close(self) -> None:
        """Close all connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def _open(self, access: login.Access) -> None:
        cls = await asyncio.to_thread(_load_client)
        old = self._client
        self._client = cls(access.url, access.token or None, persona=access.persona)
        self._access = access
        if old is not None:
            await old.close()


def _load_client() -> type[ApiClient]:
    from choreo_local.apiclient import transport
    from choreo_local.apiclient.client import ApiClient

    transport.load()
    return ApiClient
