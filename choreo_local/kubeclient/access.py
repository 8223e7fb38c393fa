"""How this process reaches a kube API as somebody: what each part of the platform is given.

A part that runs in a loop of its own opens its own client; kopf, which brings its own client, gets
a session.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import aiohttp

from choreo_local.kubeclient.client import KubeClient
from choreo_local.kubeclient.transport import AiohttpTransport, bearer


class KubeAccess(Protocol):
    """A kube API, and who asks."""

    def client(self, *, field_manager: str = "choreo") -> KubeClient:
        """A client for the loop in which it is first used."""

    def session(self) -> tuple[str, aiohttp.ClientSession]:
        """Base URL and session for a library that brings its own client."""


# Only the path of the URL matters on a unix socket.
_SERVER = "http://kube"


@dataclass(frozen=True, slots=True)
class SocketAccess:
    """A kube API of this machine over its unix socket; implements `KubeAccess`.

    Attributes:
        token: says who asks; empty for the administrator.
    """

    socket: Path
    token: str = field(repr=False)

    def client(self, *, field_manager: str = "choreo") -> KubeClient:
        """A client for the loop in which it is first used."""
        transport = AiohttpTransport(_SERVER, token=self.token or None, unix_socket=self.socket)
        return KubeClient(transport, field_manager=field_manager)

    def session(self) -> tuple[str, aiohttp.ClientSession]:
        """Base URL and session for a library that brings its own client."""
        connector = aiohttp.UnixConnector(str(self.socket), limit=0)
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return _SERVER, aiohttp.ClientSession(connector=connector, headers=headers)


@dataclass(frozen=True, slots=True)
class ServerAccess:
    """A server over HTTPS; implements `KubeAccess`.

    Attributes:
        server: base URL.
        trust: whom the server must be, and our certificate where we have one.
        token: says the bearer token that is good now; None when the certificate is enough.
    """

    server: str
    trust: ssl.SSLContext | None
    token: Callable[[], str] | None = field(default=None, repr=False)

    def client(self, *, field_manager: str = "choreo") -> KubeClient:
        """A client for the loop in which it is first used."""
        transport = AiohttpTransport(self.server, ssl_context=self.trust, token=self.token)
        return KubeClient(transport, field_manager=field_manager)

    def session(self) -> tuple[str, aiohttp.ClientSession]:
        """Base URL and session for a library that brings its own client."""
        connector = aiohttp.TCPConnector(limit=0, ssl=self.trust or True)
        middlewares = (bearer(self.token, self.server),) if self.token is not None else ()
        return self.server, aiohttp.ClientSession(connector=connector, middlewares=middlewares)
