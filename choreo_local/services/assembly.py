"""All use cases of an instance, made of a control-plane client and the clients of the planes."""

from __future__ import annotations

from dataclasses import dataclass

from choreo_local.kubeclient.client import KubeClient
from choreo_local.services.applying import Applying
from choreo_local.services.autobuild import AutoBuild
from choreo_local.services.base import Objects
from choreo_local.services.cluster import Cluster
from choreo_local.services.components import Components
from choreo_local.services.events import ObjectEvents
from choreo_local.services.feed import BoardFeed
from choreo_local.services.gathering import Gatherer
from choreo_local.services.gitsecrets import GitSecrets
from choreo_local.services.inspection import Inspection
from choreo_local.services.live import Live, Planes
from choreo_local.services.logstream import Logs
from choreo_local.services.planestores import PlaneStores
from choreo_local.services.releases import Releases
from choreo_local.services.secrets import Secrets
from choreo_local.services.shells import Shells
from choreo_local.services.tree import Tree
from choreo_local.services.triggers import Triggers
from choreo_local.services.workflowruns import WorkflowRuns


@dataclass(frozen=True, slots=True)
class Services:
    """The use cases, by theme."""

    objects: Objects
    applying: Applying
    events: ObjectEvents
    components: Components
    releases: Releases
    boards: BoardFeed
    inspection: Inspection
    tree: Tree
    logs: Logs
    shells: Shells
    triggers: Triggers
    workflow_runs: WorkflowRuns
    secrets: Secrets
    git_secrets: GitSecrets
    auto_build: AutoBuild

    async def stop(self) -> None:
        """End what runs in the background; streams end with it."""
        await self.boards.stop()


def assemble(client: KubeClient, planes: Planes) -> Services:
    """Build the use cases over `client`, the control plane's kube API."""
    cluster, objects = Cluster(client), Objects(client)
    gatherer = Gatherer(cluster)
    live = Live(gatherer, planes)
    stores = PlaneStores(cluster, live)
    return Services(
        objects=objects,
        applying=Applying(client, objects),
        events=ObjectEvents(client),
        components=Components(cluster, objects),
        releases=Releases(client, gatherer),
        boards=BoardFeed(client, planes),
        inspection=Inspection(cluster, gatherer, live),
        tree=Tree(cluster, objects, gatherer, live),
        logs=Logs(gatherer, live),
        shells=Shells(gatherer, live),
        triggers=Triggers(cluster, objects, live),
        workflow_runs=WorkflowRuns(cluster, objects, gatherer, live),
        secrets=Secrets(client, cluster, objects, stores),
        git_secrets=GitSecrets(client, cluster, objects, stores),
        auto_build=AutoBuild(client, cluster),
    )
