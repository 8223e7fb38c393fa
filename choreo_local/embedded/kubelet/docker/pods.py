"""Pods of an engine: each has a container that does nothing but hold the pod's network."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Any

from choreo_local.embedded.kubelet import sysctls
from choreo_local.embedded.kubelet.docker import machine, marks, specs
from choreo_local.embedded.kubelet.docker.container import EngineContainer
from choreo_local.embedded.kubelet.docker.engine import Engine, EngineError
from choreo_local.embedded.kubelet.docker.images import EngineImages
from choreo_local.embedded.kubelet.docker.networks import EngineNetwork
from choreo_local.embedded.kubelet.runtime import PodRequest, StartError
from choreo_local.tasks import TaskGroup

logger = logging.getLogger(__name__)

_HOST_ADDRESS = "127.0.0.1"
_HOLDING = ("/bin/sleep", "infinity")


@dataclass(slots=True)
class EnginePod:
    """A pod that is ready for containers.

    Attributes:
        holder: the engine's id of the container that holds the network; empty on the network of
            this machine, or after somebody ended it.
        beginning: starts of containers that are under way.
    """

    request: PodRequest
    address: str = _HOST_ADDRESS
    holder: str = ""
    containers: dict[str, EngineContainer] = field(default_factory=dict)
    beginning: set[asyncio.Task[Any]] = field(default_factory=set)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class PodHolder:
    """Makes and removes what holds the networks of pods."""

    def __init__(
        self,
        engine: Engine,
        images: EngineImages,
        network: EngineNetwork,
        *,
        instance_id: str,
        tasks: TaskGroup,
    ) -> None:
        self._engine = engine
        self._images = images
        self._network = network
        self._instance_id = instance_id
        self._tasks = tasks

    async def hold(self, pod: EnginePod) -> None:
        """Give a pod its network, unless it has one; StartError says why not."""
        async with pod.lock:
            if pod.holder or pod.request.host_network:
                return
            try:
                await self._hold(pod)
            except EngineError as error:
                raise StartError(error.message) from error

    async def _hold(self, pod: EnginePod) -> None:
        request = pod.request
        sysctls.check(request.sysctls)
        wanted = specs.Container(
            image=await self._images.machine(),
            words=_HOLDING,
            labels=marks.labels(self._instance_id, request.uid, ""),
            network=self._network.mode,
            hostname=request.hostname,
            user="65534:65534",
            mounts=machine.programs(),
            limits=machine.limits(self._engine.facts.name),
            sysctls=request.sysctls,
        )
        name = marks.container_name(self._instance_id, request, marks.HOLDER, 0)
        number = await self._engine.create_container(name, specs.body(wanted))
        try:
            await self._engine.post(f"/containers/{number}/start")
            state = await self._engine.get(f"/containers/{number}/json")
            given = pod.address if pod.address != _HOST_ADDRESS else request.address
            pod.address = await self._network.join(request.uid, state, address=given)
        except BaseException:
            await self._remove(number)
            raise
        pod.holder = number
        self._tasks.start(self._watch(pod, number), name=f"holder-{request.name}")

    async def _watch(self, pod: EnginePod, number: str) -> None:
        """Notice that somebody has ended the container."""
        query = {"condition": "not-running"}
        try:
            await self._engine.ask("POST", f"/containers/{number}/wait", query, seconds=None)
        except EngineError as error:
            logger.warning("Network of a pod not watched pod=%s error=%s", pod.request.name, error)
        if pod.holder == number:
            logger.warning("Network of a pod lost pod=%s", pod.request.name)
            await self._lose(pod, number)

    async def _lose(self, pod: EnginePod, number: str) -> None:
        """End what used the network: it starts anew in another one."""
        async with pod.lock:
            pod.holder = ""
            running = list(pod.containers.values())
            try:
                await asyncio.gather(*(container.stop(0) for container in running))
                # Some engines keep a container as long as others share its network.
                await asyncio.gather(*(container.remove() for container in running))
                await self._remove(number)
            except EngineError as error:
                logger.warning("Network not removed pod=%s error=%s", pod.request.name, error)
            finally:
                await self._network.leave(pod.request.uid)

    async def release(self, pod: EnginePod) -> None:
        """Take the network away."""
        number, pod.holder = pod.holder, ""
        if number:
            try:
                await self._remove(number)
            finally:
                await self._network.leave(pod.request.uid)

    async def _remove(self, number: str) -> None:
        await self._engine.remove_container(number)
