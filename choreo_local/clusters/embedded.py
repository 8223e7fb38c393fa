"""The embedded cluster as a driver: a thread with an event loop, and everything in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from choreo_local.clusters.driver import Capability, ClusterSpec
from choreo_local.embedded.cluster import ClusterFolders, ClusterOptions, EmbeddedCluster
from choreo_local.embedded.machineservice import MachineService
from choreo_local.images.registry import names
from choreo_local.kubeclient.access import KubeAccess, SocketAccess
from choreo_local.threads import LoopThread

if TYPE_CHECKING:
    from choreo_local.images.library import ImageLibrary

_API_SECONDS = 30
_PARTS_SECONDS = 60
_STOP_SECONDS = 60


class EmbeddedDriver:
    """Runs the embedded cluster in this process; implements `driver.ClusterDriver`.

    Args:
        spec: what the platform wants.
    """

    name = "embedded"

    def __init__(self, spec: ClusterSpec) -> None:
        self._spec = spec
        self._server = f"https://127.0.0.1:{spec.sockets['kube'].getsockname()[1]}"
        self._thread = LoopThread("kube")
        self._cluster = EmbeddedCluster(_options(spec))

    @property
    def server(self) -> str:
        """Base URL of the Kubernetes API."""
        return self._server

    @property
    def identity(self) -> str:
        """Nobody else's can be meant."""
        return ""

    @property
    def ownership(self) -> None:
        """The whole cluster is ours."""

    @property
    def callback(self) -> None:
        """The kube API has the checks in itself."""

    @property
    def node_network(self) -> None:
        """The node is this machine."""

    def access(self, plane: str) -> KubeAccess:
        """As a plane's own identity."""
        user = f"choreo:{plane}"
        token = next(token for token, (name, _) in self._spec.users.items() if name == user)
        return SocketAccess(self._spec.paths.socket("kube"), token)

    async def admin(self) -> KubeAccess:
        """Over the socket, which only the owner of the instance can open."""
        return SocketAccess(self._spec.paths.socket("kube"), "")

    def start_api(self) -> None:
        """Return once the kube API answers on HTTPS and its socket."""
        self._thread.start()
        try:
            self._thread.call(self._cluster.start_api(), timeout=_API_SECONDS)
        except BaseException:
            self.stop()
            raise

    def start_parts(self) -> None:
        """Start controllers, scheduler, network and node."""
        self._thread.call(self._cluster.start_parts(), timeout=_PARTS_SECONDS)

    def provide_images(self) -> str:
        """They are this machine's own."""
        return ""

    def stop(self) -> None:
        """Stop pods and parts; what is stored stays."""
        try:
            self._thread.call(self._cluster.stop(), timeout=_STOP_SECONDS)
        finally:
            self._thread.stop()

    def capabilities(self) -> Sequence[Capability]:
        """What the cluster can do on this machine, and what not."""
        return [
            Capability(entry.name, entry.available, entry.reason)
            for entry in self._cluster.capabilities()
        ]

    def processes(self) -> Mapping[str, int]:
        """The pid of the gateways' proxy."""
        pid = self._cluster.envoy_pid
        return {"gateway": pid} if pid else {}


def _options(spec: ClusterSpec) -> ClusterOptions:
    paths = spec.paths
    folders = ClusterFolders(
        database=paths.database,
        pki=paths.pki,
        kubeconfig=paths.kubeconfig,
        socket=paths.socket("kube"),
        pods=paths.pods,
        cache=paths.root / "cache",
        envoy=paths.envoy,
        envoy_log=paths.logs / "envoy.log",
    )
    return ClusterOptions(
        instance_id=spec.instance_id,
        name=spec.name,
        folders=folders,
        sockets=spec.sockets,
        users=spec.users,
        images=spec.images,
        service_range=spec.service_range,
        admission=spec.admission,
        runtime=spec.runtime,
        open_images=lambda: _images(spec),
        machine=_machine(spec),
    )


def _machine(spec: ClusterSpec) -> MachineService:
    """Builds in pods push to the registry, by the name that they know it by."""
    held = spec.sockets.get("registry")
    if held is None:
        return MachineService()
    port = int(held.getsockname()[1])
    return MachineService((names.HOST_NAME,), {names.PORT: port, port: port})


def _images(spec: ClusterSpec) -> ImageLibrary:
    from choreo_local.images import configured  # many starts need none

    held = spec.sockets.get("registry")
    own = names.own_names(held.getsockname()[1]) if held is not None else {}
    return configured.open_library(spec.paths, own=own)


def make(spec: ClusterSpec) -> EmbeddedDriver:
    """The driver for a spec; see `registry.DRIVERS`."""
    return EmbeddedDriver(spec)
