"""Runs pods as containers of an engine; implements `runtime.ContainerRuntime`."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from choreo_local.embedded.kubelet import (
    hostcontainer,
    imagedefaults,
    interactive,
    podspec,
    remarks,
    trees,
)
from choreo_local.embedded.kubelet.docker import commands, leftovers, stats
from choreo_local.embedded.kubelet.docker.container import EngineContainer
from choreo_local.embedded.kubelet.docker.engine import Engine, EngineError
from choreo_local.embedded.kubelet.docker.images import EngineImages
from choreo_local.embedded.kubelet.docker.listening import Listening
from choreo_local.embedded.kubelet.docker.making import ContainerMaker
from choreo_local.embedded.kubelet.docker.networks import EngineNetwork
from choreo_local.embedded.kubelet.docker.pods import EnginePod, PodHolder
from choreo_local.embedded.kubelet.docker.registryimages import RegistryImages
from choreo_local.embedded.kubelet.docker.sockets import EngineFacts
from choreo_local.embedded.kubelet.docker.streams import EngineProgram
from choreo_local.embedded.kubelet.hostimages import Catalogue, HostImage
from choreo_local.embedded.kubelet.imagechoice import ImageChoice, OpenRealImages
from choreo_local.embedded.kubelet.launch import Surroundings
from choreo_local.embedded.kubelet.plain import root_of
from choreo_local.embedded.kubelet.records import ContainerRecord
from choreo_local.embedded.kubelet.runtime import (
    CallerStreams,
    Capability,
    ContainerRequest,
    Image,
    ImageError,
    Mount,
    OnChange,
    PodRequest,
    StartError,
    StreamChoice,
    Usage,
)
from choreo_local.errors import BadRequestError, NotFoundError, PreflightError
from choreo_local.images.credentials import Credential
from choreo_local.images.library import ImageLibrary
from choreo_local.tasks import TaskGroup

logger = logging.getLogger(__name__)

# How often unused images of our store are looked for.
_COLLECT_SECONDS = 300.0


class DockerRuntime:
    """Runs pods as containers of an engine.

    Args:
        instance_id: marks containers and images.
        facts: the engine.
        network: where pods get their address from.
        catalogue: the host images.
        surroundings: what all containers of the instance share.
        folder: where it is noted which engine holds something of the instance.
        open_images: opens the images of registries; None when there are none.
        stop_seconds: how long containers may take to end when the runtime stops.
    """

    pretends = False

    def __init__(
        self,
        facts: EngineFacts,
        network: EngineNetwork,
        catalogue: Catalogue,
        surroundings: Surroundings,
        *,
        folder: Path,
        open_images: Callable[[], ImageLibrary] | None = None,
        stop_seconds: float = 2.0,
    ) -> None:
        self._facts = facts
        self._network = network
        self._surroundings = surroundings
        self._instance_id = surroundings.instance_id
        self._stop_seconds = stop_seconds
        self._engine = Engine(facts)
        self._folder = folder
        self._loaded = EngineImages(self._engine, self._instance_id)
        self._images = ImageChoice(catalogue, self._opener(open_images) if open_images else None)
        self._tasks = TaskGroup("docker-runtime")
        self._holder = PodHolder(
            self._engine,
            self._loaded,
            network,
            instance_id=self._instance_id,
            tasks=self._tasks,
        )
        self._maker = ContainerMaker(
            self._engine,
            self._loaded,
            surroundings,
            resolver=lambda: network.resolver,
            on_change=lambda uid: self._on_change(uid),
            tasks=self._tasks,
        )
        self._pods: dict[str, EnginePod] = {}
        self._containers: dict[str, EngineContainer] = {}
        self._on_change: OnChange = lambda _uid: None

    def _opener(self, open_images: Callable[[], ImageLibrary]) -> OpenRealImages:
        def opened() -> RegistryImages:
            return RegistryImages(open_images(), self._loaded)

        return opened

    @property
    def name(self) -> str:
        """The engine's."""
        return self._facts.name

    @property
    def version(self) -> str:
        """The engine's."""
        return self._facts.version

    # --- life ----------------------------------------------------------------------------------

    async def start(self, on_change: OnChange) -> None:
        """Remove what an earlier life of the instance left, and prepare for pods."""
        self._on_change = on_change
        self._tasks.start(self._collect_images(), name="images")
        leftovers.note(self._folder, self._facts.socket)
        await self._remove_leftovers()

    async def stop(self) -> None:
        """Ask all containers to end, and remove them with their pods."""
        running = [found for found in self._containers.values() if found.is_running]
        await asyncio.gather(*(found.stop(self._stop_seconds) for found in running))
        await asyncio.gather(*(self.remove_pod(uid) for uid in list(self._pods)))
        await self._tasks.stop()
        try:
            await self._remove_leftovers()
        except PreflightError as error:
            logger.warning("Containers not removed error=%s", error)
        await self._engine.close()
        self._images.release()

    @property
    def failures(self) -> Mapping[str, BaseException]:
        """Background tasks that died."""
        return self._tasks.failures

    async def _remove_leftovers(self) -> None:
        await asyncio.to_thread(leftovers.clear, self._folder, self._instance_id, with_images=False)

    def capabilities(self) -> Sequence[Capability]:
        """What containers expect of Linux, and what of it holds here."""
        names = ("file-isolation", "users", "cpu-limit", "memory-limit", "process-limit")
        return [*self._network.capabilities(), *(Capability(name, enforced=True) for name in names)]

    def remarks(self, pod: Mapping[str, Any]) -> Mapping[str, str]:
        """What the pod asks for that is not enforced, and stand-ins for its images."""
        found = {
            remarks.NOT_ENFORCED: remarks.not_contained(pod),
            remarks.STAND_IN: "; ".join(sorted(self._stand_ins(pod))),
        }
        return {type_: message for type_, message in found.items() if message}

    def _stand_ins(self, pod: Mapping[str, Any]) -> set[str]:
        found = set()
        for container in podspec.every_container(pod):
            with contextlib.suppress(ImageError):
                image = self.find_image(container.get("image", ""))
                if image is not None and image.stands_in:
                    found.add(image.stands_in)
        return found

    # --- images --------------------------------------------------------------------------------

    def find_image(
        self, reference: str, credentials: Sequence[Credential] | None = None
    ) -> Image | None:
        """The image that runs for a reference."""
        return self._images.find(reference, credentials)

    async def pull_image(self, reference: str, credentials: Sequence[Credential]) -> Image:
        """The same, from its registry if need be; ImageError says why there is none."""
        try:
            return await self._images.pull(reference, credentials)
        except EngineError as error:
            raise ImageError(f"cannot load the image: {error.message}") from error

    def images(self) -> Sequence[Image]:
        """All images that can run here, under their own names."""
        return self._images.all()

    async def _collect_images(self) -> None:
        while True:
            await asyncio.sleep(_COLLECT_SECONDS)
            # What containers use is the engine's own copy.
            await self._images.collect(())

    # --- pods ----------------------------------------------------------------------------------

    async def start_pod(self, pod: PodRequest) -> str:
        """Give the pod its network."""
        known = self._pods.setdefault(pod.uid, EnginePod(pod))
        try:
            await self._holder.hold(known)
        except StartError:
            if not known.containers:
                self._pods.pop(pod.uid, None)
            raise
        return known.address

    async def remove_pod(self, uid: str) -> None:
        """End what runs in the pod, and remove all of it."""
        pod = self._pods.pop(uid, None)
        if pod is None:
            return
        if pod.beginning:
            await asyncio.wait(pod.beginning)
        for container_id in pod.containers:
            self._containers.pop(container_id, None)
        try:
            await asyncio.gather(*(container.remove() for container in pod.containers.values()))
            await self._holder.release(pod)
        except EngineError as error:
            # It goes when the instance stops, or at its next start.
            logger.warning("Pod not removed pod=%s error=%s", pod.request.name, error)
        trees.remove(pod.request.folder / "runtime")

    # --- containers ----------------------------------------------------------------------------

    async def start_container(self, request: ContainerRequest) -> ContainerRecord:
        """Create and start it; returns when it runs, or listens where its image says so."""
        image = await self._runnable(request.image)
        request = imagedefaults.applied(request, image)
        pod = self._pods.get(request.pod.uid)
        if pod is None:
            raise StartError(f"pod {request.pod.name} is not ready for containers")
        await self._holder.hold(pod)
        self._forget_attempts_before(pod, request.name, request.attempt - 1)
        listening: Listening | None = None
        if hostcontainer.waits_for_listening(request, image):
            listening = Listening(root_of(request))
            request = replace(request, environment={**request.environment, **listening.environment})
        mounts = listening.mounts if listening else ()
        # Not cancelled with us: an engine would go on, and nobody know of the container.
        work: asyncio.Task[EngineContainer | StartError] = self._tasks.start(
            self._begin(pod, request, image, mounts), name=f"begin-{request.name}"
        )
        pod.beginning.add(work)
        work.add_done_callback(pod.beginning.discard)
        try:
            container = await asyncio.shield(work)
            if isinstance(container, StartError):
                raise container
            if listening is not None and container.program is not None:
                await listening.wait(container.program.ended)
        finally:
            if listening is not None:
                listening.close()
        return container.record

    async def _begin(
        self, pod: EnginePod, request: ContainerRequest, image: HostImage, mounts: Sequence[Mount]
    ) -> EngineContainer | StartError:
        """Create and start a container; what went wrong when it could not be."""
        try:
            container = await self._maker.make(pod, request, image, mounts)
            try:
                await container.start()
                if self._pods.get(request.pod.uid) is not pod:
                    raise EngineError("its pod has gone")
            except EngineError:
                await container.remove()
                raise
        except StartError as error:
            return error
        except EngineError as error:
            return StartError(error.message)
        pod.containers[container.record.id] = container
        self._containers[container.record.id] = container
        return container

    async def _runnable(self, image: Image) -> HostImage:
        try:
            return await self._images.runnable(image)
        except EngineError as error:
            raise StartError(error.message) from error

    def _forget_attempts_before(self, pod: EnginePod, name: str, attempt: int) -> None:
        for container_id, container in list(pod.containers.items()):
            record = container.record
            if record.name == name and record.attempt < attempt and record.has_exited:
                del pod.containers[container_id]
                self._containers.pop(container_id, None)

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
        container, _ = self._running(container_id)
        words = self._maker.words(command, container.request, container.image)
        return await commands.run(
            self._engine, container.number, words, streams, choice, tasks=self._tasks
        )

    async def attach(self, container_id: str, streams: CallerStreams, choice: StreamChoice) -> int:
        """Connect to the main process until it ends or the caller leaves."""
        container, program = self._running(container_id)
        return await interactive.attach(program, container.listeners, streams, choice)

    def _running(self, container_id: str) -> tuple[EngineContainer, EngineProgram]:
        container = self._containers.get(container_id)
        if container is None:
            raise NotFoundError(f"container {container_id} not found")
        if container.program is None or not container.is_running:
            raise BadRequestError(f"container {container.request.name} is not running")
        return container, container.program

    def usage(self) -> Mapping[str, Sequence[Usage]]:
        """What the running containers use, by the uid of their pod."""
        return {
            uid: [
                Usage(found.request.name, *used)
                for found in pod.containers.values()
                if found.is_running and (used := stats.used(found.pid)) is not None
            ]
            for uid, pod in self._pods.items()
        }
