"""What a cluster driver is: makes or adopts a cluster, and says how to reach it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, Protocol

from choreo_local.clusters.ownership import Ownership
from choreo_local.clusters.target import NOWHERE, Target
from choreo_local.kubeclient.access import KubeAccess
from choreo_local.paths import InstancePaths


class AdmissionPlugin(Protocol):
    """Completes and judges writes inside a kube API that runs in this process.

    Both get what that kube API tells of a write; `validate` refuses by raising an ApiError.
    """

    def mutate(self, attributes: Any) -> None: ...

    def validate(self, attributes: Any) -> None: ...


def _nobody_is_told(error: BaseException) -> None:
    del error


@dataclass(frozen=True, slots=True)
class Callback:
    """Where a cluster reaches this process: a name for its certificate, an address to listen on."""

    host: str
    address: str


@dataclass(frozen=True, slots=True)
class NodeNetwork:
    """A network of this machine that the nodes of a cluster are on, and nobody else's programs."""

    address: str
    range: IPv4Network


@dataclass(frozen=True, slots=True)
class ClusterSpec:
    """What the platform wants of a cluster.

    Attributes:
        sockets: purpose (kube, gateway, gateway-tls, dns) → a listening socket that holds the port
            until the part that serves it takes over.
        users: bearer token → user name and groups, for the parts of the platform.
        images: folders of host images.
        service_range: addresses of Services, inside the loopback network.
        admission: what judges OpenChoreo's objects where the cluster can call it directly.
        runtime: how pods are kept apart where we run them: auto, sandbox or process.
        target: which cluster, where we do not make it.
        on_death: told when something in the background ends by itself.
    """

    instance_id: str
    name: str
    paths: InstancePaths
    sockets: Mapping[str, socket.socket]
    users: Mapping[str, tuple[str, Sequence[str]]]
    images: Sequence[Path]
    service_range: IPv4Network
    admission: Sequence[AdmissionPlugin] = ()
    runtime: str = "auto"
    target: Target = NOWHERE
    on_death: Callable[[BaseException], None] = _nobody_is_told


@dataclass(frozen=True, slots=True)
class Capability:
    """Something that a cluster can do, or cannot and why."""

    name: str
    available: bool
    reason: str = ""


class ClusterDriver(Protocol):
    """Runs or reaches one cluster."""

    @property
    def name(self) -> str: ...

    @property
    def server(self) -> str:
        """Base URL of the Kubernetes API."""

    @property
    def identity(self) -> str:
        """Tells the cluster from all others; empty when it is ours to make, or may not be known."""

    @property
    def ownership(self) -> Ownership | None:
        """How to tell our objects from others'; None when the whole cluster is ours."""

    @property
    def callback(self) -> Callback | None:
        """Where the cluster asks for admission; None when it has our checks in itself."""

    @property
    def node_network(self) -> NodeNetwork | None:
        """Where its nodes call our registry; None when they find it on loopback, or never do."""

    def start_api(self) -> None:
        """Return once the Kubernetes API answers."""

    def start_parts(self) -> None:
        """Start what acts upon the objects; the definitions it needs are in place."""

    def access(self, plane: str) -> KubeAccess:
        """As a plane's own identity; after `start_api`, and to be used after `start_parts`."""

    async def admin(self) -> KubeAccess:
        """With all rights, for what comes with the installation."""

    def stop(self) -> None:
        """End everything that was started; what is stored stays."""

    def provide_images(self) -> str:
        """Let pods run the host images; why they cannot, empty when they can."""

    def capabilities(self) -> Sequence[Capability]:
        """What the cluster can do on this machine, and what not."""

    def processes(self) -> Mapping[str, int]:
        """Purpose → pid of child processes, for the memory figures."""
