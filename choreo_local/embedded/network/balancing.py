"""Which endpoint the next connection goes to."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from choreo_local.embedded.network.table import Endpoint

_REMEMBERED_CLIENTS = 10_000


class Balancer:
    """Round robin over the endpoints of one Service port, with affinity by client if asked."""

    def __init__(self) -> None:
        self._endpoints: Sequence[Endpoint] = ()
        self._next = 0
        self._clients: OrderedDict[str, tuple[Endpoint, float]] = OrderedDict()

    def use(self, endpoints: Sequence[Endpoint]) -> None:
        """Choose among these from now on."""
        self._endpoints = endpoints

    def serves(self, address: str, port: int) -> bool:
        """Whether this is one of the endpoints."""
        return any((each.address, each.port) == (address, port) for each in self._endpoints)

    def order(
        self, client: str = "", *, affinity_seconds: int = 0, now: float = 0.0
    ) -> list[Endpoint]:
        """All endpoints in the order in which to try them for a client."""
        count = len(self._endpoints)
        if not count:
            return []
        start = self._next % count
        self._next = start + 1
        order = [*self._endpoints[start:], *self._endpoints[:start]]
        if affinity_seconds:
            known, until = self._clients.get(client, (None, 0.0))
            if known in order and until > now:
                order.remove(known)
                order.insert(0, known)
        return order

    def remember(
        self, client: str, endpoint: Endpoint, *, affinity_seconds: int, now: float
    ) -> None:
        """The client was connected to an endpoint and shall come back to it."""
        self._clients[client] = (endpoint, now + affinity_seconds)
        self._clients.move_to_end(client)
        while len(self._clients) > _REMEMBERED_CLIENTS:
            self._clients.popitem(last=False)
