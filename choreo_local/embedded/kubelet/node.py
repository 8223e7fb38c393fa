"""The Node object and its lease: what this machine has, and that it is alive.

`manifest` and `status` are pure; `NodeRegistration` writes them.
"""

from __future__ import annotations

import asyncio
import logging
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from choreo_local import __version__, clock
from choreo_local.embedded.kubelet import kinds
from choreo_local.embedded.kubelet.runtime import Capability, Image
from choreo_local.errors import AlreadyExistsError, ApiError, NotFoundError, UnreachableError
from choreo_local.kubeclient.client import KubeClient
from choreo_local.kubeclient.interfaces import PatchType

logger = logging.getLogger(__name__)

KUBELET_VERSION = "v1.36.3"
RUNTIME_LABEL = "choreo.local/runtime"
CAPABILITY_PREFIX = "capability.choreo.local/"
_LEASE_NAMESPACE = "kube-node-lease"
_LEASE_SECONDS = 40
_MOST_IMAGES = 50
_LACKS_DISK = ("DiskPressure", "True", "KubeletHasDiskPressure", "kubelet has disk pressure")
_CONDITIONS = (
    (
        "MemoryPressure",
        "False",
        "KubeletHasSufficientMemory",
        "kubelet has sufficient memory available",
    ),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True)
class Machine:
    """What the node is made of."""

    cpus: int
    memory_bytes: int
    disk_bytes: int
    operating_system: str
    architecture: str
    kernel: str
    description: str
    machine_id: str

    @classmethod
    def this(cls, folder: Path, identity: str) -> Machine:
        """This machine; `folder` lies on the disk that pods use."""
        machine = platform.machine()
        return cls(
            cpus=psutil.cpu_count() or 1,
            memory_bytes=psutil.virtual_memory().total,
            disk_bytes=psutil.disk_usage(str(folder)).total,
            operating_system=platform.system().lower(),
            architecture=_ARCHITECTURES.get(machine, machine),
            kernel=platform.release(),
            description=platform.platform(),
            machine_id=identity,
        )

    def resources(self, pods: int) -> dict[str, str]:
        """Capacity; all of it can be used by pods."""
        return {
            "cpu": str(self.cpus),
            "memory": f"{self.memory_bytes // 1024}Ki",
            "ephemeral-storage": f"{self.disk_bytes // 1024}Ki",
            "pods": str(pods),
        }


@dataclass(frozen=True, slots=True)
class NodeDescription:
    """Everything that the Node object says.

    Attributes:
        runtime: name and version, e.g. `process://1`.
        capabilities: what of a pod is enforced here.
        lacks_disk: whether its disk runs full.
    """

    name: str
    machine: Machine
    address: str
    most_pods: int
    runtime: str
    capabilities: Sequence[Capability]
    images: Sequence[Image]
    lacks_disk: bool = False


def manifest(node: NodeDescription) -> dict[str, Any]:
    """The Node without its status."""
    labels = {
        "kubernetes.io/hostname": node.name,
        "kubernetes.io/os": node.machine.operating_system,
        "kubernetes.io/arch": node.machine.architecture,
        "beta.kubernetes.io/os": node.machine.operating_system,
        "beta.kubernetes.io/arch": node.machine.architecture,
        "node-role.kubernetes.io/control-plane": "",
        RUNTIME_LABEL: node.runtime.partition(":")[0],
    }
    annotations = {
        CAPABILITY_PREFIX + found.name: "true" if found.enforced else f"false: {found.reason}"
        for found in node.capabilities
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": node.name, "labels": labels, "annotations": annotations},
        "spec": {},
    }


