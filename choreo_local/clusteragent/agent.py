"""Dials the gateway, keeps the connection, dials again: the life of an agent."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from choreo_local import __version__, clock
from choreo_local.clusteragent.backends import Backends
from choreo_local.clusteragent.session import Session
from choreo_local.errors import PreflightError, UnreachableError, UsageError
from choreo_local.tunnel import planes
from choreo_local.tunnel.messages import MAX_MESSAGE_BYTES

# Gateways ask as often, and give up after 90 s themselves.
_PING_SECONDS = 30.0
_SILENCE_SECONDS = 60.0
_HANDSHAKE_SECONDS = 10.0
_FIRST_DELAY_SECONDS = 0.2
_LONGEST_DELAY_SECONDS = 5.0
# A connection that lasted so long was a good one: the next attempt may come soon.
_GOOD_SECONDS = 10.0


_HANDSHAKE: Mapping[str, str] = {
    planes.AGENT_VERSION: __version__,
    planes.AGENT_FEATURES: planes.FEATURES,
}
_STATUS_TEXT_BYTES = 2000


@dataclass(frozen=True, slots=True)
class Destination:
    """Where an agent dials, and for whom.

    Attributes:
        url: of the gateway, `wss://HOST:PORT/ws`.
        plane: e.g. `dataplane`.
    """

    url: str
    plane: str
    plane_id: str

    @property
    def full_url(self) -> str:
        """The URL with the claim of the agent."""
        claim = urlencode({"planeType": self.plane, "planeID": self.plane_id})
        path = "" if urlsplit(self.url).path.strip("/") else "/ws"
        return f"{self.url.rstrip('/')}{path}?{claim}"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Files by which both ends know each other; read anew for each connection."""

    certificate: Path
    key: Path
    authority: Path | None = None

    def context(self) -> ssl.SSLContext:
        """TLS for one connection; PreflightError when a file cannot be used."""
        try:
            context = ssl.create_default_context(cafile=self.authority)
            # Authorities that upstream's ends accept need not follow every rule of RFC 5280.
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
            context.load_cert_chain(self.certificate, self.key)
        except (OSError, ssl.SSLError) as error:
            raise PreflightError(
                f"cannot use the certificates of the agent: {error}",
                remedy="Name PEM files that belong together: --cert, --key, --ca",
            ) from error
        return context


@dataclass(slots=True)
class State:
    """What an agent can tell of itself.

    Attributes:
        connected: whether the gateway took it in.
        attempts: how often it dialled.
        problem: why the last attempt or connection ended.
    """

    connected: bool = False
    attempts: int = 0
    problem: str = ""


class Agent:
    """Serves one cluster to one gateway.

    Args:
        destination: the gateway.
        credentials: of the agent.
        served: what it serves.
        on_change: told of each change of `state`.
    """

    def __init__(
        self,
        destination: Destination,
        credentials: Credentials,
        served: Backends,
        *,
        on_change: Callable[[State], None] = lambda _: None,
    ) -> None:
        if urlsplit(destination.url).scheme not in {"wss", "https"}:
            raise UsageError(
                f"cannot dial {destination.url}: the tunnel needs TLS",
                remedy="Name a URL that begins with wss://",
            )
        self.state = State()
        # By this a gateway that has not noticed the end of a connection learns of it.
        self._process = clock.new_uid()
        self.session: Session | None = None
        self._destination = destination
        self._credentials = credentials
        self._served = served
        self._on_change = on_change

    async def run(self) -> None:
        """Dial and serve until cancelled."""
        delay = 0.0
        while True:
            began = asyncio.get_running_loop().time()
            self.state.attempts += 1
            try:
                await self._connection()
            except (UnreachableError, PreflightError) as error:
                self._disconnected(error.message)
            lasted = asyncio.get_running_loop().time() - began
            delay = _next_delay(0.0 if lasted > _GOOD_SECONDS else delay)
            await asyncio.sleep(delay * (1 + clock.jitter(0.2)))

    async def _connection(self) -> None:
        """One connection from dial to end; says why it ended by UnreachableError."""
        try:
            dialling = connect(
                self._destination.full_url,
                ssl=self._credentials.context(),
                additional_headers={**_HANDSHAKE, planes.AGENT_PROCESS: self._process},
                compression=None,
                open_timeout=_HANDSHAKE_SECONDS,
                ping_interval=_PING_SECONDS,
                ping_timeout=_SILENCE_SECONDS,
                close_timeout=1,
                max_size=MAX_MESSAGE_BYTES,
            )
            async with dialling as socket:
                self._connected()
                await self._serve(socket)
        except InvalidStatus as error:
            raise UnreachableError(_refusal(error)) from error
        except ConnectionClosed as error:
            raise UnreachableError(f"the connection to the gateway ended: {error}") from error
        except (OSError, TimeoutError, WebSocketException) as error:
            detail = str(error) or type(error).__name__
            raise UnreachableError(
                f"cannot reach the gateway at {self._destination.url}: {detail}"
            ) from error

    async def _serve(self, socket: ClientConnection) -> None:
        async def send(frame: bytes) -> None:
            try:
                await socket.send(frame, text=True)
            except ConnectionClosed as error:
                raise ConnectionError("the connection to the gateway is over") from error

        session = self.session = Session(self._served, send)
        try:
            while True:
                await session.received(await socket.recv(decode=False))
        except ConnectionError:
            # `recv` says why, after what arrived before the end.
            while True:
                await socket.recv(decode=False)
        finally:
            self.session = None
            await session.stop()

    def _connected(self) -> None:
        self.state.connected, self.state.problem = True, ""
        self._on_change(self.state)

    def _disconnected(self, problem: str) -> None:
        was, before = self.state.connected, self.state.problem
        self.state.connected, self.state.problem = False, problem
        if was or problem != before:
            self._on_change(self.state)


def _refusal(error: InvalidStatus) -> str:
    """What the gateway said instead of taking the agent in."""
    response = error.response
    text = (response.body or b"")[:_STATUS_TEXT_BYTES].decode(errors="replace").strip()
    return f"the gateway refused the agent ({response.status_code}): {text or 'without a reason'}"


def _next_delay(delay: float) -> float:
    return min(max(delay * 2, _FIRST_DELAY_SECONDS), _LONGEST_DELAY_SECONDS)
