"""Copies bytes between two connections, and datagrams between two sockets."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any, cast

from choreo_local.embedded import dialing
from choreo_local.embedded.dialing import DIRECTLY, Dialing

Address = tuple[str, int]
_LONGEST_WAIT_SECONDS = 60.0
_FORWARDED_CLIENTS = 1024


class Half(asyncio.Protocol):
    """One of two connections whose bytes go to the other; ends of streams are handed on."""

    def __init__(self, other: Half | None = None) -> None:
        self.transport: asyncio.Transport | None = None
        self.other = other
        self._early: list[bytes] = []
        self.ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Hand bytes on, or keep them until there is where to."""
        if self.other is None or self.other.transport is None:
            self._early.append(data)
            if self.transport is not None:
                self.transport.pause_reading()
        else:
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        """Hand the end of the stream on; the other direction stays open until it ends too."""
        self.ended = True
        if self.other is not None:
            self._hand_on_end(self.other)
        return True

    def _hand_on_end(self, other: Half) -> None:
        if other.ended:
            for each in (self, other):
                if each.transport is not None:
                    each.transport.close()
        elif other.transport is not None and not other.transport.is_closing():
            other.transport.write_eof()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the other side too, after what was written to it."""
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()

    def pause_writing(self) -> None:
        """Read no more from the other side than this one takes."""
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        """Read on."""
        if self.other is not None and self.other.transport is not None:
            self.other.transport.resume_reading()

    def join(self, other: Half) -> None:
        """Begin to copy in both directions."""
        if other.transport is None or other.transport.is_closing():
            self.refuse()
            return
        self.other, other.other = other, self
        self._flush()
        other._flush()

    def _flush(self) -> None:
        """Hand on what came before there was another side, and read on."""
        early, self._early = self._early, []
        for data in early:
            self.data_received(data)
        if self.ended:
            self.eof_received()
        if early and self.transport is not None:
            self.transport.resume_reading()

    def refuse(self) -> None:
        """Reset the connection, as a closed port does."""
        if self.transport is not None:
            connection = self.transport.get_extra_info("socket")
            # Closing without lingering is what sends a reset instead of an orderly end.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.transport.abort()


class Entered(Half):
    """A connection that arrived at an entrance; `connect` finds its other half."""

    def __init__(self, connect: Callable[[Half, str], Awaitable[None]]) -> None:
        super().__init__()
        self._connect = connect
        self._task: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Look for the other half at once."""
        super().connection_made(transport)
        peer = transport.get_extra_info("peername") or ("",)
        self._task = asyncio.ensure_future(self._connect(self, str(peer[0])))

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop looking when the client has gone."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
        super().connection_lost(exc)


class DatagramEntrance(asyncio.DatagramProtocol):
    """Forwards datagrams; each client has a socket of its own towards its endpoint.

    Args:
        choose: where those of a client go, by its address and by where they went until now.
    """

    def __init__(
        self, choose: Callable[[str, Address | None], Address | None], pods: Dialing = DIRECTLY
    ) -> None:
        self._choose = choose
        self._pods = pods
        self._transport: asyncio.DatagramTransport | None = None
        self._clients: dict[Address, _DatagramReturn] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """Forward a client's datagram."""
        back = self._clients.get(addr)
        known = back.target if back is not None else None
        target = self._choose(addr[0], known)
        if back is not None and target != known:
            back.end()
            back = None
        if target is None or self._transport is None:
            return
        if back is None:
            if len(self._clients) >= _FORWARDED_CLIENTS:
                next(iter(self._clients.values())).end()
            back = _DatagramReturn(self._transport, addr, self._clients)
            self._clients[addr] = back
            back.open(target, self._pods)
        back.send(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """End the sockets of all clients."""
        for back in list(self._clients.values()):
            back.end()


class _DatagramReturn(asyncio.DatagramProtocol):
    """The socket of one client towards its endpoint; ends itself when nothing passes."""

    def __init__(
        self,
        entrance: asyncio.DatagramTransport,
        client: Address,
        clients: dict[Address, _DatagramReturn],
    ) -> None:
        self._entrance = entrance
        self._client = client
        self._clients = clients
        self.target: Address | None = None
        self._transport: asyncio.DatagramTransport | None = None
        self._early: list[bytes] = []
        self._opening: asyncio.Future[Any] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def open(self, target: Address, pods: Dialing) -> None:
        """Connect in the background; what is sent meanwhile is kept."""
        self.target = target
        self._opening = asyncio.ensure_future(
            dialing.create_datagram_endpoint(pods, lambda: self, *target)
        )
        self._used()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send what was kept."""
        self._transport = cast(asyncio.DatagramTransport, transport)
        for data in self._early:
            self._transport.sendto(data)
        self._early.clear()

    def send(self, data: bytes) -> None:
        """Towards the endpoint."""
        self._used()
        if self._transport is not None:
            self._transport.sendto(data)
        elif len(self._early) < 16:
            self._early.append(data)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """Back to the client."""
        self._used()
        self._entrance.sendto(data, self._client)

    def _used(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(_LONGEST_WAIT_SECONDS, self.end)

    def end(self) -> None:
        """Forget the client."""
        self._clients.pop(self._client, None)
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.close()
        elif self._opening is not None:
            self._opening.cancel()