def status(node: NodeDescription, *, now: str, since: Mapping[str, str]) -> dict[str, Any]:
    """The status; `since` has the transition times of conditions that hold already."""
    machine = node.machine
    resources = machine.resources(node.most_pods)
    return {
        "capacity": resources,
        "allocatable": resources,
        "conditions": _conditions(now, since, lacks_disk=node.lacks_disk),
        "addresses": [
            {"type": "InternalIP", "address": node.address},
            {"type": "Hostname", "address": node.name},
        ],
        "nodeInfo": {
            "machineID": machine.machine_id,
            "systemUUID": machine.machine_id,
            "bootID": machine.machine_id,
            "kernelVersion": machine.kernel,
            "osImage": machine.description,
            "containerRuntimeVersion": node.runtime,
            "kubeletVersion": f"{KUBELET_VERSION}+choreo.{__version__}",
            "kubeProxyVersion": "",
            "operatingSystem": machine.operating_system,
            "architecture": machine.architecture,
        },
        "images": [
            {"names": _names(image), "sizeBytes": image.size_bytes}
            for image in sorted(node.images, key=_largest_first)[:_MOST_IMAGES]
        ],
    }


def _names(image: Image) -> list[str]:
    """By digest and by tag; host images have no digest that a registry would know."""
    return list(dict.fromkeys([image.id, image.reference])) if image.is_real else [image.reference]


def _largest_first(image: Image) -> tuple[int, str]:
    return -image.size_bytes, image.reference


def _conditions(now: str, since: Mapping[str, str], *, lacks_disk: bool) -> list[dict[str, str]]:
    told = [
        _LACKS_DISK if lacks_disk and each[0] == _LACKS_DISK[0] else each for each in _CONDITIONS
    ]
    return [
        {
            "type": type_,
            "status": value,
            "lastHeartbeatTime": now,
            "lastTransitionTime": since.get(f"{type_}={value}", now),
            "reason": reason,
            "message": message,
        }
        for type_, value, reason, message in told
    ]


class NodeRegistration:
    """Keeps the Node and its lease in the kube API.

    Args:
        node: what is known of it at first.
        look: the same with what may have changed.
    """

    def __init__(
        self,
        client: KubeClient,
        node: NodeDescription,
        look: Callable[[NodeDescription], NodeDescription],
    ) -> None:
        self._client = client
        self._node = node
        self._look = look

    async def register(self) -> dict[str, Any]:
        """Create or bring up to date the Node; answers it."""
        self._node = self._look(self._node)
        wanted = manifest(self._node)
        try:
            found = await self._client.create(kinds.NODES, wanted)
        except AlreadyExistsError:
            change = {
                "metadata": {key: wanted["metadata"][key] for key in ("labels", "annotations")}
            }
            found = await self._client.patch(kinds.NODES, self._node.name, change)
        return await self._post_status(found)

    async def _post_status(self, found: Mapping[str, Any]) -> dict[str, Any]:
        conditions = (found.get("status") or {}).get("conditions") or ()
        since = {f"{c['type']}={c['status']}": c["lastTransitionTime"] for c in conditions}
        wanted = status(self._node, now=clock.timestamp(), since=since)
        return await self._client.patch(
            kinds.NODES,
            self._node.name,
            {"status": wanted},
            patch_type=PatchType.STRATEGIC,
            subresource="status",
        )

    async def run(self, *, renew_seconds: float, status_seconds: float) -> None:
        """Renew the lease and, less often, the status until cancelled."""
        elapsed = 0.0
        while True:
            try:
                await self._renew()
                if elapsed >= status_seconds or self._look(self._node) != self._node:
                    await self.register()
                    elapsed = 0.0
            except (ApiError, UnreachableError) as error:
                logger.warning("Heartbeat failed Node=%s error=%s", self._node.name, error)
            await asyncio.sleep(renew_seconds)
            elapsed += renew_seconds

    async def _renew(self) -> None:
        spec = {
            "holderIdentity": self._node.name,
            "leaseDurationSeconds": _LEASE_SECONDS,
            "renewTime": clock.micro_timestamp(),
        }
        name = self._node.name
        try:
            await self._client.patch(kinds.LEASES, name, {"spec": spec}, _LEASE_NAMESPACE)
        except NotFoundError:
            lease = {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": {"name": name, "namespace": _LEASE_NAMESPACE},
                "spec": spec,
            }
            await self._client.create(kinds.LEASES, lease)
