"""The network of sandboxed pods: attaches them, and keeps the rules as the cluster wants them.

Services and policies are followed; whatever changes leads to a new set of rules that replaces the
old one at once.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from choreo_local.embedded.dialing import DIRECTLY, Dialing
from choreo_local.embedded.network import backends, ciliumpolicies, kinds, serviceports
from choreo_local.embedded.network.isolated import flows, relays, ruleset
from choreo_local.embedded.network.isolated.homesockets import Home, HomeSockets
from choreo_local.embedded.network.isolated.namespaces import Namespaces, path_of
from choreo_local.embedded.network.isolated.nftables.table import Table
from choreo_local.embedded.network.isolated.router import GATEWAY, Link, Router
from choreo_local.embedded.network.isolated.ruleset import End, Service, World
from choreo_local.embedded.network.policy import Peer
from choreo_local.embedded.network.serviceports import Entrance, ServicePort
from choreo_local.embedded.network.slices import SlicesByService
from choreo_local.embedded.network.sources import InformerSource, Sources
from choreo_local.embedded.network.table import Endpoint
from choreo_local.errors import ChoreoError, ServiceUnavailableError
from choreo_local.kubeclient.client import KubeClient
from choreo_local.kubeclient.interfaces import Manifest
from choreo_local.tasks import TaskGroup

logger = logging.getLogger(__name__)

_DEBOUNCE_SECONDS = 0.002
_RETRY_SECONDS = 1.0
_RESERVED = 16
_DNS_PORT = 53
_RESOLVER = Peer(str(GATEWAY), "kube-system", {"k8s-app": "kube-dns"})


@dataclass(frozen=True, slots=True)
class Place:
    """A pod's place in the network; `kubelet.podnetwork.Attachment` by shape."""

    address: str
    enter: tuple[str, ...]


