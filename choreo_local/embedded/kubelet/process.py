"""The `process` runtime: containers are plain processes of this machine, made from host images.

Each pod has its own loopback address where the machine allows it. What containers of Linux get
from namespaces does not exist here; `capabilities` says what is not enforced.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from choreo_local.embedded.kubelet import (
    children,
    interactive,
    launch,
    leftovers,
    podspec,
    remarks,
    rootfolder,
)
from choreo_local.embedded.kubelet.addresses import AddressPool, has_own_addresses
from choreo_local.embedded.kubelet.hostcontainer import HostContainer
from choreo_local.embedded.kubelet.hostimages import Catalogue, HostImage
from choreo_local.embedded.kubelet.imagechoice import ImageChoice, OpenRealImages
from choreo_local.embedded.kubelet.launch import Surroundings
from choreo_local.embedded.kubelet.records import ContainerRecord
from choreo_local.embedded.kubelet.runtime import (
    CallerStreams,
    Capability,
    ContainerRequest,
    Image,
    ImageError,
    OnChange,
    PodRequest,
    StartError,
    StreamChoice,
    Usage,
)
from choreo_local.errors import BadRequestError, NotFoundError
from choreo_local.images.credentials import Credential
from choreo_local.tasks import TaskGroup

NAME = "process"
# All processes of the machine are looked at, so this waits for a burst of removals to end.
_SWEEP_SECONDS = 0.5


@dataclass(slots=True)
class _Pod:
    """A pod that is ready for containers."""

    request: PodRequest
    address: str
    containers: dict[str, HostContainer] = field(default_factory=dict)


class ProcessRuntime:
    """Runs host images as processes; implements `runtime.ContainerRuntime`.

    Args:
        surroundings: what all containers of the instance share.
        catalogue: the host images.
        open_real: opens the images of registries; None when they cannot be run.
        network: the range of pod addresses; without it one is chosen by the instance's name.
        memory_check_seconds: how often memory limits are compared with what is used.
        stop_seconds: how long containers may take to end when the runtime stops.
    """

    name = NAME
    version = "1"
    pretends = False

    def __init__(
        self,
        surroundings: Surroundings,
        catalogue: Catalogue,
        *,
        network: IPv4Network | None = None,
        open_real: OpenRealImages | None = None,
        memory_check_seconds: float = 2.0,
        stop_seconds: float = 2.0,
    ) -> None:
        self._surroundings = surroundings
        self._images = ImageChoice(catalogue, open_real)
        self._addresses = AddressPool(surroundings.instance_id, network=network)
        self._own_addresses = has_own_addresses()
        self._memory_check_seconds = memory_check_seconds
        self._stop_seconds = stop_seconds
        self._pods: dict[str, _Pod] = {}
        self._containers: dict[str, HostContainer] = {}
        self._pod_removed = asyncio.Event()
        self._on_change: OnChange = lambda _uid: None
        self._tasks = TaskGroup("process-runtime")

    # --- life ----------------------------------------------------------------------------------

    async def start(self, on_change: OnChange) -> None:
        """End what an earlier life of the instance left, and take an address range."""
        self._on_change = on_change
        await self._end_strangers()
        if self._own_addresses:
            self._addresses.claim()
        if self._surroundings.parent_death is None:
            found = await asyncio.to_thread(parent_death_command)
            self._surroundings = replace(self._surroundings, parent_death=found)
        self._tasks.start(self._watch_memory(), name="memory")
        self._tasks.start(self._sweep(), name="sweep")

    async def stop(self) -> None:
        """Ask all containers to end, end the rest, and let go of the addresses."""
        await self._tasks.stop()
        running = [found for found in self._containers.values() if found.is_running]
        await asyncio.gather(*(found.stop(self._stop_seconds) for found in running))
        for uid in list(self._pods):
            await self.remove_pod(uid)
        self._addresses.close()
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
        found = await asyncio.to_thread(leftovers.by_pod, self._surroundings.instance_id)
        strangers = [
            process for uid, some in found.items() if uid not in self._pods for process in some
        ]
        await asyncio.to_thread(leftovers.end, strangers)

    def capabilities(self) -> Sequence[Capability]:
        """What containers expect of Linux, and what of it holds here."""
        no_namespaces = "containers are plain processes of this machine"
        address = Capability("pod-address", enforced=True)
        if not self._own_addresses:
            reason = (
                "this machine has no loopback address beside 127.0.0.1: pods that listen on the "
                "same port collide"
            )
            address = Capability("pod-address", enforced=False, reason=reason)
        return [
            address,
            Capability("network-policy", enforced=False, reason=no_namespaces),
            Capability("file-isolation", enforced=False, reason=no_namespaces),
            Capability("users", enforced=False, reason="all run as the user of the instance"),
            Capability("cpu-limit", enforced=False, reason=no_namespaces),
            Capability("memory-limit", enforced=True, reason="checked every few seconds"),
        ]

    def remarks(self, pod: Mapping[str, Any]) -> Mapping[str, str]:
        """What the pod asks for that is not enforced, and stand-ins for its images."""
        found = {remarks.NOT_ENFORCED: remarks.not_enforced(pod)}
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

    # --- pods ----------------------------------------------------------------------------------

    async def start_pod(self, pod: PodRequest) -> str:
        """Give the pod its address."""
        known = self._pods.get(pod.uid)
        if known is None:
            own = self._own_addresses and not pod.host_network
            address = self._addresses.take(pod.address) if own else "127.0.0.1"
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
        if self._pods.pop(uid, None) is not None and pod.address != "127.0.0.1":
            self._addresses.release(pod.address)
        shutil.rmtree(pod.request.folder / "runtime", ignore_errors=True)
        self._pod_removed.set()

    # --- containers ----------------------------------------------------------------------------

    async def start_container(self, request: ContainerRequest) -> ContainerRecord:
        """Start the process; returns when it runs, or listens where its image says so."""
        pod = self._pods.get(request.pod.uid)
        if pod is None:
            raise StartError(f"pod {request.pod.name} is not ready for containers")
        image = await self._images.runnable(request.image)
        if image.user is not None and "runAsUser" not in request.security:
            user, group = image.user
            own = {"runAsUser": user, "runAsGroup": group, **request.security}
            request = replace(request, security=own)
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
        root = _root(request)
        surroundings = self._surroundings
        rootfolder.prepare(
            request,
            root,
            address=pod.address,
            working_folder=request.working_folder or image.working_folder,
            resolver=launch.resolver_file(request.pod, surroundings),
        )
        command = launch.container_command(
            request, image, address=pod.address, root=root, surroundings=surroundings
        )
        if request.tty:
            command = launch.terminal_command(command, surroundings)
        return HostContainer(request, image, command, runtime=NAME)

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
        container = self._running(container_id)
        found = launch.command_in(
            command,
            container.request,
            container.image,
            base=container.command,
            root=_root(container.request),
            surroundings=self._surroundings,
        )
        if choice.tty:
            found = launch.terminal_command(found, self._surroundings)
        return await interactive.run_command(found, streams, choice)

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


def _root(request: ContainerRequest) -> Path:
    return request.pod.folder / "runtime" / request.name


def parent_death_command() -> Sequence[str] | None:
    """A command of this machine that ties a process to the life of its parent, if it has one."""
    if sys.platform != "linux" or shutil.which("setpriv") is None:
        return None
    command = ["setpriv", "--pdeathsig", "KILL", "--"]
    tried = subprocess.run([*command, "true"], capture_output=True, check=False)
    return command if tried.returncode == 0 else None
