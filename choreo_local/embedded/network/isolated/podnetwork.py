"""The network of sandboxed pods: attaches them, and keeps the rules as the cluster wants them.

Services and policies are followed; whatever changes leads to a new set of rules that replaces the
old one at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from choreo_local.embedded.dialing import DIRECTLY, Dialing
from choreo_local.embedded.network.isolated import flows, relays
from choreo_local.embedded.network.isolated.addresspool import AddressPool
from choreo_local.embedded.network.isolated.clusterview import Attached, ClusterView
from choreo_local.embedded.network.isolated.homesockets import Home, HomeSockets
from choreo_local.embedded.network.isolated.namespaces import Namespaces, path_of, stream_socket
from choreo_local.embedded.network.isolated.nftables.table import Table
from choreo_local.embedded.network.isolated.outlet import Outlet
from choreo_local.embedded.network.isolated.router import GATEWAY, Link, Router
from choreo_local.embedded.network.isolated.ruleset import Service, World
from choreo_local.embedded.network.isolated.spares import Spares
from choreo_local.embedded.network.isolated.tables import Tables
from choreo_local.embedded.network.serviceports import Entrance
from choreo_local.embedded.network.sources import InformerSource
from choreo_local.errors import ChoreoError, ServiceUnavailableError
from choreo_local.kubeclient.client import KubeClient
from choreo_local.tasks import TaskGroup

logger = logging.getLogger(__name__)

_DEBOUNCE_SECONDS = 0.002
_RETRY_SECONDS = 1.0
_DNS_PORT = 53


@dataclass(frozen=True, slots=True)
class Place:
    """A pod's place in the network; `kubelet.podnetwork.Attachment` by shape."""

    address: str
    enter: tuple[str, ...]


@dataclass(slots=True)
class _Attached:
    address: IPv4Address
    link: Link
    seen: Attached


