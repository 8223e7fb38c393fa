"""All use cases of an instance, made of a control-plane client and the clients of the planes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from choreo_local.kubeclient.client import KubeClient
from choreo_local.services.base import Objects
from choreo_local.services.cluster import Cluster
from choreo_local.services.components import Components


class Planes(Protocol):
    """Plane kind and id → its client; `planes.PlaneClients` is one."""

    def client(self, kind: str, plane_id: str) -> KubeClient:
        """Raises UnreachableError when nothing connects us with the plane."""


@dataclass(frozen=True, slots=True)
class Services:
    """The use cases, by theme."""

    objects: Objects
    components: Components


def assemble(client: KubeClient, planes: Planes) -> Services:
    """Build the use cases over `client`, the control plane's kube API."""
    cluster = Cluster(client)
    objects = Objects(client)
    return Services(objects=objects, components=Components(cluster, objects))
