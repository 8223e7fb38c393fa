"""The DNS server of the cluster, on a loopback address, over UDP and TCP.

Names of the cluster are answered from caches; all others are looked up with this machine's own
resolver (addresses only), so that Pods see what the user sees.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from typing import cast

from choreo_local.embedded.network import dnswire, kinds
from choreo_local.embedded.network.directory import ClusterDirectory
from choreo_local.embedded.network.dnsrecords import Zone
from choreo_local.embedded.network.dnswire import Code, Query, Record, Reply, Type, WireError
from choreo_local.embedded.network.slices import SlicesByService
from choreo_local.embedded.network.sources import InformerSource

logger = logging.getLogger(__name__)

_FAMILIES = {Type.A: socket.AF_INET, Type.AAAA: socket.AF_INET6}
_LOOKUP_SECONDS = 5.0
_IDLE_SECONDS = 10.0
_CONCURRENT_LOOKUPS = 64


class DnsServer:
    """Answers on one address.

    Args:
        informers: shared with the rest of the cluster.
        host: a loopback address.
        port: 0 chooses a free one, to be read from `port` after `start`.
    """

    def __init__(
        self, informers: InformerSource, *, host: str, port: int = 0, zone: Zone | None = None
    ) -> None:
        self.host = host
        self.port = port
        self._zone = zone or Zone()
        slices = SlicesByService(informers.of(kinds.ENDPOINT_SLICES), lambda *_: None)
        self._directory = ClusterDirectory(
            informers.of(kinds.SERVICES), informers.of(kinds.NAMESPACES), slices
        )
        self._datagrams: asyncio.DatagramTransport | None = None
        self._streams: asyncio.Server | None = None
        self._further: list[asyncio.DatagramTransport | asyncio.Server] = []
        self._lookups = asyncio.Semaphore(_CONCURRENT_LOOKUPS)
        self._under_way: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen; OSError when the address is taken."""
        loop = asyncio.get_running_loop()
        self._datagrams, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(self), local_addr=(self.host, self.port)
        )
        self.port = self._datagrams.get_extra_info("sockname")[1]
        self._streams = await asyncio.start_server(self._serve_stream, self.host, self.port)

    async def listen_also(self, datagrams: socket.socket, streams: socket.socket) -> None:
        """Answer on sockets that somebody else has opened, too."""
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), sock=datagrams)
        self._further += [transport, await asyncio.start_server(self._serve_stream, sock=streams)]

    async def stop(self) -> None:
        """Stop listening."""
        for each in self._further:
            each.close()
        self._further.clear()
        if self._datagrams is not None:
            self._datagrams.close()
        if self._streams is not None:
            self._streams.close()
        for task in list(self._under_way):
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    def answer_datagram(
        self, data: bytes, client: tuple[str, int], transport: asyncio.DatagramTransport
    ) -> None:
        """Answer a query that came over UDP; what is no query is dropped."""
        try:
            query = dnswire.parse_query(data)
        except WireError:
            return
        reply = self._known(query)
        if reply is not None:
            transport.sendto(dnswire.build_reply(query, reply, limit=query.payload), client)
            return

        async def look_up() -> None:
            found = await self._look_up(query)
            transport.sendto(dnswire.build_reply(query, found, limit=query.payload), client)

        task = asyncio.get_running_loop().create_task(look_up())
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    def _known(self, query: Query) -> Reply | None:
        """The reply from the cluster's own names; None when others must be asked."""
        if not self._zone.covers(query.name):
            return None
        reply = self._zone.answer(self._directory, query.name, query.type)
        return Reply(Code.NO_SUCH_NAME) if reply is None else reply

    async def _look_up(self, query: Query) -> Reply:
        """Ask this machine's resolver."""
        if query.name == "localhost" or query.name.endswith(".localhost"):
            return _localhost(query)
        family = _FAMILIES.get(Type(query.type)) if query.type in set(Type) else None
        if family is None:
            return Reply(Code.NOT_IMPLEMENTED, authoritative=False)
        loop = asyncio.get_running_loop()
        try:
            async with self._lookups, asyncio.timeout(_LOOKUP_SECONDS):
                found = await loop.getaddrinfo(query.name, None, family=family, type=1)
        except socket.gaierror as error:
            missing = error.errno in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", -5))
            code = Code.NO_SUCH_NAME if missing else Code.FAILURE
            return Reply(code, authoritative=False)
        except (OSError, TimeoutError, UnicodeError):
            return Reply(Code.FAILURE, authoritative=False)
        addresses = dict.fromkeys(str(each[4][0]) for each in found)
        records = tuple(Record(query.name, Type(query.type), each, 30) for each in addresses)
        return Reply(records=records, authoritative=False)

    async def _serve_stream(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            while True:
                async with asyncio.timeout(_IDLE_SECONDS):
                    (length,) = struct.unpack("!H", await reader.readexactly(2))
                    data = await reader.readexactly(length)
                query = dnswire.parse_query(data)
                reply = self._known(query) or await self._look_up(query)
                answer = dnswire.build_reply(query, reply)
                writer.write(struct.pack("!H", len(answer)) + answer)
                await writer.drain()
        except (TimeoutError, asyncio.IncompleteReadError, WireError, OSError):
            # The client has gone, is silent, or does not speak DNS.
            writer.close()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: DnsServer) -> None:
        self._server = server
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self._transport is not None:
            self._server.answer_datagram(data, addr, self._transport)


def _localhost(query: Query) -> Reply:
    addresses = {Type.A: "127.0.0.1", Type.AAAA: "::1"}
    for type_, address in addresses.items():
        if query.type == type_:
            return Reply(records=(Record(query.name, type_, address, 30),))
    return Reply()
