"""Runs pods as child processes; how far they are kept apart, an `isolation.Isolation` decides."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from choreo_local.embedded.kubelet import (
    children,
    imagedefaults,
    interactive,
    leftovers,
    places,
    podspec,
    remarks,
    trees,
)
from choreo_local.embedded.kubelet.hostcontainer import HostContainer
from choreo_local.embedded.kubelet.hostimages import Catalogue, HostImage
from choreo_local.embedded.kubelet.imagechoice import ImageChoice, OpenRealImages
from choreo_local.embedded.kubelet.isolation import Isolation
from choreo_local.embedded.kubelet.launch import Command
from choreo_local.embedded.kubelet.records import ContainerRecord
from choreo_local.embedded.kubelet.runtime import (
    CallerStreams,
    Capability,
    ContainerRequest,
    Image,
    ImageError,
    NotEnteredError,
    OnChange,
    PodRequest,
    StartError,
    StreamChoice,
    Usage,
)
from choreo_local.errors import BadRequestError, NotFoundError
from choreo_local.images.credentials import Credential
from choreo_local.tasks import TaskGroup

# All processes of the machine are looked at, so this waits for a burst of removals to end.
_SWEEP_SECONDS = 0.5
_ENTERING_SECONDS, _POLL_SECONDS = 30.0, 0.005


@dataclass(slots=True)
class _Pod:
    """A pod that is ready for containers."""

    request: PodRequest
    address: str
    containers: dict[str, HostContainer] = field(default_factory=dict)


class ProcessRuntime:
    """Runs host images as processes; implements `runtime.ContainerRuntime`.

    Args:
        instance_id: marks the processes.
        isolation: what keeps pods apart, and gives the runtime its name.
        catalogue: the host images.
        open_real: opens the images of registries; None when they cannot be run.
        memory_check_seconds: how often memory limits are compared with what is used.
        stop_seconds: how long containers may take to end when the runtime stops.
        collect_seconds: how often unused images are looked for.
    """

    version = "1"
    pretends = False

    def __init__(
        self,
        instance_id: str,
        isolation: Isolation,
        catalogue: Catalogue,
        *,
        open_real: OpenRealImages | None = None,
        memory_check_seconds: float = 2.0,
        stop_seconds: float = 2.0,
        collect_seconds: float = 300.0,
    ) -> None:
        self._instance_id = instance_id
        self._isolation = isolation
        self._images = ImageChoice(catalogue, open_real)
        self._memory_check_seconds = memory_check_seconds
        self._stop_seconds = stop_seconds
        self._collect_seconds = collect_seconds
        self._pods: dict[str, _Pod] = {}
        self._containers: dict[str, HostContainer] = {}
        self._pod_removed = asyncio.Event()
        self._on_change: OnChange = lambda _uid: None
        self._tasks = TaskGroup("process-runtime")

    @property
    def name(self) -> str:
        """As the node tells it."""
        return self._isolation.name

    # --- life ----------------------------------------------------------------------------------

    async def start(self, on_change: OnChange) -> None:
        """End what an earlier life of the instance left, and prepare for pods."""
        self._on_change = on_change
        await self._end_strangers()
        await self._isolation.start()
        self._tasks.start(self._watch_memory(), name="memory")
        self._tasks.start(self._sweep(), name="sweep")
        self._tasks.start(self._collect_images(), name="images")

    async def stop(self) -> None:
        """Ask all containers to end, end the rest, and let go of the addresses."""
        await self._tasks.stop()
        running = [found for found in self._containers.values() if found.is_running]
        await asyncio.gather(*(found.stop(self._stop_seconds) for found in running))
        for uid in list(self._pods):
            await self.remove_pod(uid)
        await self._isolation.stop()
        await self._end_strangers()
        self._images.release()

    async def _sweep(self) -> None:
        """End what left the session of its container, some time after its pod has gone."""
        while True:
            await self._pod_removed.wait()
            await asyncio.sleep(_SWEEP_SECONDS)
            self._pod_removed.clear()
            await self._end_strangers()

    async def _end_strangers(self) -> None:
        """End processes of the instance that belong to no pod we know."""
        # A thread because the scan of all processes takes tens of milliseconds.
        found = await asyncio.to_thread(leftovers.by_pod, self._instance_id)
        strangers = [
            process for uid, some in found.items() if uid not in self._pods for process in some
        ]
        await asyncio.to_thread(leftovers.end, strangers)

    def capabilities(self) -> Sequence[Capability]:
        """What containers expect of Linux, and what of it holds here."""
        return self._isolation.capabilities()

    def remarks(self, pod: Mapping[str, Any]) -> Mapping[str, str]:
        """What the pod asks for that is not enforced, and stand-ins for its images."""
        found = {remarks.NOT_ENFORCED: self._isolation.not_enforced(pod)}
        stand_ins = {
            image.stands_in
            for container in podspec.every_container(pod)
            if (image := self._known_image(container.get("image", ""))) and image.stands_in
        }
        found[remarks.STAND_IN] = "; ".join(sorted(stand_ins))
        return {type_: message for type_, message in found.items() if message}

    def _known_image(self, reference: str) -> Image | None:
        try:
            return self.find_image(reference)
        except ImageError:
            return None

    # --- images --------------------------------------------------------------------------------

    def find_image(
        self, reference: str, credentials: Sequence[Credential] | None = None
    ) -> Image | None:
        """The image that runs for a reference."""
        return self._images.find(reference, credentials)

    async def pull_image(self, reference: str, credentials: Sequence[Credential]) -> Image:
        """The same, from its registry if need be; ImageError says why there is none."""
        return await self._images.pull(reference, credentials)

    def images(self) -> Sequence[Image]:
        """All images that can run here, under their own names."""
        return self._images.all()

    async def _collect_images(self) -> None:
        while True:
            await asyncio.sleep(self._collect_seconds)
            await self._images.collect({found.image.folder for found in self._containers.values()})

    # --- pods ----------------------------------------------------------------------------------

    async def start_pod(self, pod: PodRequest) -> str:
        """Give the pod its address."""
        known = self._pods.get(pod.uid)
        if known is None:
            address = await self._isolation.attach(pod)
            known = self._pods[pod.uid] = _Pod(pod, address)
        return known.address

    async def remove_pod(self, uid: str) -> None:
        """End what runs in the pod, release its address, drop its folder."""
        pod = self._pods.get(uid)
        if pod is None:
            return
        running = [found for found in pod.containers.values() if found.is_running]
        for container in running:
            container.child.kill()
        await asyncio.gather(*(container.child.ended for container in running))
        for container_id in pod.containers:
            self._containers.pop(container_id, None)
        if self._pods.pop(uid, None) is not None:
            await self._isolation.detach(pod.request, pod.address)
        trees.remove(pod.request.folder / places.RUNTIME)
        self._pod_removed.set()

    # --- containers ----------------------------------------------------------------------------

    async def start_container(self, request: ContainerRequest) -> ContainerRecord:
        """Start the process; returns when it runs, or listens where its image says so."""
        image = await self._images.runnable(request.image)
        request = imagedefaults.applied(request, image, has_one_user=self._isolation.has_one_user)
        await self._isolation.prepare(request)
        # Only now: the pod may have gone while its image was unpacked.
        pod = self._pods.get(request.pod.uid)
        if pod is None:
            raise StartError(f"pod {request.pod.name} is not ready for containers")
        self._forget_attempts_before(pod, request.name, request.attempt - 1)
        container = self._create(pod, request, image)
        pod.containers[container.record.id] = container
        self._containers[container.record.id] = container
        uid = request.pod.uid
        container.child.ended.add_done_callback(lambda _: self._on_change(uid))
        await container.until_listening()
        return container.record

    def _forget_attempts_before(self, pod: _Pod, name: str, attempt: int) -> None:
        for container_id, container in list(pod.containers.items()):
            record = container.record
            if record.name == name and record.attempt < attempt and record.has_exited:
                del pod.containers[container_id]
                self._containers.pop(container_id, None)

    def _create(self, pod: _Pod, request: ContainerRequest, image: HostImage) -> HostContainer:
        command = self._isolation.container(request, image, address=pod.address)
        made = HostContainer(request, image, command, isolation=self._isolation)
        self._isolation.began(request, made.child.pid)
        return made

    async def stop_container(self, container_id: str, grace_seconds: float) -> None:
        """Ask it to end; end it after `grace_seconds`."""
        container = self._containers.get(container_id)
        if container is not None:
            await container.stop(grace_seconds)

    def containers(self, uid: str) -> Sequence[ContainerRecord]:
        """All attempts in a pod, oldest first."""
        pod = self._pods.get(uid)
        return [container.record for container in pod.containers.values()] if pod else []

    async def exec(
        self,
        container_id: str,
        command: Sequence[str],
        streams: CallerStreams,
        choice: StreamChoice,
    ) -> int:
        """Run a command with the variables, mounts and working folder of a container."""
        found = await self._inside(container_id, command, terminal=choice.tty)
        return await interactive.run_command(found, streams, choice)

    async def _inside(
        self, container_id: str, command: Sequence[str], *, terminal: bool
    ) -> Command:
        """A command in a container; one that has only just been started is waited for."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _ENTERING_SECONDS
        while True:
            container = self._running(container_id)
            try:
                return self._isolation.inside(
                    command,
                    container.request,
                    container.image,
                    base=container.command,
                    pid=container.main_pid,
                    terminal=terminal,
                )
            except NotEnteredError:
                if loop.time() > deadline:
                    raise
            await asyncio.sleep(_POLL_SECONDS)

    async def attach(self, container_id: str, streams: CallerStreams, choice: StreamChoice) -> int:
        """Connect to the main process until it ends or the caller leaves."""
        container = self._running(container_id)
        return await interactive.attach(container.child, container.listeners, streams, choice)

    def _running(self, container_id: str) -> HostContainer:
        container = self._containers.get(container_id)
        if container is None:
            raise NotFoundError(f"container {container_id} not found")
        if not container.is_running:
            raise BadRequestError(f"container {container.request.name} is not running")
        return container

    # --- memory --------------------------------------------------------------------------------

    def usage(self) -> Mapping[str, Sequence[Usage]]:
        """What the running containers use, by the uid of their pod."""
        sessions = children.sessions()
        return {
            uid: [found.usage(sessions) for found in pod.containers.values() if found.is_running]
            for uid, pod in self._pods.items()
        }

    async def _watch_memory(self) -> None:
        while True:
            await asyncio.sleep(self._memory_check_seconds)
            limited = [found for found in self._containers.values() if found.has_memory_limit]
            if not limited:
                continue
            sessions = children.sessions()
            for container in limited:
                container.enforce_memory_limit(sessions)
