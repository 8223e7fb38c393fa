"""The `simulated` runtime: containers that only pretend. For tests and what-if runs.

Nothing is started. Containers run at once and until somebody ends them (`end`). Every pod is
marked by a condition, and every log says so. Probes and hooks are taken to succeed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from choreo_local import clock
from choreo_local.embedded.kubelet import remarks
from choreo_local.embedded.kubelet.records import ContainerRecord, ContainerState
from choreo_local.embedded.kubelet.runtime import (
    CallerStreams,
    Capability,
    ContainerRequest,
    Image,
    OnChange,
    PodRequest,
    StreamChoice,
    Usage,
)
from choreo_local.errors import BadRequestError
from choreo_local.images.credentials import Credential

NAME = "simulated"
_NOTHING_RUNS = "containers are simulated: nothing runs"


class SimulatedRuntime:
    """Implements `runtime.ContainerRuntime` without running anything."""

    name = NAME
    version = "1"
    pretends = True

    def __init__(self) -> None:
        self._records: dict[str, dict[str, ContainerRecord]] = {}
        self._addresses: dict[str, str] = {}
        self._on_change: OnChange = lambda _uid: None
        self._count = 0

    async def start(self, on_change: OnChange) -> None:
        """Remember whom to tell."""
        self._on_change = on_change

    async def stop(self) -> None:
        """Forget everything."""
        self._records.clear()
        self._addresses.clear()

    def capabilities(self) -> Sequence[Capability]:
        """None of what pods expect."""
        return [Capability("containers", enforced=False, reason=_NOTHING_RUNS)]

    def remarks(self, pod: Mapping[str, Any]) -> Mapping[str, str]:
        """The mark that every pod gets."""
        return {remarks.SIMULATED: _NOTHING_RUNS}

    def find_image(
        self, reference: str, credentials: Sequence[Credential] | None = None
    ) -> Image | None:
        """Every image is there, as none is run."""
        return Image(reference, f"{NAME}@{reference}", stands_in=_NOTHING_RUNS)

    async def pull_image(self, reference: str, credentials: Sequence[Credential]) -> Image:
        """Every image can be had."""
        return Image(reference, f"{NAME}@{reference}", stands_in=_NOTHING_RUNS)

    def images(self) -> Sequence[Image]:
        """None in particular."""
        return []

    async def start_pod(self, pod: PodRequest) -> str:
        """An address that nobody listens on, of the range for benchmarks (RFC 2544)."""
        if pod.uid not in self._addresses:
            self._count += 1
            self._addresses[pod.uid] = f"198.18.{self._count // 250 % 250}.{self._count % 250 + 1}"
            self._records[pod.uid] = {}
        return self._addresses[pod.uid]

    async def remove_pod(self, uid: str) -> None:
        """Forget a pod."""
        self._records.pop(uid, None)
        self._addresses.pop(uid, None)

    async def start_container(self, request: ContainerRequest) -> ContainerRecord:
        """Pretend that it runs."""
        now = clock.now()
        record = ContainerRecord(
            id=f"{NAME}://{clock.new_uid()}",
            name=request.name,
            attempt=request.attempt,
            state=ContainerState.RUNNING,
            image=request.image.reference,
            image_id=request.image.id,
            created_at=now,
            started_at=now,
        )
        request.output.write("stdout", f"{_NOTHING_RUNS}\n".encode())
        request.output.close()
        self._records[request.pod.uid][record.id] = record
        return record

    async def stop_container(self, container_id: str, grace_seconds: float) -> None:
        """Pretend that it has ended."""
        self.end(container_id, exit_code=0)

    def end(self, container_id: str, *, exit_code: int) -> None:
        """Let a container end."""
        for uid, records in self._records.items():
            record = records.get(container_id)
            if record is not None and not record.has_exited:
                records[container_id] = replace(
                    record,
                    state=ContainerState.EXITED,
                    finished_at=clock.now(),
                    exit_code=exit_code,
                )
                self._on_change(uid)

    def containers(self, uid: str) -> Sequence[ContainerRecord]:
        """All attempts in a pod."""
        return list(self._records.get(uid, {}).values())

    async def exec(
        self,
        container_id: str,
        command: Sequence[str],
        streams: CallerStreams,
        choice: StreamChoice,
    ) -> int:
        """There is nothing to run commands in."""
        raise BadRequestError(f"cannot run a command: {_NOTHING_RUNS}")

    async def attach(self, container_id: str, streams: CallerStreams, choice: StreamChoice) -> int:
        """There is nothing to attach to."""
        raise BadRequestError(f"cannot attach: {_NOTHING_RUNS}")

    def usage(self) -> Mapping[str, Sequence[Usage]]:
        """Nothing is used."""
        return {}