class IsolatedNetwork:
    """Implements the `PodNetwork` of the kubelet by shape; the two know nothing of each other.

    Args:
        instance_id: gives the link on this machine its name, and the pods their range.
        nsenter: the program that enters namespaces.
        node_address: where pods find node ports.
        has_home: whether pods are reached from a network of ours, and not from this machine's.
        patience_seconds: how long a new pod waits for its rules.
    """

    def __init__(
        self,
        instance_id: str,
        client: KubeClient,
        informers: InformerSource,
        *,
        nsenter: Path,
        node_address: str = "",
        has_home: bool = False,
        patience_seconds: float = 60,
    ) -> None:
        self._instance_id = instance_id
        self._nsenter = nsenter
        self._patience_seconds = patience_seconds
        self._namespaces = Namespaces(has_home=has_home)
        self._sockets: HomeSockets | None = None
        self._router: Router | None = None
        self._outlet: Outlet | None = None
        self._exit_port = 0
        self._relays: dict[int, asyncio.Server] = {}
        self._attached: dict[str, _Attached] = {}
        self._addresses: AddressPool | None = None
        self._spares = Spares(self._make)
        self._tasks = TaskGroup("pod-network")
        self._dirty, self._urgent = asyncio.Event(), asyncio.Event()
        self._changes = self._loaded = 0
        self._progress = asyncio.Condition()
        self._tables = Tables()
        self._rules: Table | None = None
        self._failure = ""
        self._served_before: dict[Entrance, Service] = {}
        self._view = ClusterView(
            client,
            informers,
            gateway=str(GATEWAY),
            node_addresses=[node_address] if node_address else [],
            on_change=self._touch,
        )

    @property
    def resolver(self) -> str:
        """Where pods find the cluster's DNS."""
        return str(GATEWAY)

    @property
    def datagram_obstacle(self) -> str:
        """Why datagrams do not leave the network of the pods; empty when they do."""
        return self._router.outlet_obstacle if self._router is not None else ""

    @property
    def dialing(self) -> Dialing:
        """How pods are connected to, once this has been started."""
        return self._sockets or DIRECTLY

    @property
    def home(self) -> Home | None:
        """The network from which pods are reached, where it is not this machine's."""
        if self._sockets is None or self._namespaces.home is None:
            return None
        return Home(path_of(self._namespaces.home), self.resolver, self._sockets)

    # --- life ------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Make the router; from now on pods can be attached."""
        self._router = await self._namespaces.run(
            lambda: Router(self._namespaces, self._instance_id)
        )
        if self._namespaces.home is not None:
            self._sockets = HomeSockets(self._namespaces.home, self._router.network)
        leaving = await self._open(0)
        self._exit_port = int(leaving.getsockname()[1])
        self._relays[self._exit_port] = await relays.relay(leaving, relays.meant)
        if self._router.outlet is not None:
            self._outlet = Outlet(self._router.outlet)
        self._view.start()
        self._tasks.start(self._view.run(), name="view")
        self._tasks.start(self._run(), name="rules")
        self._tasks.start(self._spares.run(), name="spare-links")

    async def dns_sockets(self) -> tuple[socket.socket, socket.socket]:
        """Where pods ask for names: datagrams and streams."""
        return (
            await self._open(_DNS_PORT, socket.SOCK_DGRAM),
            await self._open(_DNS_PORT, socket.SOCK_STREAM),
        )

    async def _open(self, port: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> socket.socket:
        router = self._running
        return await self._namespaces.run(lambda: router.open(port, kind))

    @property
    def _running(self) -> Router:
        if self._router is None:
            raise ServiceUnavailableError("the network of the pods has not been started")
        return self._router

    async def stop(self) -> None:
        """Remove everything."""
        await self._tasks.stop()
        for server in self._relays.values():
            server.close()
        self._relays.clear()
        if self._outlet is not None:
            self._outlet.close()
            self._outlet = None
        for uid in list(self._attached):
            await self.detach(uid)
        for spare in self._spares.drain():
            self._remove(spare)
        if self._router is not None:
            await self._namespaces.run(self._router.close)
            self._router = None
        if self._sockets is not None:
            self._sockets.close()
        self._namespaces.close()

    # --- pods ------------------------------------------------------------------------------------

    async def attach(self, uid: str, *, address: str = "") -> Place:
        """Give a pod a namespace and an address, the one it had before if possible."""
        found = self._attached.get(uid)
        if found is None:
            found = await self._attach(uid, address)
        return self._place(found)

    async def adopt(self, uid: str, *, address: str, namespace: int) -> Place:
        """The same for a namespace that somebody else has made; its descriptor is ours then."""
        found = self._attached.get(uid)
        if found is not None:
            os.close(namespace)
            return self._place(found)
        return self._place(await self._attach(uid, address, namespace))

    def _place(self, found: _Attached) -> Place:
        enter = (str(self._nsenter), f"--net={path_of(found.link.namespace)}", "--")
        return Place(str(found.address), enter)

    async def _attach(self, uid: str, wanted: str, namespace: int | None = None) -> _Attached:
        found = None if namespace is not None else self._spare(wanted)
        if found is None:
            found = await self._make(wanted, namespace)
        self._attached[uid] = found
        try:
            self._urgent.set()
            await self._until_loaded(self._touch())
        except BaseException:
            await self.detach(uid)
            raise
        return found

    def _spare(self, wanted: str) -> _Attached | None:
        if not wanted:
            return self._spares.take()
        return self._spares.take_that(lambda each: str(each.address) == wanted)

    async def _make(self, wanted: str = "", namespace: int | None = None) -> _Attached:
        router, own = self._running, self._pool.take(wanted)
        try:
            link = await self._namespaces.run(lambda: router.add_pod(own, namespace))
        except BaseException:
            self._pool.release(own)
            raise
        return _Attached(own, link, Attached(link.name, str(own)))

    async def socket_inside(self, address: str) -> socket.socket | None:
        """A socket in the network of the pod that has an address; None when no pod has it."""
        found = next(
            (each for each in self._attached.values() if str(each.address) == address), None
        )
        if found is None:
            return None
        place = found.link.namespace
        return await self._namespaces.run(lambda: self._namespaces.inside(place, stream_socket))

    async def detach(self, uid: str) -> None:
        """Take namespace and address back."""
        found = self._attached.pop(uid, None)
        if found is not None:
            self._remove(found)
            self._touch()

    def _remove(self, found: _Attached) -> None:
        self._running.remove_pod(found.link)
        self._pool.release(found.address)

    @property
    def _pool(self) -> AddressPool:
        if self._addresses is None:
            self._addresses = AddressPool(self._running.network)
        return self._addresses

    # --- rules -----------------------------------------------------------------------------------

    def _touch(self) -> int:
        """Ask for new rules; answers the number of the change."""
        self._changes += 1
        self._dirty.set()
        return self._changes

    async def _until_loaded(self, change: int) -> None:
        try:
            async with asyncio.timeout(self._patience_seconds), self._progress:
                await self._progress.wait_for(lambda: self._loaded >= change)
        except TimeoutError:
            reason = self._failure or f"not within {self._patience_seconds:g} s"
            raise ServiceUnavailableError(f"no rules for the pod's network: {reason}") from None

    async def _run(self) -> None:
        while True:
            await self._dirty.wait()
            with contextlib.suppress(TimeoutError):  # Nobody waits: more changes may come together.
                async with asyncio.timeout(_DEBOUNCE_SECONDS):
                    await self._urgent.wait()
            self._urgent.clear()
            self._dirty.clear()
            change = self._changes
            try:
                await self._load()
            except (OSError, ChoreoError) as error:
                self._failure = str(error)
                logger.exception("Rules of the network not loaded")
                await asyncio.sleep(_RETRY_SECONDS)
                self._dirty.set()
                continue
            self._failure = ""
            async with self._progress:
                self._loaded = change
                self._progress.notify_all()

    async def _load(self) -> None:
        world = self._world()
        await self._open_relays(world)
        # Where this fails, what it knew is not to be trusted.
        tables, self._tables = self._tables, Tables()
        rules = tables.table(world)
        self._tables = tables
        if rules != self._rules:
            self._running.load(rules)
            self._rules = rules
        await self._forget_flows(dict(world.services))

    async def _forget_flows(self, services: dict[Entrance, Service]) -> None:
        before, self._served_before = self._served_before, services
        if flows.has_lost(before, services):
            router = self._running
            try:
                await self._namespaces.run(lambda: router.flows.forget(before, services))
            except OSError as error:
                logger.warning("Flows of datagrams not forgotten error=%s", error)

    def _world(self) -> World:
        network = self._running.network
        attached = {uid: each.seen for uid, each in self._attached.items()}
        return World(
            network=network,
            gateway=str(GATEWAY),
            exit_port=self._exit_port,
            resolver=self._view.resolver(),
            ends=self._view.ends(attached),
            services=self._view.services(),
            policies=self._view.policies(str(network)),
        )

    async def _open_relays(self, world: World) -> None:
        """What listens on this machine's loopback is reached at the router."""
        wanted = {
            each.port
            for service in world.services.values()
            for each in service.endpoints
            if each.address == world.gateway
        }
        for port in wanted - set(self._relays):
            listening = await self._open(port)
            self._relays[port] = await relays.relay(listening, relays.to_this_machine(port))
