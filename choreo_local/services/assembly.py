"""All use cases of an instance, made of a control-plane client and the clients of the planes."""

from __future__ import annotations

from dataclasses import dataclass

from choreo_local.kubeclient.client import KubeClient
from choreo_local.services.base import Objects
from choreo_local.services.cluster import Cluster
from choreo_local.services.components import Components
from choreo_local.services.feed import BoardFeed
from choreo_local.services.gathering import Gatherer
from choreo_local.services.inspection import Inspection
from choreo_local.services.live import Live, Planes
from choreo_local.services.logstream import Logs
from choreo_local.services.releases import Releases
from choreo_local.services.tree import Tree


@dataclass(frozen=True, slots=True)
class Services:
    """The use cases, by theme."""

    objects: Objects
    components: Components
    releases: Releases
    boards: BoardFeed
    inspection: Inspection
    tree: Tree
    logs: Logs

    async def stop(self) -> None:
        """End what runs in the background; streams end with it."""
        await self.boards.stop()


def assemble(client: KubeClient, planes: Planes) -> Services:
    """Build the use cases over `client`, the control plane's kube API."""
    cluster, objects = Cluster(client), Objects(client)
    gatherer = Gatherer(cluster)
    live = Live(gatherer, planes)
    return Services(
        objects=objects,
        components=Components(cluster, objects),
        releases=Releases(client, gatherer),
        boards=BoardFeed(client, planes),
        inspection=Inspection(cluster, gatherer, live),
        tree=Tree(cluster, objects, gatherer, live),
        logs=Logs(gatherer, live),
    )
