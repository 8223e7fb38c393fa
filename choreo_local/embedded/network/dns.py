"""The DNS server of the cluster, on a loopback address, over UDP and TCP.

Names of the cluster are answered from caches; addresses of all others are looked up with this
machine's own resolver, so that Pods see what the user sees, and other questions are handed on.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import struct
from dataclasses import replace
from typing import cast

from choreo_local.embedded.network import dnswire, kinds
from choreo_local.embedded.network.directory import ClusterDirectory
from choreo_local.embedded.network.dnsforward import Forwarder
from choreo_local.embedded.network.dnsrecords import Zone
from choreo_local.embedded.network.dnswire import Code, Query, Record, Reply, Type, WireError
from choreo_local.embedded.network.slices import SlicesByService
from choreo_local.embedded.network.sources import InformerSource

logger = logging.getLogger(__name__)

_FAMILIES = {Type.A: socket.AF_INET, Type.AAAA: socket.AF_INET6}
_LOOKUP_SECONDS = 5.0
_IDLE_SECONDS = 10.0
_MOST_CHOICES = 20
_CONCURRENT_LOOKUPS = 64
_OUTSIDE_TTL = 30
_NO_ADDRESS = {getattr(socket, name, None) for name in ("EAI_NODATA", "EAI_ADDRFAMILY")}


class DnsServer:
    """Answers on one address.

    Args:
        informers: shared with the rest of the cluster.
        host: a loopback address.
        port: 0 chooses a free one, to be read from `port` after `start`.
        forwarder: whom to ask what neither the cluster nor this machine's resolver can tell.
    """

    def __init__(
        self,
        informers: InformerSource,
        *,
        host: str,
        port: int = 0,
        zone: Zone | None = None,
        forwarder: Forwarder | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self._zone = zone or Zone()
        self._forwarder = forwarder or Forwarder()
        self._turn = 0
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
        wanted = self.port
        for _ in range(_MOST_CHOICES):
            try:
                await self._listen(wanted)
            except OSError:
                # Of a port that the kernel chose for datagrams, somebody may have the other half.
                if wanted:
                    raise
            else:
                return
        raise OSError(errno.EADDRINUSE, f"no port of {self.host} is free for both UDP and TCP")

    async def _listen(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        datagrams, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(self), local_addr=(self.host, port)
        )
        chosen = datagrams.get_extra_info("sockname")[1]
        try:
            self._streams = await asyncio.start_server(self._serve_stream, self.host, chosen)
        except OSError:
            datagrams.close()
            raise
        self.port, self._datagrams = chosen, datagrams

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
        if reply is not None and not reply.onward:
            transport.sendto(dnswire.build_reply(query, reply, limit=query.payload), client)
            return

        async def look_up() -> None:
            found = await self._answer(query, data, reply, limit=query.payload)
            if not transport.is_closing():
                transport.sendto(found, client)

        task = asyncio.get_running_loop().create_task(look_up())
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    def _known(self, query: Query) -> Reply | None:
        """The reply from the cluster's own names; None when others must be asked."""
        if not self._zone.covers(query.name):
            return None
        reply = self._zone.answer(self._directory, query.name, query.type)
        if reply is None:
            return Reply(Code.NO_SUCH_NAME)
        # Clients that take the first address shall not all take the same.
        self._turn += 1
        return replace(reply, records=_turned(reply.records, self._turn))

    async def _answer(
        self, query: Query, data: bytes, known: Reply | None, *, limit: int | None = None
    ) -> bytes:
        """The answer to what the cluster does not know, or not wholly."""
        name = known.onward if known else query.name
        is_local = name == "localhost" or name.endswith(".localhost")
        async with self._lookups:
            if query.type in _FAMILIES or is_local:
                reply = await self._look_up(name, query.type)
            elif known is not None:
                reply = Reply()
            else:
                forwarded = await self._forwarder.ask(data, as_stream=limit is None)
                if forwarded is not None:
                    return forwarded
                reply = Reply(Code.FAILURE, authoritative=False)
        if known is not None:
            reply = replace(known, code=reply.code, records=(*known.records, *reply.records))
        return dnswire.build_reply(query, reply, limit=limit)

    @staticmethod
    async def _look_up(name: str, type_: int) -> Reply:
        """Ask this machine's resolver."""
        if name == "localhost" or name.endswith(".localhost"):
            return _localhost(name, type_)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_LOOKUP_SECONDS):
                # Of both families: a name that has only the other one does exist.
                found = await loop.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        except socket.gaierror as error:
            if error.errno in _NO_ADDRESS:
                return Reply(authoritative=False)
            code = Code.NO_SUCH_NAME if error.errno == socket.EAI_NONAME else Code.FAILURE
            return Reply(code, authoritative=False)
        except (OSError, TimeoutError, UnicodeError):
            return Reply(Code.FAILURE, authoritative=False)
        family = _FAMILIES[Type(type_)]
        addresses = dict.fromkeys(str(each[4][0]) for each in found if each[0] == family)
        records = tuple(Record(name, Type(type_), each, _OUTSIDE_TTL) for each in addresses)
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
                reply = self._known(query)
                if reply is None or reply.onward:
                    answer = await self._answer(query, data, reply)
                else:
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


def _localhost(name: str, type_: int) -> Reply:
    addresses = {Type.A: "127.0.0.1", Type.AAAA: "::1"}
    for each, address in addresses.items():
        if type_ == each:
            return Reply(records=(Record(name, each, address, _OUTSIDE_TTL),))
    return Reply()


def _turned(records: tuple[Record, ...], turn: int) -> tuple[Record, ...]:
    """The same with the addresses in another order; aliases come first, as they are a path."""
    aliases = tuple(each for each in records if each.type is Type.CNAME)
    rest = records[len(aliases) :]
    start = turn % len(rest) if rest else 0
    return (*aliases, *rest[start:], *rest[:start])
