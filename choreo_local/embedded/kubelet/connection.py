"""What the kube API asks of this node: logs, exec, attach, ports, usage.

Implements the `NodeConnection` of the kube API by shape; the two know nothing of each other.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any, Protocol

from choreo_local.embedded import dialing
from choreo_local.embedded.kubelet import podspec, usage
from choreo_local.embedded.kubelet.logfiles import LogOptions
from choreo_local.embedded.kubelet.records import ContainerRecord
from choreo_local.embedded.kubelet.runtime import CallerStreams, StartError, StreamChoice
from choreo_local.embedded.kubelet.tools import Tools
from choreo_local.embedded.kubelet.worker import PodWorker
from choreo_local.errors import BadRequestError, InternalError, NotFoundError

_LOCALHOST = "127.0.0.1"


class ContainerAddress(Protocol):
    """Names a container of a pod."""

    @property
    def namespace(self) -> str: ...

    @property
    def pod(self) -> str: ...

    @property
    def uid(self) -> str: ...

    @property
    def container(self) -> str: ...


class Connection:
    """Answers for the pods of one node.

    Args:
        workers: all pod workers.
    """

    def __init__(
        self, tools: Tools, node_name: str, workers: Callable[[], Iterable[PodWorker]]
    ) -> None:
        self._tools = tools
        self._node_name = node_name
        self._workers = workers
        self._pods = usage.RateMeter()
        self._machine = usage.RateMeter()

    def _worker(self, namespace: str, name: str, uid: str = "") -> PodWorker:
        for worker in self._workers():
            metadata = worker.pod["metadata"]
            if (metadata["namespace"], metadata["name"]) == (namespace, name) and (
                not uid or worker.uid == uid
            ):
                return worker
        raise NotFoundError(f'pods "{name}" not found')

    def _running(self, address: ContainerAddress) -> ContainerRecord:
        worker = self._worker(address.namespace, address.pod, address.uid)
        if podspec.find_container(worker.pod, address.container) is None:
            message = f"container {address.container} is not valid for pod {address.pod}"
            raise BadRequestError(message)
        record = worker.record(address.container)
        if record is None or not record.is_running:
            raise NotFoundError(f'container not found ("{address.container}")')
        return record

    # --- logs ------------------------------------------------------------------------------------

    async def logs(self, container: ContainerAddress, options: LogOptions) -> AsyncIterator[bytes]:
        """Open the log; what cannot be opened raises here."""
        worker = self._worker(container.namespace, container.pod, container.uid)
        name, pod = container.container, worker.pod
        if podspec.find_container(pod, name) is None:
            raise BadRequestError(f"container {name} is not valid for pod {container.pod}")
        attempt = self._attempt(worker, name, options)
        path = self._tools.places.log(pod, name, attempt)
        if not path.exists():
            message = f'previous terminated container "{name}" in pod "{container.pod}" not found'
            raise BadRequestError(message)
        return self._tools.logs.read(path, options)

    def _attempt(self, worker: PodWorker, name: str, options: LogOptions) -> int:
        record = worker.record(name)
        attempt = record.attempt if record else _reported_attempt(worker, name)
        if attempt is None:
            reason = _waiting_reason(worker, name)
            if options.previous:
                pod_name = worker.pod["metadata"]["name"]
                message = f'previous terminated container "{name}" in pod "{pod_name}" not found'
                raise BadRequestError(message)
            raise BadRequestError(
                f'container "{name}" in pod "{worker.pod["metadata"]["name"]}" '
                f"is waiting to start: {reason}"
            )
        return attempt - 1 if options.previous else attempt

    # --- commands --------------------------------------------------------------------------------

    async def exec(
        self,
        container: ContainerAddress,
        command: Sequence[str],
        streams: CallerStreams,
        options: StreamChoice,
    ) -> int:
        """Run a command in a container until it ends; answers its exit code."""
        record = self._running(container)
        try:
            return await self._tools.runtime.exec(record.id, command, streams, options)
        except StartError as error:
            message = f"error executing command in container: {error.message}"
            raise InternalError(f"Internal error occurred: {message}") from error

    async def attach(
        self, container: ContainerAddress, streams: CallerStreams, options: StreamChoice
    ) -> int:
        """Connect to the container's main process until it ends or the caller leaves."""
        record = self._running(container)
        return await self._tools.runtime.attach(record.id, streams, options)

    async def open_port(
        self, namespace: str, pod: str, port: int
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to a port of a pod; OSError when nothing listens."""
        worker = self._worker(namespace, pod)
        if not worker.address:
            raise ConnectionRefusedError(f"pod {pod} has no address")
        return await dialing.open_connection(self._tools.dialing, worker.address, port)

    async def open_local_port(
        self, namespace: str, pod: str, port: int
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect as a program in the pod does to localhost, else to the pod's own address."""
        own = await self._tools.inside(self._worker(namespace, pod).address)
        if own is not None:
            try:
                return await dialing.open_connection_by(own, _LOCALHOST, port)
            except ConnectionRefusedError:
                # It may listen on the pod's own address alone.
                return await self.open_port(namespace, pod, port)
        return await self.open_port(namespace, pod, port)

    # --- usage -----------------------------------------------------------------------------------

    async def pod_metrics(self) -> Sequence[dict[str, Any]]:
        """What each running pod uses."""
        used = self._tools.runtime.usage()
        now = usage.pod_sample(used)
        base = self._pods.base_for(now.taken_at)
        if base is None:
            base = now
            await usage.first_window()
            used = self._tools.runtime.usage()
            now = usage.pod_sample(used)
        self._pods.keep(now)
        pods = [worker.pod for worker in self._workers()]
        return usage.pod_metrics(pods, used, base=base, now=now)

    async def node_metrics(self) -> dict[str, Any]:
        """What the machine uses."""
        now, memory = usage.machine_sample()
        base = self._machine.base_for(now.taken_at)
        if base is None:
            base = now
            await usage.first_window()
            now, memory = usage.machine_sample()
        self._machine.keep(now)
        return usage.node_metrics(self._node_name, base=base, now=now, memory_bytes=memory)


def _reported(worker: PodWorker, name: str) -> dict[str, Any]:
    status = worker.pod.get("status") or {}
    kinds = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")
    shown = [found for kind in kinds for found in status.get(kind) or ()]
    return next((found for found in shown if found["name"] == name), {})


def _reported_attempt(worker: PodWorker, name: str) -> int | None:
    """The attempt that the status tells of, when the runtime knows none any more."""
    state = _reported(worker, name).get("state") or {}
    if not (state.get("running") or state.get("terminated")):
        return None
    return int(_reported(worker, name).get("restartCount") or 0)


def _waiting_reason(worker: PodWorker, name: str) -> str:
    state = _reported(worker, name).get("state") or {}
    reason = str((state.get("waiting") or {}).get("reason") or "ContainerCreating")
    if reason in {"ErrImagePull", "ImagePullBackOff"}:
        return "trying and failing to pull image"
    return reason
