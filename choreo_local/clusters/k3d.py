"""A k3d cluster as a driver: made for an instance, found again by its label, ended with it."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import socket
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import yaml

from choreo_local.apimachinery import yamltext
from choreo_local.clusters import callbacks, hostimages, k3dconfig, kubeconfigs
from choreo_local.clusters.driver import Callback, Capability, ClusterSpec, NodeNetwork
from choreo_local.clusters.k3dcommand import Cluster, K3d, PortTakenError
from choreo_local.clusters.remote import RemoteCluster
from choreo_local.embedded.kubelet.hostimages import HostImage
from choreo_local.errors import (
    ApiError,
    ChoreoError,
    PreflightError,
    UnreachableError,
    WaitTimeoutError,
)
from choreo_local.kubeclient.access import KubeAccess

logger = logging.getLogger(__name__)

HOST = "host.k3d.internal"
_PORT = 6550
_READY_SECONDS = 180
_POLL_SECONDS = 0.5


class K3dDriver:
    """Runs the platform on a k3d cluster of its own; implements `driver.ClusterDriver`.

    Args:
        spec: what the platform wants.
        command: runs k3d.
    """

    name = "k3d"

    def __init__(self, spec: ClusterSpec, command: K3d) -> None:
        self._spec = spec
        self._k3d = command
        self._cluster = ""
        self._known: Mapping[str, Any] | None = None
        self._remote = RemoteCluster(spec, self._content)

    def _content(self) -> Mapping[str, Any]:
        if self._known is None:
            text = self._k3d.kubeconfig(self._cluster)
            content = yaml.load(text, yamltext.LOADER)
            self._known = kubeconfigs.single([(self._spec.paths.kubeconfig, content)], "")
        return self._known

    @property
    def server(self) -> str:
        """Base URL of the Kubernetes API."""
        return self._remote.server

    @property
    def identity(self) -> str:
        """Nobody else's can be meant."""
        return ""

    @property
    def ownership(self) -> None:
        """The whole cluster is ours."""

    @property
    def callback(self) -> Callback:
        """This machine's address on the cluster's network; the name that k3d gives it inside the
        nodes where the engine runs in a machine of its own.
        """
        if self._spec.target.reachable_at:
            return self._remote.callback()
        found = self.node_network
        if found is not None:
            return Callback(found.address, found.address)
        return Callback(HOST, "127.0.0.1")

    @property
    def node_network(self) -> NodeNetwork | None:
        """None where the engine runs in a machine of its own, which forwards to loopback."""
        address, network = self._k3d.network(self._cluster)
        if not callbacks.is_own(address):
            return None
        return NodeNetwork(address, IPv4Network(network, strict=False))

    def start_api(self) -> None:
        """Find our cluster, or make it, and return once its API answers and a node is ready."""
        self._cluster = ensure(self._k3d, self._spec)
        self._await_node()

    def _await_node(self) -> None:
        """k3d returns before a node is there, and a young cluster refuses for a while."""
        deadline = time.monotonic() + _READY_SECONDS
        while True:
            try:
                self._remote.start()
            except (ApiError, UnreachableError, OSError) as error:
                problem = str(error)
            else:
                if self._remote.inventory and self._remote.inventory.nodes:
                    return
                self._remote.stop()
                problem = "no node is ready"
            if time.monotonic() > deadline:
                raise WaitTimeoutError(
                    f'the k3d cluster "{self._cluster}" does not get ready: {problem}',
                    remedy=f"See its log: docker logs k3d-{self._cluster}-server-0",
                )
            self._remote = RemoteCluster(self._spec, self._content)
            time.sleep(_POLL_SECONDS)

    def start_parts(self) -> None:
        """Take on the planes' identities."""
        self._remote.identify(on_death=self._spec.on_death)

    def access(self, plane: str) -> KubeAccess:
        """As a plane's own identity."""
        return self._remote.access(plane)

    async def admin(self) -> KubeAccess:
        """As k3d's administrator."""
        return await self._remote.admin()

    def provide_images(self) -> str:
        """Make them with the engine, and copy them into the nodes; once for each content."""
        try:
            for image in hostimages.portable(self._spec.images):
                self._provide(image)
        except ChoreoError as error:
            return error.message
        return ""

    def _provide(self, image: HostImage) -> None:
        reference = hostimages.reference(image)
        known = self._spec.paths.root / f"image-{image.name}"
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            hostimages.lay_out(image, folder)
            content = f"{self._cluster} {hostimages.fingerprint(folder)}"
            if known.exists() and known.read_text(encoding="utf-8") == content:
                return
            self._k3d.build(reference, folder)
        self._k3d.import_images(self._cluster, [reference])
        known.write_text(content, encoding="utf-8")

    def stop(self) -> None:
        """End what runs in this process, and stop the nodes; what is stored stays."""
        try:
            self._remote.stop()
        finally:
            if self._cluster:
                self._k3d.stop(self._cluster)

    def capabilities(self) -> Sequence[Capability]:
        """What the cluster can do."""
        return self._remote.capabilities()

    def processes(self) -> Mapping[str, int]:
        """The pid of the gateways' proxy; the nodes are containers."""
        return self._remote.processes()


def ensure(command: K3d, spec: ClusterSpec) -> str:
    """The name of the cluster of an instance, which runs; made where there is none."""
    with _alone():
        found = ours(command, spec.instance_id)
        if found is None:
            return _create(command, spec)
        if found.is_paused:
            raise PreflightError(
                f'cannot use the k3d cluster "{found.name}": somebody has paused its nodes',
                remedy=f"docker unpause {' '.join(node.name for node in found.nodes)}",
            )
        if not found.is_running:
            command.start(found.name)
        return found.name


def ours(command: K3d, instance_id: str) -> Cluster | None:
    """The cluster that carries the label of an instance."""
    return command.find(k3dconfig.LABEL, instance_id)


def delete(command: K3d, instance_id: str) -> bool:
    """Delete the cluster of an instance; whether there was one."""
    with _alone():
        found = ours(command, instance_id)
        if found is None:
            return False
        command.delete(found.name)
        return True


def _create(command: K3d, spec: ClusterSpec) -> str:
    instance = spec.paths.root.name
    taken = {one.name for one in command.list()}
    name = k3dconfig.choose_name(instance, spec.instance_id, taken=taken)
    nodes = k3dconfig.image(spec.target.kubernetes)
    held = spec.sockets.get("registry")
    registry = int(held.getsockname()[1]) if held is not None else 0
    for preferred in (_PORT, 0):
        port = _free_port(preferred)
        config = k3dconfig.config(
            name, instance_id=spec.instance_id, port=port, nodes=nodes, registry=registry
        )
        file = spec.paths.root / "k3d.yaml"
        file.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
        logger.info("Creating k3d cluster name=%s image=%s port=%d", name, nodes, port)
        try:
            command.create(name, file)
        except PortTakenError:
            # The engine sees more than a probe of ours; another port is as good.
            if not preferred:
                raise
        else:
            break
    return name


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Two creations at once would both fail, and leave two networks of one name."""
    path = Path(tempfile.gettempdir()) / f"choreo-k3d-{os.getuid()}.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _free_port(preferred: int) -> int:
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return int(probe.getsockname()[1])
    raise PreflightError("cannot find a free port for the Kubernetes API")


def make(spec: ClusterSpec) -> K3dDriver:
    """The driver for a spec; see `registry.choose`."""
    return K3dDriver(spec, K3d())
