"""Requests and answers of the kube API, free of any transport.

`server` makes them from HTTP, `local` from calls inside the process, and `app.KubeApi` turns one
into the other.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import parse_qsl

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class User:
    """Who is asking."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, Sequence[str]] = field(default_factory=dict)


ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))
MASTER = User("admin", ("system:masters", "system:authenticated"))


@dataclass(slots=True)
class Request:
    """One request.

    Attributes:
        method: upper case.
        path: as sent, percent-encoded.
        query: as sent, or already split.
        headers: names in lower case; values of a repeated header are joined by a line feed.
        body: the whole body.
        warnings: texts for Warning headers of the answer, be it a success or a refusal.
        user: set when the transport vouches for the caller (client certificate, unix socket,
            function call); otherwise the headers decide.
    """

    method: str
    path: str
    query: str | Sequence[tuple[str, str]] = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    user: User | None = None
    warnings: list[str] = field(default_factory=list)
    _pairs: Sequence[tuple[str, str]] | None = None
    _parameters: dict[str, str] | None = None

    @property
    def pairs(self) -> Sequence[tuple[str, str]]:
        """The query in order, with repetitions."""
        if self._pairs is None:
            query = self.query
            if isinstance(query, str):
                query = parse_qsl(query, keep_blank_values=True) if query else ()
            self._pairs = query
        return self._pairs

    @property
    def parameters(self) -> dict[str, str]:
        """The query by name; of a repeated name the first value counts."""
        if self._parameters is None:
            self._parameters = dict(reversed(self.pairs)) if self.pairs else {}
        return self._parameters

    def header(self, name: str) -> str:
        """A header, empty when absent."""
        return self.headers.get(name, "")


@dataclass(slots=True)
class Response:
    """A complete answer; header names as they are to be sent."""

    status: int
    body: bytes = b""
    content_type: str = JSON
    headers: list[tuple[str, str]] = field(default_factory=list)


# Sends a piece at once; false when it was not taken, as the caller has still to read others.
Push = Callable[[bytes], bool]


@dataclass(slots=True)
class StreamingResponse:
    """An answer whose body arrives in pieces; closing the iterator ends it.

    Attributes:
        patience_seconds: how long the caller may take for one piece; None for ever.
        offer: called, where the server can do that, with a way to send a piece past the iterator.
    """

    status: int
    chunks: AsyncIterator[bytes]
    content_type: str = JSON
    headers: list[tuple[str, str]] = field(default_factory=list)
    patience_seconds: float | None = None
    offer: Callable[[Push], None] | None = None


class Duplex(Protocol):
    """Messages in both directions once a connection has been upgraded.

    For a WebSocket a message is a binary or text frame; for a raw upgrade it is what arrived.
    """

    async def receive(self) -> bytes | None:
        """The next message; None when the other end has gone."""
        ...

    async def send(self, data: bytes) -> None:
        """Send a message; ConnectionError when the other end has gone."""
        ...

    async def close(self) -> None:
        """End the conversation in order."""
        ...


@dataclass(slots=True)
class UpgradeResponse:
    """The connection changes its protocol and is then served by `serve`.

    Attributes:
        websocket: True for a WebSocket, False for a raw `Upgrade: SPDY/3.1`.
        protocol: the negotiated sub-protocol, empty for none.
    """

    serve: Callable[[Duplex], Awaitable[None]]
    websocket: bool
    protocol: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)


Answer = Response | StreamingResponse | UpgradeResponse