@dataclass(slots=True)
class _Attached:
    address: IPv4Address
    link: Link


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
        self._node_addresses = [node_address] if node_address else []
        self._patience_seconds = patience_seconds
        self._namespaces = Namespaces(has_home=has_home)
        self._sockets: HomeSockets | None = None
        self._router: Router | None = None
        self._exit_port = 0
        self._relays: dict[int, asyncio.Server] = {}
        self._attached: dict[str, _Attached] = {}
        self._promised: set[IPv4Address] = set()
        self._cursor = 0
        self._pods = informers.of(kinds.PODS)
        self._spaces = informers.of(kinds.NAMESPACES)
        self._services = informers.of(kinds.SERVICES)
        self._policies = informers.of(kinds.NETWORK_POLICIES)
        # A kind that clusters have when somebody has defined it.
        self._cilium = Sources(client, informers, [kinds.CILIUM_POLICIES], self._changed)
        self._tasks = TaskGroup("pod-network")
        self._dirty = asyncio.Event()
        self._changes = self._loaded = 0
        self._progress = asyncio.Condition()
        self._rules: Table | None = None
        self._failure = ""
        self._served_before: dict[Entrance, Service] = {}
        # Tells of what is known at once.
        self._slices = SlicesByService(informers.of(kinds.ENDPOINT_SLICES), self._slice_changed)

    @property
    def resolver(self) -> str:
        """Where pods find the cluster's DNS."""
        return str(GATEWAY)

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
        self._pods.add_callback(self._pod_changed)
        for informer in (self._spaces, self._services, self._policies):
            informer.add_callback(self._changed)
        self._tasks.start(self._cilium.run(), name="cilium-policies")
        self._tasks.start(self._run(), name="rules")

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
        for uid in list(self._attached):
            await self.detach(uid)
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
        router, own = self._running, self._take(wanted)
        self._promised.add(own)
        try:
            link = await self._namespaces.run(lambda: router.add_pod(own, namespace))
        finally:
            self._promised.discard(own)
        found = self._attached[uid] = _Attached(own, link)
        try:
            await self._until_loaded(self._touch())
        except BaseException:
            await self.detach(uid)
            raise
        return found

    async def detach(self, uid: str) -> None:
        """Take namespace and address back."""
        found = self._attached.pop(uid, None)
        if found is not None:
            self._running.remove_pod(found.link)
            self._touch()

    def _take(self, wanted: str) -> IPv4Address:
        network = self._running.network
        taken = {each.address for each in self._attached.values()} | self._promised
        if wanted and IPv4Address(wanted) in network and IPv4Address(wanted) not in taken:
            return IPv4Address(wanted)
        usable = network.num_addresses - _RESERVED - 1
        for _ in range(usable):
            # The cursor moves on, so that an address rests before it is used again.
            address = network.network_address + _RESERVED + self._cursor
            self._cursor = (self._cursor + 1) % usable
            if address not in taken:
                return address
        raise ServiceUnavailableError(f"cannot give out an address: all of {network} are used")

    # --- rules -----------------------------------------------------------------------------------

    def _pod_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        before, after = (each and _seen_by_policies(each) for each in (old, new))
        if before != after:
            self._touch()

    def _changed(self, old: Manifest | None, new: Manifest | None) -> None:
        self._touch()

    def _slice_changed(self, namespace: str, service: str) -> None:
        self._touch()

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
            await asyncio.sleep(_DEBOUNCE_SECONDS)
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
        rules = ruleset.table(world)
        if rules != self._rules:
            router = self._running
            await self._namespaces.run(lambda: router.load(rules))
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
        pods = {each["metadata"]["uid"]: each for each in self._pods.list()}
        labels = {
            each["metadata"]["name"]: each["metadata"].get("labels") or {}
            for each in self._spaces.list()
        }
        return World(
            network=self._running.network,
            gateway=str(GATEWAY),
            exit_port=self._exit_port,
            resolver=_with_labels(_RESOLVER, labels),
            ends=[
                _end(each, pods.get(uid), labels) for uid, each in sorted(self._attached.items())
            ],
            services=self._served(),
            policies=self._all_policies(),
        )

    def _all_policies(self) -> list[Manifest]:
        network, node = str(self._running.network), str(GATEWAY)
        found: list[Manifest] = [
            translated
            for each in self._cilium.list(kinds.CILIUM_POLICIES)
            for translated in ciliumpolicies.translated(each, pods=network, node=node)
        ]
        found += self._policies.list()
        return sorted(found, key=lambda each: str(each["metadata"]["uid"]))

    def _served(self) -> dict[Entrance, Service]:
        found: dict[Entrance, Service] = {}
        entrances = serviceports.entrances(
            self._services.list(), self._node_addresses, is_offered=serviceports.is_translatable
        )
        for entrance, meant in sorted(entrances.items(), key=lambda each: str(each[0])):
            endpoints = [_reachable(each) for each in self._endpoints(entrance, meant)]
            found[entrance] = Service(endpoints, sticky=bool(meant.affinity_seconds))
        return found

    def _endpoints(self, entrance: Entrance, meant: ServicePort) -> tuple[Endpoint, ...]:
        service = self._services.get(meant.service, meant.namespace)
        if service is None:
            return ()
        port = backends.service_port(service, meant.port, entrance.protocol)
        if port is None:
            return ()
        return backends.endpoints(port, self._slices.get(meant.namespace, meant.service))

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


def _reachable(endpoint: Endpoint) -> Endpoint:
    if serviceports.is_loopback(endpoint.address):
        return Endpoint(str(GATEWAY), endpoint.port)
    return endpoint


def _seen_by_policies(pod: Manifest) -> tuple[object, ...]:
    containers = pod["spec"].get("containers") or ()
    return pod["metadata"].get("labels"), [each.get("ports") for each in containers]


def _with_labels(peer: Peer, labels: dict[str, dict[str, str]]) -> Peer:
    return Peer(peer.address, peer.namespace, peer.labels, labels.get(peer.namespace, {}))


def _end(found: _Attached, pod: Manifest | None, labels: dict[str, dict[str, str]]) -> End:
    if pod is None:
        return End(found.link.name, Peer(str(found.address)), is_known=False)
    metadata = pod["metadata"]
    containers = [
        *(pod["spec"].get("initContainers") or ()),
        *(pod["spec"].get("containers") or ()),
    ]
    ports = {
        port["name"]: int(port["containerPort"])
        for container in containers
        for port in container.get("ports") or ()
        if port.get("name")
    }
    peer = Peer(
        str(found.address),
        metadata["namespace"],
        metadata.get("labels") or {},
        labels.get(metadata["namespace"], {}),
        ports,
    )
    return End(found.link.name, peer)
