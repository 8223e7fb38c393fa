"""The kubelet: registers the node, keeps a worker for each of its pods, answers the kube API."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from choreo_local import clock
from choreo_local.embedded.dialing import DIRECTLY, Dialing, Inside, nowhere
from choreo_local.embedded.kubelet import environment, kinds, projections
from choreo_local.embedded.kubelet.backoff import BackOff
from choreo_local.embedded.kubelet.checks import Checker
from choreo_local.embedded.kubelet.connection import Connection
from choreo_local.embedded.kubelet.events import NORMAL, Event, EventRecorder
from choreo_local.embedded.kubelet.logfiles import LogBook
from choreo_local.embedded.kubelet.node import Machine, NodeDescription, NodeRegistration
from choreo_local.embedded.kubelet.places import Places
from choreo_local.embedded.kubelet.podspec import Manifest, every_container
from choreo_local.embedded.kubelet.pressure import DiskWatch
from choreo_local.embedded.kubelet.runtime import ContainerRuntime
from choreo_local.embedded.kubelet.sources import SourceReader
from choreo_local.embedded.kubelet.tools import Tools
from choreo_local.embedded.kubelet.volumes import Volumes
from choreo_local.embedded.kubelet.worker import PodWorker
from choreo_local.kubeclient.client import KubeClient
from choreo_local.kubeclient.watcher import Informer
from choreo_local.tasks import TaskGroup

_REPLACE_SECONDS = 5.0
_DISK_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class KubeletSettings:
    """How a kubelet is set up.

    Attributes:
        node_name: of the Node object.
        folder: everything of pods lies below it: volumes, logs.
        address: of the node.
        most_pods: what the node says it can hold.
        lease_seconds: how often the node says that it is alive.
        status_seconds: how often its status is written anew.
        restarts: back-off of crashing containers.
        pulls: back-off of images that cannot be had.
    """

    node_name: str
    folder: Path
    address: str = "127.0.0.1"
    most_pods: int = 500
    lease_seconds: float = 10
    status_seconds: float = 300
    restarts: BackOff | None = None
    pulls: BackOff | None = None


class Kubelet:
    """Runs the pods that are bound to one node.

    Args:
        client: of the kube API; the kubelet's only source of orders.
        runtime: runs containers.
        dialing: how pods are connected to.
        inside: the same from within a pod.

    Attributes:
        connection: for the kube API: logs, exec, attach, ports, usage.
    """

    def __init__(
        self,
        client: KubeClient,
        runtime: ContainerRuntime,
        settings: KubeletSettings,
        *,
        now: Callable[[], datetime] = clock.now,
        dialing: Dialing = DIRECTLY,
        inside: Inside = nowhere,
    ) -> None:
        self._dialing, self._inside = dialing, inside
        self._client = client
        self._runtime = runtime
        self._settings = settings
        self._tasks = TaskGroup("kubelet")
        self._workers: dict[str, PodWorker] = {}
        self._running = TaskGroup("pods")
        self._is_stopping = False
        self._pods = Informer(
            client, kinds.PODS, field_selector=f"spec.nodeName={settings.node_name}"
        )
        self._services = Informer(client, kinds.SERVICES)
        self._config_maps = Informer(client, kinds.CONFIG_MAPS)
        self._secrets = Informer(client, kinds.SECRETS)
        self._claims = Informer(client, kinds.PERSISTENT_VOLUME_CLAIMS)
        settings.folder.mkdir(parents=True, exist_ok=True)
        self._node = self._describe()
        self._tools = self._make_tools(now)
        self._disk = DiskWatch(self._tools.places, lambda: list(self._workers.values()))
        self.connection = Connection(self._tools, settings.node_name, self._workers.values)

    def _describe(self) -> NodeDescription:
        settings = self._settings
        return NodeDescription(
            name=settings.node_name,
            machine=Machine.this(settings.folder, identity=settings.node_name),
            address=settings.address,
            most_pods=settings.most_pods,
            runtime=f"{self._runtime.name}://{self._runtime.version}",
            capabilities=self._runtime.capabilities(),
            images=self._runtime.images(),
        )

    def _look(self, node: NodeDescription) -> NodeDescription:
        images, lacks_disk = self._runtime.images(), self._disk.is_short
        return replace(node, images=images, lacks_disk=lacks_disk)

    def _make_tools(self, now: Callable[[], datetime]) -> Tools:
        settings, node_name = self._settings, self._settings.node_name
        places = Places(settings.folder)
        allocatable = self._node.machine.resources(settings.most_pods)
        return Tools(
            client=self._client,
            runtime=self._runtime,
            recorder=EventRecorder(self._client, component="kubelet", host=node_name),
            sources=SourceReader(
                self._client,
                host_addresses=[settings.address],
                allocatable=allocatable,
                services=self._services.list,
            ),
            volumes=Volumes(places.claims),
            checker=Checker(self._dialing),
            dialing=self._dialing,
            inside=self._inside,
            logs=LogBook(),
            places=places,
            host_addresses=[settings.address],
            restarts=settings.restarts or BackOff(),
            pulls=settings.pulls or BackOff(),
            now=now,
        )

    # --- life ------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Take over the node; returns when its pods are known and being looked after."""
        await self._runtime.start(self._wake)
        # Capabilities may be known better once the runtime has started.
        self._node = self._describe()
        registration = NodeRegistration(self._client, self._node, self._look)
        about = await registration.register()
        followed = [self._services, self._config_maps, self._secrets, self._claims]
        for informer in followed:
            self._tasks.start(informer.run(), name=informer.kind.plural)
        self._tasks.start(self._tools.recorder.run(), name="events")
        self._tools.recorder.record(Event(about, NORMAL, "Starting", "Starting kubelet."))
        for informer in followed:
            await informer.synced.wait()
        self._config_maps.add_callback(self._source_changed)
        self._secrets.add_callback(self._source_changed)
        self._claims.add_callback(self._claim_changed)
        self._pods.add_callback(self._pod_changed)
        self._tasks.start(self._pods.run(), name="pods")
        await self._pods.synced.wait()
        self._tools.places.remove_strangers(self._workers)
        self._tasks.start(
            registration.run(
                renew_seconds=self._settings.lease_seconds,
                status_seconds=self._settings.status_seconds,
            ),
            name="heartbeat",
        )
        self._tasks.start(self._disk.run(every_seconds=_DISK_SECONDS), name="disk")

    async def stop(self) -> None:
        """End all containers; pods stay as they are and run again at the next start."""
        self._is_stopping = True
        await self._tasks.stop()
        await self._running.stop()
        self._workers.clear()
        await self._runtime.stop()
        await self._tools.checker.close()

    @property
    def failures(self) -> dict[str, BaseException]:
        """Background tasks that died."""
        return {**self._tasks.failures, **self._running.failures}

    # --- what has changed ------------------------------------------------------------------------

    def _wake(self, uid: str) -> None:
        worker = self._workers.get(uid)
        if worker is not None:
            worker.wake()

    def _pod_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        before = self._workers.get(old["metadata"]["uid"]) if old else None
        if new is None:
            if before is not None:
                before.vanish()
            return
        uid = new["metadata"]["uid"]
        if before is not None and before.uid != uid:
            before.vanish()
        if uid in self._workers:
            self._workers[uid].update(new)
        else:
            self._take(uid, new)

    def _take(self, uid: str, pod: Manifest) -> None:
        worker = self._workers[uid] = PodWorker(pod, self._tools)
        metadata = pod["metadata"]
        name = f"{metadata['namespace']}/{metadata['name']}"
        task = self._running.start(worker.run(), name=name)
        task.add_done_callback(lambda ended: self._worker_ended(uid, worker, ended))

    def _worker_ended(self, uid: str, worker: PodWorker, ended: asyncio.Task[None]) -> None:
        self._workers.pop(uid, None)
        if not ended.cancelled() and ended.exception() is not None:
            # The pod must not be left alone because of a fault of ours; the group has logged it.
            loop = asyncio.get_running_loop()
            loop.call_later(_REPLACE_SECONDS, self._replace, uid, worker)

    def _replace(self, uid: str, worker: PodWorker) -> None:
        if uid not in self._workers and not self._is_stopping:
            self._take(uid, worker.pod)

    def _source_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        obj = new or old
        if obj is None:
            return
        namespace, name = obj["metadata"].get("namespace"), obj["metadata"]["name"]
        is_secret = obj.get("kind") == "Secret"
        for worker in self._workers.values():
            pod = worker.pod
            if pod["metadata"]["namespace"] == namespace and name in _sources(
                pod, secrets=is_secret
            ):
                worker.refresh()

    def _claim_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        if new is None and old is not None:
            self._tools.volumes.forget_claim(old["metadata"]["uid"])


def _sources(pod: Manifest, *, secrets: bool) -> Iterable[str]:
    """Names of the ConfigMaps, or Secrets, that a pod refers to."""
    chosen = 1 if secrets else 0
    for volume in pod["spec"].get("volumes") or ():
        yield from projections.needed(volume)[chosen]
    for container in every_container(pod):
        yield from environment.needed(container)[chosen]
