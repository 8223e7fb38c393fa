"""Questions about names of the outside that only a real DNS server can answer, handed on as bytes.

Addresses are looked up with this machine's own resolver instead, so that Pods see what the user
sees; that one cannot be asked for other types.
"""

from __future__ import annotations

import asyncio
import ipaddress
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

from choreo_local.embedded.network.piping import Address

_PORT = 53
_SECONDS = 2.0
_MOST_SERVERS = 3
_CONFIGURATION = Path("/etc/resolv.conf")


def nameservers(text: str) -> list[Address]:
    """The servers of a text like `/etc/resolv.conf`."""
    found: list[Address] = []
    for line in text.splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == "nameserver":
            host = words[1].partition("%")[0]
            try:
                ipaddress.ip_address(host)
            except ValueError:
                continue
            found.append((host, _PORT))
    return found[:_MOST_SERVERS]


def of_machine() -> list[Address]:
    """The servers of this machine, as they are now."""
    try:
        return nameservers(_CONFIGURATION.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return []


class Forwarder:
    """Asks the servers one after the other until one answers.

    Args:
        servers: read anew for each question: laptops change their network.
    """

    def __init__(self, servers: Callable[[], Sequence[Address]] = of_machine) -> None:
        self._servers = servers

    async def ask(self, query: bytes, *, as_stream: bool) -> bytes | None:
        """The answer as it came; None when no server gives one."""
        for server in self._servers():
            try:
                async with asyncio.timeout(_SECONDS):
                    return await (_by_stream if as_stream else _by_datagram)(server, query)
            except (OSError, TimeoutError, EOFError):
                continue
        return None


async def _by_stream(server: Address, query: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(*server)
    try:
        writer.write(struct.pack("!H", len(query)) + query)
        (length,) = struct.unpack("!H", await reader.readexactly(2))
        return await reader.readexactly(length)
    finally:
        writer.close()


async def _by_datagram(server: Address, query: bytes) -> bytes:
    loop = asyncio.get_running_loop()
    transport, asking = await loop.create_datagram_endpoint(
        lambda: _Asking(query[:2]), remote_addr=server
    )
    try:
        transport.sendto(query)
        return await asking.answer
    finally:
        transport.close()


class _Asking(asyncio.DatagramProtocol):
    """Waits for the answer to one question; what does not carry its id is somebody's forgery."""

    def __init__(self, identifier: bytes) -> None:
        self._identifier = identifier
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: Address) -> None:
        if data[:2] == self._identifier and not self.answer.done():
            self.answer.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(exc)
