"""The name by which pods find programs of this machine: a Service that no pod stands behind.

In a pod the loopback address is the pod's own. Clusters in containers of an engine have a name for
the machine beneath them; here it leads to a Service whose endpoints are ports of this machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.kubeclient.client import KubeClient

_SERVICES = ResourceKind("", "v1", "Service", "services")
_SLICES = ResourceKind("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices")
_NAME, _NAMESPACE = "machine", "kube-system"
_OWN_NAME = f"{_NAME}.{_NAMESPACE}.svc.cluster.local"
_LOOPBACK = "127.0.0.1"
_MANAGER = "choreo-machine"


@dataclass(frozen=True, slots=True)
class MachineService:
    """What pods may reach of this machine.

    Attributes:
        names: by which pods call it, besides that of its Service.
        ports: by which pods call a program → where it listens on loopback.
    """

    names: tuple[str, ...] = ()
    ports: Mapping[int, int] = field(default_factory=dict)

    @property
    def aliases(self) -> dict[str, str]:
        """Names outside of the cluster's domain → the one that is meant."""
        return dict.fromkeys(self.names, _OWN_NAME)

    async def ensure(self, client: KubeClient) -> None:
        """Have the Service lead to these ports."""
        if self.ports:
            await client.apply(_SERVICES, self._service(), field_manager=_MANAGER)
            await client.apply(_SLICES, self._slice(), field_manager=_MANAGER)

    def _service(self) -> dict[str, Any]:
        ports = [
            {"name": _port_name(port), "port": port, "targetPort": target, "protocol": "TCP"}
            for port, target in sorted(self.ports.items())
        ]
        return {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": _NAME, "namespace": _NAMESPACE},
            "spec": {"ports": ports},
        }

    def _slice(self) -> dict[str, Any]:
        ports = [
            {"name": _port_name(port), "port": target, "protocol": "TCP"}
            for port, target in sorted(self.ports.items())
        ]
        labels = {"kubernetes.io/service-name": _NAME}
        return {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": _NAME, "namespace": _NAMESPACE, "labels": labels},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [_LOOPBACK], "conditions": {"ready": True}}],
            "ports": ports,
        }


def _port_name(port: int) -> str:
    return f"port-{port}"
