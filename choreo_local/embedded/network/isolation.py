"""Which parts of a route table Envoy refuses, so that the rest is served. Pure but for the trials.

Envoy takes a file as a whole or leaves it. A part is what can be left out alone: a route, a
certificate, a server name whose connections are passed through.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from choreo_local.embedded.network.datapath import Refusals
from choreo_local.embedded.network.table import (
    Certificate,
    PassThrough,
    PortTable,
    Route,
    RouteTable,
    SecureHost,
    VirtualHost,
)

Part = Route | Certificate | PassThrough
# Answers what is wrong with a table; empty for nothing.
Trial = Callable[[RouteTable], Awaitable[str]]

MOST_TRIALS = 60


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a part is refused.

    Attributes:
        is_closed: the route's requests are still matched, and answered 500.
    """

    words: str
    is_closed: bool = False


def parts(table: RouteTable) -> list[Part]:
    """All parts, in order."""
    found: dict[Part, None] = {}
    for port in table.ports:
        for host in (*port.hosts, *(one for each in port.secure for one in each.hosts)):
            found.update(dict.fromkeys(host.routes))
        for each in port.secure:
            found.update(dict.fromkeys(each.certificates))
        found.update(dict.fromkeys(port.pass_through))
    return list(found)


def only(table: RouteTable, kept: Collection[Part]) -> RouteTable:
    """The table with nothing but some of its parts."""
    wanted = frozenset(kept)
    return _changed(table, lambda part: part if part in wanted else None)


def without(table: RouteTable, refused: Mapping[Part, Refused]) -> RouteTable:
    """The table without what is refused; server names without a certificate are not served."""
    if not refused:
        return table

    def change(part: Part) -> Part | None:
        found = refused.get(part)
        if found is None:
            return part
        return closed(part, found.words) if found.is_closed and isinstance(part, Route) else None

    made = [_with_certificates(each) for each in _changed(table, change).ports]
    pairs = zip(table.ports, made, strict=True)
    # A port for TLS of which nothing is left would become one for plain HTTP.
    return RouteTable(tuple(now for before, now in pairs if now.is_tls or not before.is_tls))


def _with_certificates(port: PortTable) -> PortTable:
    return replace(port, secure=tuple(each for each in port.secure if each.certificates))


def closed(route: Route, words: str) -> Route:
    """A route that does nothing but answer 500."""
    return Route(route.name, route.match, refusal=words)


def refusals(table: RouteTable, refused: Mapping[Part, Refused]) -> Refusals:
    """What statuses must say of it."""
    named = {part.name: found.words for part, found in refused.items() if isinstance(part, Route)}
    hosts: dict[tuple[int, str], str] = {}
    for port in table.ports:
        for host in port.secure:
            for each in host.certificates:
                if each in refused:
                    hosts[port.port, host.hostname] = refused[each].words
        for passing in port.pass_through:
            if passing in refused:
                hosts[port.port, passing.hostname] = refused[passing].words
    return Refusals(named, hosts)


async def find(
    table: RouteTable, trial: Trial, *, proven: Iterable[Part] = (), most: int = MOST_TRIALS
) -> dict[Part, Refused]:
    """The parts without which `trial` finds nothing wrong; empty when it never did.

    What is `proven` is suspected only if it is refused by itself. When `most` trials have not found
    everything, all that is still in doubt is refused.
    """
    return await _Search(table, trial, most).run(proven)


class _Search:
    """Finds, again and again, the first part with which what comes before it is refused."""

    def __init__(self, table: RouteTable, trial: Trial, most: int) -> None:
        self._table = table
        self._trial = trial
        self._left = most
        self._good: list[Part] = []
        self._refused: dict[Part, Refused] = {}

    async def run(self, proven: Iterable[Part]) -> dict[Part, Refused]:
        known = frozenset(proven)
        everything = parts(self._table)
        self._good = [each for each in everything if each in known]
        doubtful = [each for each in everything if each not in known]
        if self._good and await self._fault(()):
            self._good, doubtful = [], everything
        while words := await self._fault(doubtful):
            if self._left <= 0:
                self._refused |= {each: Refused(words) for each in doubtful}
                break
            count, words = await self._first(doubtful, words)
            self._good += doubtful[: count - 1]
            await self._refuse(doubtful[count - 1], words)
            doubtful = doubtful[count:]
            if not doubtful:
                break
        return self._refused

    async def _first(self, doubtful: Sequence[Part], words: str) -> tuple[int, str]:
        """How many parts it takes until they are refused, and with what words."""
        fine, refused = 0, len(doubtful)
        while refused - fine > 1:
            middle = (fine + refused) // 2
            found = await self._fault(doubtful[:middle])
            if found:
                refused, words = middle, found
            else:
                fine = middle
        return refused, words

    async def _refuse(self, part: Part, words: str) -> None:
        """Keep at least the match of a route, so that no other route gets its requests."""
        if isinstance(part, Route):
            shut = closed(part, words)
            table = _changed(
                self._table, lambda each: shut if each == part else self._if_good(each)
            )
            if not await self._try(table):
                self._refused[part] = Refused(words, is_closed=True)
                return
        self._refused[part] = Refused(words)

    def _if_good(self, part: Part) -> Part | None:
        return part if part in self._good else None

    async def _fault(self, doubtful: Sequence[Part]) -> str:
        return await self._try(only(self._table, (*self._good, *doubtful)))

    async def _try(self, table: RouteTable) -> str:
        self._left -= 1
        return await self._trial(table)


def _changed(table: RouteTable, change: Callable[[Part], Part | None]) -> RouteTable:
    """A table with its parts changed or left out."""

    def hosts(found: Iterable[VirtualHost]) -> tuple[VirtualHost, ...]:
        made = []
        for host in found:
            routes = tuple(one for each in host.routes if isinstance(one := change(each), Route))
            if routes or not host.routes:
                made.append(VirtualHost(host.hostname, routes))
        return tuple(made)

    def secure(host: SecureHost) -> SecureHost:
        kept = [one for each in host.certificates if isinstance(one := change(each), Certificate)]
        return SecureHost(host.hostname, tuple(kept), hosts(host.hosts))

    def port(each: PortTable) -> PortTable:
        passing = [one for one in map(change, each.pass_through) if isinstance(one, PassThrough)]
        return PortTable(
            each.port, hosts(each.hosts), tuple(map(secure, each.secure)), tuple(passing)
        )

    return RouteTable(tuple(map(port, table.ports)))
