"""Pods of an engine: each has a container that does nothing but hold the pod's network."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

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
    """

    request: PodRequest
    address: str = _HOST_ADDRESS
    holder: str = ""
    containers: dict[str, EngineContainer] = field(default_factory=dict)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class PodHolder:
    """Makes and removes what holds the networks of pods.

    Args:
        on_lost: called with a pod whose network somebody has taken away.
    """

    def __init__(
        self,
        engine: Engine,
        images: EngineImages,
        network: EngineNetwork,
        *,
        instance_id: str,
        on_lost: Callable[[EnginePod], None],
        tasks: TaskGroup,
    ) -> None:
        self._engine = engine
        self._images = images
        self._network = network
        self._instance_id = instance_id
        self._on_lost = on_lost
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
        wanted = specs.Container(
            image=await self._images.machine(),
            words=_HOLDING,
            labels=marks.labels(self._instance_id, request.uid, ""),
            network=self._network.mode,
            hostname=request.hostname,
            user="65534:65534",
            mounts=machine.programs(),
            limits=machine.limits(self._engine.facts.name),
        )
        name = marks.container_name(request, marks.HOLDER, 0)
        made = await self._engine.post("/containers/create", {"name": name}, specs.body(wanted))
        number = str(made["Id"])
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
            pod.holder = ""
            await self._remove(number)
            await self._network.leave(pod.request.uid)
            self._on_lost(pod)

    async def release(self, pod: EnginePod) -> None:
        """Take the network away."""
        number, pod.holder = pod.holder, ""
        if number:
            await self._remove(number)
            await self._network.leave(pod.request.uid)

    async def _remove(self, number: str) -> None:
        await self._engine.delete(f"/containers/{number}", _AT_ONCE)


_AT_ONCE: dict[str, Any] = {"force": 1, "v": 1}
