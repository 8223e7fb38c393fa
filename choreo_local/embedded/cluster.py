"""Assemble, start and stop one embedded cluster; write its kubeconfig.

The parts meet only through the kube API: each gets a client that acts as the user that the part is
upstream. They share one event loop, so their requests are function calls; everybody else comes in
through HTTPS or the unix socket.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from choreo_local import pki
from choreo_local.embedded import podruntime, runtimes
from choreo_local.embedded import scheduler as scheduling
from choreo_local.embedded.addons.externalsecrets import ExternalSecretsController
from choreo_local.embedded.addons.pushsecrets import PushSecretsController
from choreo_local.embedded.controllermanager.events import EventRecorder
from choreo_local.embedded.controllermanager.informers import SharedInformers
from choreo_local.embedded.controllermanager.manager import ControllerManager
from choreo_local.embedded.controllermanager.plans import Manifest, Note
from choreo_local.embedded.dialing import DIRECTLY, Dialing, nowhere
from choreo_local.embedded.kubeapi.admission import Plugin
from choreo_local.embedded.kubeapi.app import KubeApi, KubeApiOptions
from choreo_local.embedded.kubeapi.local import LocalTransport
from choreo_local.embedded.kubeapi.messages import User
from choreo_local.embedded.kubeapi.nodes import NodeConnection
from choreo_local.embedded.kubeapi.server import Server, tls_context
from choreo_local.embedded.kubelet import addresses
from choreo_local.embedded.kubelet.hostimages import Catalogue
from choreo_local.embedded.kubelet.kubelet import Kubelet, KubeletSettings
from choreo_local.embedded.kubelet.launch import Surroundings, inherited_variables
from choreo_local.embedded.kubelet.places import Places
from choreo_local.embedded.kubelet.runtime import ContainerRuntime
from choreo_local.embedded.machineservice import MachineService
from choreo_local.embedded.network.datapath import Addresses, DataPath
from choreo_local.embedded.network.dns import DnsServer
from choreo_local.embedded.network.dnsrecords import Zone
from choreo_local.embedded.network.envoy import Envoy
from choreo_local.embedded.network.gateway import GatewayController
from choreo_local.embedded.network.hostports import HostPorts
from choreo_local.embedded.network.isolated.podnetwork import IsolatedNetwork
from choreo_local.embedded.network.selection import choose_data_path
from choreo_local.embedded.network.services import ServiceProxy
from choreo_local.embedded.serviceranges import ServiceRanges
from choreo_local.embedded.storage.sqlite import SqliteBackend
from choreo_local.embedded.storage.store import Store
from choreo_local.kubeclient import kubeconfig
from choreo_local.kubeclient.client import KubeClient
from choreo_local.tasks import TaskGroup

if TYPE_CHECKING:
    from choreo_local.images.library import ImageLibrary

logger = logging.getLogger(__name__)

NODE_NAME = "choreo"
_LOOPBACK = "127.0.0.1"
_MASTERS = ("system:masters",)


@dataclass(frozen=True, slots=True)
class ClusterFolders:
    """Where an embedded cluster keeps its files."""

    database: Path
    pki: Path
    kubeconfig: Path
    socket: Path
    pods: Path
    cache: Path
    envoy: Path
    envoy_log: Path


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """What the composition root decides.

    Attributes:
        instance_id: marks child processes.
        name: of the cluster and its context in the kubeconfig.
        sockets: purpose (kube, gateway, gateway-tls, dns) → a listening socket that holds the port.
        users: bearer token → user and groups, for the parts of the platform.
        images: folders of host images.
        service_range: addresses of Services, inside the loopback network.
        admission: plugins that judge writes after the built-in ones.
        runtime: how pods are kept apart: auto, sandbox, docker or process.
        open_images: opens the images of registries, where they can be run.
        machine: what pods may reach of this machine.
    """

    instance_id: str
    name: str
    folders: ClusterFolders
    sockets: Mapping[str, socket.socket]
    users: Mapping[str, tuple[str, Sequence[str]]]
    images: Sequence[Path]
    service_range: IPv4Network
    admission: Sequence[Plugin] = ()
    runtime: str = podruntime.AUTO
    open_images: Callable[[], ImageLibrary] | None = None
    machine: MachineService = field(default_factory=MachineService)

    def port(self, purpose: str) -> int:
        """The port that was chosen for a purpose."""
        return int(self.sockets[purpose].getsockname()[1])


@dataclass(frozen=True, slots=True)
class Capability:
    """Something that a cluster can do, or cannot and why."""

    name: str
    available: bool
    reason: str = ""


class _Part(Protocol):
    async def stop(self) -> None: ...


@dataclass(slots=True)
class _Running:
    """What was started, in order."""

    parts: list[_Part] = field(default_factory=list)

    def add(self, part: _Part) -> None:
        self.parts.append(part)

    async def stop(self) -> None:
        loop = asyncio.get_running_loop()
        while self.parts:
            part = self.parts.pop()
            began = loop.time()
            await part.stop()
            logger.info("Stopped part=%s seconds=%.2f", type(part).__name__, loop.time() - began)


class EmbeddedCluster:
    """One cluster in this process; all methods in the loop in which it lives."""

    def __init__(self, options: ClusterOptions) -> None:
        self._options = options
        self._running = _Running()
        self._ports: dict[str, int] = {}
        self._kubelet: Kubelet | None = None
        self._runtime: ContainerRuntime | None = None
        self._isolated: IsolatedNetwork | None = None
        self._choice = podruntime.prepare(options.runtime)
        self._envoy: Envoy | None = None
        self._authority: pki.Identity | None = None
        self._store: Store | None = None
        self._api: KubeApi | None = None
        self._ranges = ServiceRanges.of(options.service_range)
        # Without addresses of its own, a machine has nothing to offer but 127.0.0.1.
        self._has_addresses = addresses.has_own_addresses()
        self._node_address = str(self._ranges.node) if self._has_addresses else _LOOPBACK

    async def start_api(self) -> None:
        """Open the store and answer requests; nothing acts on what is stored yet."""
        options, folders = self._options, self._options.folders
        self._authority = pki.ensure_authority(folders.pki, f"choreo {options.name}")
        self._store = Store(SqliteBackend(folders.database))
        self._ports = {purpose: options.port(purpose) for purpose in options.sockets}
        port = self._ports["kube"]
        users = {
            token: User(name, tuple(groups)) for token, (name, groups) in options.users.items()
        }
        self._api = KubeApi(
            self._store,
            KubeApiOptions(
                tokens=users,
                connect=self._connect,
                serve_metrics=True,
                signing_key=folders.pki / "service-accounts.key",
                server_address=f"127.0.0.1:{port}",
                service_range=str(self._ranges.services),
            ),
        )
        self._api.admission.plugins.extend(options.admission)
        await self._api.start()
        self._running.add(self._api)
        await self._listen(self._api, port)
        self._write_kubeconfig(port)

    async def _listen(self, api: KubeApi, port: int) -> None:
        folder = self._options.folders.pki
        assert self._authority is not None
        service = "kubernetes.default.svc"
        names = ["kubernetes", "kubernetes.default", service, f"{service}.cluster.local"]
        hosts = ["localhost", "127.0.0.1", *names, api.allocator.first_address]
        pki.ensure_server(folder, "kubeapi", authority=self._authority, hosts=hosts)
        context = tls_context(folder / "kubeapi.crt", folder / "kubeapi.key", folder / "ca.crt")
        server = Server(api)
        self._running.add(server)
        self._options.folders.socket.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        await server.listen_unix(self._options.folders.socket)
        # The port was held until now, so that nobody else could take it.
        self._options.sockets["kube"].close()
        await server.listen_https(port=port, context=context)

    def _write_kubeconfig(self, port: int) -> None:
        options = self._options
        assert self._authority is not None
        admin = pki.ensure_client(
            options.folders.pki,
            "admin",
            authority=self._authority,
            user="admin",
            groups=list(_MASTERS),
        )
        content = kubeconfig.of_certificate(
            name=options.name,
            server=f"https://127.0.0.1:{port}",
            authority=self._authority.certificate,
            certificate=admin.certificate,
            key=admin.key,
        )
        pki.write_private(options.folders.kubeconfig, content)

    async def start_parts(self) -> None:
        """Start what acts: controllers, scheduler, network, node."""
        informers = self._start_controllers()
        gateways = await self._start_network(informers)
        # Envoy takes a while to begin, and so do pods.
        await asyncio.gather(gateways.start(), self._start_node())

    def client(self, part: str) -> KubeClient:
        """A client for a part that lives in the cluster's loop."""
        assert self._api is not None
        user = User(f"system:{part}", (*_MASTERS, "system:authenticated"))
        return KubeClient(LocalTransport(self._api, user=user, agent=part), field_manager=part)

    def _start_controllers(self) -> SharedInformers:
        client = self.client("kube-controller-manager")
        watches = TaskGroup("informers")
        self._running.add(watches)
        informers = SharedInformers(client, watches)
        assert self._authority is not None
        manager = ControllerManager(
            client,
            informers,
            root_ca=self._authority.certificate.decode(),
            authority=self._authority,
            volumes_folder=str(Places(self._options.folders.pods).claims),
            balancers=self._ranges.balancers if self._has_addresses else None,
        )
        manager.start()
        self._running.add(manager)
        scheduler = scheduling.Scheduler(self.client("kube-scheduler"))
        scheduler.start()
        self._running.add(scheduler)
        secrets = ExternalSecretsController(self.client("external-secrets"), informers)
        secrets.start()
        self._running.add(secrets)
        pushes = PushSecretsController(self.client("external-secrets"), informers)
        pushes.start()
        self._running.add(pushes)
        return informers

    async def _start_network(self, informers: SharedInformers) -> GatewayController:
        self._options.sockets["gateway"].close()
        self._options.sockets["gateway-tls"].close()
        self._options.sockets["dns"].close()
        machine = self._options.machine
        await machine.ensure(self.client("kube-proxy"))
        zone = Zone(aliases=machine.aliases)
        dns = DnsServer(informers, host=_LOOPBACK, port=self._ports["dns"], zone=zone)
        await dns.start()
        self._running.add(dns)
        await self._start_isolated_network(informers, dns)
        nodes = dict.fromkeys([_LOOPBACK, self._node_address])
        recorder = EventRecorder(self.client("kube-proxy"), "service-proxy")
        notes = TaskGroup("notes")
        notes.start(recorder.run(), name="events of Services")
        self._running.add(notes)

        def tell(service: Manifest, why: str) -> None:
            recorder.record(Note(service, "AddressNotServed", why, warning=True))

        proxy = ServiceProxy(informers, node_addresses=list(nodes), pods=self._dialing, tell=tell)
        proxy.start()
        self._running.add(proxy)
        ports = HostPorts(informers, node_addresses=list(nodes), pods=self._dialing)
        ports.start()
        self._running.add(ports)
        places = Addresses()
        controller = GatewayController(
            self.client("gateway-controller"), informers, self._data_path(places), places
        )
        self._running.add(controller)
        return controller

    async def _start_isolated_network(self, informers: SharedInformers, dns: DnsServer) -> None:
        tools = self._choice.tools
        if tools is None:
            return
        network = IsolatedNetwork(
            self._options.instance_id,
            self.client("kube-proxy"),
            informers,
            nsenter=tools.nsenter,
            has_home=self._choice.is_rootless,
            node_address=self._node_address,
        )
        self._running.add(network)
        await network.start()
        datagrams, streams = await network.dns_sockets()
        await dns.listen_also(datagrams, streams)
        self._isolated = network

    @property
    def _dialing(self) -> Dialing:
        """How pods are connected to."""
        return self._isolated.dialing if self._isolated is not None else DIRECTLY

    def _data_path(self, addresses: Addresses) -> DataPath:
        folders = self._options.folders
        folders.envoy.mkdir(parents=True, exist_ok=True)
        path = choose_data_path(
            dialing=self._dialing,
            abroad=self._isolated.home if self._isolated is not None else None,
            directory=folders.envoy,
            log=folders.envoy_log,
            instance=self._options.instance_id,
            addresses=addresses,
        )
        self._envoy = path if isinstance(path, Envoy) else None
        return path

    async def _start_node(self) -> None:
        options = self._options
        surroundings = Surroundings(
            instance_id=options.instance_id,
            cache_folder=options.folders.cache,
            dns=f"{_LOOPBACK}:{self._ports['dns']}",
            inherited=inherited_variables(),
        )
        self._runtime = runtimes.make(
            self._choice,
            surroundings,
            Catalogue.of_folders(options.images),
            network=self._isolated,
            open_images=options.open_images,
            folder=options.folders.pods,
        )
        settings = KubeletSettings(
            node_name=NODE_NAME, folder=options.folders.pods, address=self._node_address
        )
        kubelet = Kubelet(
            self.client(f"node:{NODE_NAME}"),
            self._runtime,
            settings,
            dialing=self._dialing,
            inside=self._isolated.socket_inside if self._isolated is not None else nowhere,
        )
        await kubelet.start()
        self._running.add(kubelet)
        self._kubelet = kubelet

    def _connect(self, node_name: str) -> NodeConnection | None:
        if self._kubelet is None or node_name != NODE_NAME:
            return None
        return self._kubelet.connection

    def capabilities(self) -> list[Capability]:
        """What this cluster can do on this machine, and what not."""
        found = [
            Capability(entry.name, entry.enforced, entry.reason)
            for entry in (self._runtime.capabilities() if self._runtime else ())
        ]
        served_by = "Envoy" if self._envoy else "a proxy in this process: no TLS, no HTTP/2"
        kept_apart = self._choice.engine is None and self._choice.tools is not None
        found.insert(0, Capability("sandboxes", kept_apart, self._choice.described))
        return [*found, Capability("gateway", available=True, reason=served_by)]

    @property
    def envoy_pid(self) -> int | None:
        """The process of the data-plane gateways."""
        return self._envoy.pid if self._envoy is not None else None

    async def stop(self) -> None:
        """Stop all parts, newest first, and close the store."""
        await self._running.stop()
        if self._store is not None:
            self._store.close()
