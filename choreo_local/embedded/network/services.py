"""Cluster addresses of Services for Pods that share this machine's loopback.

A user-space proxy: it listens on each cluster address and node port and connects to ready
endpoints in turn. TCP and UDP, session affinity by client address. Not here: SCTP, traffic
policies (there is one node), IPv6, external addresses (this machine's are its user's).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from choreo_local.embedded import dialing
from choreo_local.embedded.dialing import DIRECTLY, Dialing
from choreo_local.embedded.network import backends, kinds, serviceports
from choreo_local.embedded.network.balancing import Balancer
from choreo_local.embedded.network.piping import Address, DatagramEntrance, Entered, Half
from choreo_local.embedded.network.serviceports import Entrance, ServicePort
from choreo_local.embedded.network.slices import SlicesByService
from choreo_local.embedded.network.sources import InformerSource
from choreo_local.embedded.network.table import Endpoint
from choreo_local.kubeclient.interfaces import Manifest
from choreo_local.tasks import TaskGroup

logger = logging.getLogger(__name__)

_DEBOUNCE_SECONDS = 0.002
_CONNECT_SECONDS = 2.0
_RETRY_SECONDS = 5.0


@dataclass(slots=True)
class _Open:
    """An entrance that is listened on; without a handle it could not be opened."""

    meant: ServicePort
    balancer: Balancer
    handle: asyncio.Server | asyncio.DatagramTransport | None = None


# Called with a Service and why this machine does not listen where its balancer should be.
Tell = Callable[[Manifest, str], None]


class ServiceProxy:
    """Keeps one listening socket for each entrance of each Service.

    Args:
        tell: told of what a user of the Service would look for in vain.
    """

    def __init__(
        self,
        informers: InformerSource,
        *,
        node_addresses: Sequence[str] = ("127.0.0.1",),
        pods: Dialing = DIRECTLY,
        tell: Tell = lambda _service, _why: None,
    ) -> None:
        self._services = informers.of(kinds.SERVICES)
        self._node_addresses = node_addresses
        self._pods = pods
        self._tell = tell
        self._open: dict[Entrance, _Open] = {}
        self._wake = asyncio.Event()
        self._tasks = TaskGroup("services")
        self.failures: dict[Entrance, str] = {}
        # Last, as it is told of slices that are known already.
        self._slices = SlicesByService(informers.of(kinds.ENDPOINT_SLICES), self._slice_changed)

    def start(self) -> None:
        """Follow the Services."""
        self._services.add_callback(self._service_changed)
        self._tasks.start(self._run(), name="entrances")

    async def stop(self) -> None:
        """Close all sockets."""
        await self._tasks.stop()
        for entrance in list(self._open):
            self._close(entrance)

    def _service_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        if _offered(old) != _offered(new):
            self._wake.set()

    def _slice_changed(self, namespace: str, service: str) -> None:
        for entrance, each in self._open.items():
            if (each.meant.namespace, each.meant.service) == (namespace, service):
                each.balancer.use(self._endpoints(entrance, each.meant))

    def _endpoints(self, entrance: Entrance, meant: ServicePort) -> tuple[Endpoint, ...]:
        service = self._services.get(meant.service, meant.namespace)
        if service is None:
            return ()
        port = backends.service_port(service, meant.port, entrance.protocol)
        if port is None:
            return ()
        return backends.endpoints(port, self._slices.get(meant.namespace, meant.service))

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            await asyncio.sleep(_DEBOUNCE_SECONDS)
            self._wake.clear()
            await self._look()

    async def _look(self) -> None:
        wanted = serviceports.entrances(self._services.list(), self._node_addresses)
        for entrance, opened in list(self._open.items()):
            if wanted.get(entrance) != opened.meant:
                self._close(entrance)
        for entrance, meant in wanted.items():
            if entrance not in self._open:
                await self._listen(entrance, meant)
            self._open[entrance].balancer.use(self._endpoints(entrance, meant))

    async def _listen(self, entrance: Entrance, meant: ServicePort) -> None:
        opened = self._open[entrance] = _Open(meant, Balancer())
        try:
            opened.handle = await self._listening(entrance, opened)
        except OSError as error:
            if self.failures.get(entrance) != str(error):
                self._complain(entrance, meant, error)
            self.failures[entrance] = str(error)
            # The port may be taken for a moment only.
            loop = asyncio.get_running_loop()
            loop.call_later(_RETRY_SECONDS, self._forget_failed, entrance)
        else:
            self.failures.pop(entrance, None)

    def _complain(self, entrance: Entrance, meant: ServicePort, error: OSError) -> None:
        """Once; users, of balancers only: they do not count on the other addresses here."""
        logger.warning(
            "Service address not available address=%s:%d service=%s/%s error=%s",
            entrance.address, entrance.port, meant.namespace, meant.service, error,
        )  # fmt: skip
        service = self._services.get(meant.service, meant.namespace)
        if service is not None and entrance.address in serviceports.of_balancer(service):
            remedy = "ask its node port"
            if isinstance(error, PermissionError):
                remedy = "only root may listen on ports below 1024; ask its node port"
            where = f"{entrance.address}:{entrance.port}"
            self._tell(service, f"This machine does not listen on {where}: {remedy}")

    async def _listening(
        self, entrance: Entrance, opened: _Open
    ) -> asyncio.Server | asyncio.DatagramTransport:
        loop = asyncio.get_running_loop()

        async def connect(client: Half, peer: str) -> None:
            await self._connect(opened, client, peer)

        def choose(peer: str, known: Address | None) -> Address | None:
            if known is not None and opened.balancer.serves(*known):
                return known
            order = self._order(opened, peer)
            if order:
                self._remember(opened, peer, order[0])
            return (order[0].address, order[0].port) if order else None

        if entrance.protocol == "UDP":
            transport, _ = await loop.create_datagram_endpoint(
                lambda: DatagramEntrance(choose, self._pods),
                local_addr=(entrance.address, entrance.port),
            )
            return transport
        return await loop.create_server(
            lambda: Entered(connect), entrance.address, entrance.port, backlog=512
        )

    def _order(self, opened: _Open, peer: str) -> list[Endpoint]:
        now = asyncio.get_running_loop().time()
        affinity = opened.meant.affinity_seconds
        return opened.balancer.order(peer, affinity_seconds=affinity, now=now)

    @staticmethod
    def _remember(opened: _Open, peer: str, endpoint: Endpoint) -> None:
        if seconds := opened.meant.affinity_seconds:
            now = asyncio.get_running_loop().time()
            opened.balancer.remember(peer, endpoint, affinity_seconds=seconds, now=now)

    async def _connect(self, opened: _Open, client: Half, peer: str) -> None:
        """Connect a client to the first endpoint that answers; reset it when none does."""
        for endpoint in self._order(opened, peer):
            try:
                async with asyncio.timeout(_CONNECT_SECONDS):
                    _, half = await dialing.create_connection(
                        self._pods, Half, endpoint.address, endpoint.port
                    )
            except (OSError, TimeoutError):
                continue
            self._remember(opened, peer, endpoint)
            client.join(half)
            return
        client.refuse()

    def _forget_failed(self, entrance: Entrance) -> None:
        opened = self._open.get(entrance)
        if opened is not None and opened.handle is None:
            del self._open[entrance]
            self._wake.set()

    def _close(self, entrance: Entrance) -> None:
        opened = self._open.pop(entrance)
        self.failures.pop(entrance, None)
        if opened.handle is not None:
            opened.handle.close()


def _offered(service: Manifest | None) -> tuple[object, object]:
    """What the entrances of a Service are made of."""
    if service is None:
        return None, None
    return service["spec"], (service.get("status") or {}).get("loadBalancer")
