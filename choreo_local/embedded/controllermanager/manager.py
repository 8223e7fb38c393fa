"""Starts the control loops of the embedded cluster. Used by its composition."""

from __future__ import annotations

import asyncio
import logging
from ipaddress import IPv4Network

from choreo_local import pki
from choreo_local.embedded.controllermanager import kinds
from choreo_local.embedded.controllermanager.autoscaler import AutoscalerLoop
from choreo_local.embedded.controllermanager.certificates import CertificatesLoop
from choreo_local.embedded.controllermanager.cronjob import CronJobLoop
from choreo_local.embedded.controllermanager.daemonset import DaemonSetLoop
from choreo_local.embedded.controllermanager.deployment import DeploymentLoop
from choreo_local.embedded.controllermanager.disruption import DisruptionLoop
from choreo_local.embedded.controllermanager.endpoints import EndpointsLoop
from choreo_local.embedded.controllermanager.ephemeralvolumes import EphemeralVolumesLoop
from choreo_local.embedded.controllermanager.events import EventRecorder
from choreo_local.embedded.controllermanager.garbagecollector import GarbageCollector
from choreo_local.embedded.controllermanager.informers import SharedInformers
from choreo_local.embedded.controllermanager.job import JobLoop
from choreo_local.embedded.controllermanager.loadbalancers import LoadBalancersLoop
from choreo_local.embedded.controllermanager.mirroring import EndpointMirroringLoop
from choreo_local.embedded.controllermanager.namespace import NamespaceLoop
from choreo_local.embedded.controllermanager.nodelifecycle import NodeLifecycleLoop
from choreo_local.embedded.controllermanager.objects import Objects
from choreo_local.embedded.controllermanager.podgc import PodGarbageLoop
from choreo_local.embedded.controllermanager.replicaset import ReplicaLoop
from choreo_local.embedded.controllermanager.resourcequota import ResourceQuotaLoop
from choreo_local.embedded.controllermanager.servedkinds import ServedKinds
from choreo_local.embedded.controllermanager.serviceaccount import NamespaceContentLoop
from choreo_local.embedded.controllermanager.serviceaccounttokens import ServiceAccountTokensLoop
from choreo_local.embedded.controllermanager.statefulset import StatefulSetLoop
from choreo_local.embedded.controllermanager.volumes import VolumesLoop
from choreo_local.errors import ApiError, UnreachableError
from choreo_local.kubeclient.client import KubeClient
from choreo_local.tasks import TaskGroup

logger = logging.getLogger(__name__)

_DISCOVERY_RETRY_SECONDS = 0.2


class ControllerManager:
    """All control loops, on one event loop, over one set of shared informers.

    Args:
        client: acts as the controller manager; its field manager should be
            `kube-controller-manager`.
        informers: shared with the other parts of the cluster, so that each kind is watched once.
        root_ca: PEM text of the authority that signed the kube API's certificate; published in
            every namespace.
        authority: signs certificate requests; without it they wait.
        volumes_folder: where the node keeps the files of claims; what local volumes say.
        balancers: addresses for Services of type LoadBalancer; without them they wait.
    """

    def __init__(
        self,
        client: KubeClient,
        informers: SharedInformers,
        *,
        root_ca: str = "",
        authority: pki.Identity | None = None,
        volumes_folder: str = "/var/lib/choreo/volumes",
        balancers: IPv4Network | None = None,
    ) -> None:
        self._client = client
        self._informers = informers
        self._root_ca = root_ca
        self._authority = authority
        self._volumes_folder = volumes_folder
        self._balancers = balancers
        self._tasks = TaskGroup("controller-manager")

    def start(self) -> None:
        """Begin to work in the running event loop; returns at once."""
        served = ServedKinds(self._client, self._informers)
        for loop in (
            DeploymentLoop(self._informers, self._objects("deployment-controller")),
            ReplicaLoop(self._informers, self._objects("replicaset-controller")),
            ReplicaLoop(
                self._informers,
                self._objects("replication-controller"),
                kinds.REPLICATION_CONTROLLERS,
            ),
            StatefulSetLoop(self._informers, self._objects("statefulset-controller")),
            DaemonSetLoop(self._informers, self._objects("daemonset-controller")),
            CronJobLoop(self._informers, self._objects("cronjob-controller")),
            VolumesLoop(
                self._informers,
                self._objects("persistentvolume-controller"),
                self._volumes_folder,
            ),
            EphemeralVolumesLoop(self._informers, self._objects("ephemeral_volume")),
            DisruptionLoop(self._informers, self._objects("controllermanager")),
            ResourceQuotaLoop(self._informers, self._objects("resourcequota-controller")),
            AutoscalerLoop(
                self._client, self._informers, self._objects("horizontal-pod-autoscaler")
            ),
            JobLoop(self._informers, self._objects("job-controller")),
            EndpointsLoop(self._informers, self._objects("endpoint-slice-controller")),
            EndpointMirroringLoop(
                self._informers, self._objects("endpoint-slice-mirroring-controller")
            ),
            PodGarbageLoop(self._informers, self._objects("pod-garbage-collector")),
            NodeLifecycleLoop(self._informers, self._objects("node-controller")),
            NamespaceContentLoop(
                self._informers, self._objects("service-account-controller"), self._root_ca
            ),
            ServiceAccountTokensLoop(
                self._informers, self._objects("serviceaccount-token-controller"), self._root_ca
            ),
            NamespaceLoop(self._client, self._informers, served),
        ):
            loop.start(self._tasks)
        if self._authority is not None:
            objects = self._objects("certificate-controller")
            CertificatesLoop(self._informers, objects, self._authority).start(self._tasks)
        if self._balancers is not None:
            objects = self._objects("service-controller")
            LoadBalancersLoop(self._informers, objects, self._balancers).start(self._tasks)
        GarbageCollector(self._client, self._informers, served, self._tasks).start()
        self._tasks.start(self._load(served), name="served kinds")

    async def _load(self, served: ServedKinds) -> None:
        while not served.loaded.is_set():
            try:
                await served.load()
            except (ApiError, UnreachableError) as error:
                logger.warning("Discovery failed error=%s", error)
                await asyncio.sleep(_DISCOVERY_RETRY_SECONDS)

    def _objects(self, component: str) -> Objects:
        recorder = EventRecorder(self._client, component)
        self._tasks.start(recorder.run(), name=f"events of {component}")
        return Objects(self._client, self._informers, recorder)

    async def stop(self) -> None:
        """End all loops."""
        await self._tasks.stop()
