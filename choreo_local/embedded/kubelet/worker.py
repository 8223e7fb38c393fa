"""One worker a pod: compares what runs with what should, acts, and reports. Level-triggered.

A pass looks at everything anew and never asks what woke it. Whatever takes long (starting,
stopping, probing) runs beside it and wakes it when done.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from choreo_local import clock
from choreo_local.embedded.kubelet import (
    actions,
    kinds,
    lastwords,
    podspec,
    podstatus,
    starting,
    stopping,
)
from choreo_local.embedded.kubelet.checks import Target
from choreo_local.embedded.kubelet.health import Health
from choreo_local.embedded.kubelet.history import History, lost_attempts
from choreo_local.embedded.kubelet.overuse import Overuse
from choreo_local.embedded.kubelet.podspec import Manifest
from choreo_local.embedded.kubelet.podstatus import ContainerView
from choreo_local.embedded.kubelet.preparing import PodPreparer
from choreo_local.embedded.kubelet.publishing import StatusPublisher
from choreo_local.embedded.kubelet.records import ContainerRecord
from choreo_local.embedded.kubelet.restarting import Restarter
from choreo_local.embedded.kubelet.tools import Tools
from choreo_local.errors import ApiError, ConflictError, NotFoundError, UnreachableError
from choreo_local.tasks import TaskGroup

logger = logging.getLogger(__name__)

# A container that starts faster than this is reported as running at once, without "creating".
_PATIENCE_SECONDS = 0.05
_FIRST_RETRY_SECONDS = 0.2
_LONGEST_RETRY_SECONDS = 10.0


class PodWorker:
    """Brings one pod to what its manifest says, and keeps it there until it is gone."""

    def __init__(self, pod: Manifest, tools: Tools) -> None:
        metadata = pod["metadata"]
        self.uid: str = metadata["uid"]
        self._pod = pod
        self._tools = tools
        self._woken = asyncio.Event()
        self._is_gone = False
        self._is_over = False
        self._is_done = False
        self._has_remarked = False
        self._started_at = _started_at(pod) or tools.now()
        self._overuse = Overuse(tools, self._started_at)
        self._history = History(
            lambda: tools.runtime.containers(self.uid),
            lambda record: lastwords.read(tools.places, self._pod, record),
        )
        if not podspec.is_terminal(pod):
            for record in lost_attempts(pod, tools.now()):
                self._history.add(record)
        self._publisher = StatusPublisher(tools.client)
        self._preparer = PodPreparer(tools)
        self._restarter = Restarter(tools, self._history)
        self._health: dict[str, Health] = {}
        self._background = TaskGroup(f"pod-{metadata['namespace']}-{metadata['name']}")
        self._starting: asyncio.Task[Any] | None = None
        self._stopping: dict[str, asyncio.Task[Any]] = {}
        self._ending: asyncio.Task[Any] | None = None
        self._ending_grace = float("inf")

    # --- what others tell ------------------------------------------------------------------------

    def wake(self) -> None:
        """Look at the pod again soon."""
        self._woken.set()

    def update(self, pod: Manifest) -> None:
        """The pod has changed."""
        if _shown_in_files(pod) != _shown_in_files(self._pod):
            self._preparer.refresh()
        self._pod = pod
        self.wake()

    def refresh(self) -> None:
        """Something that the pod's volumes are made of has changed."""
        self._preparer.refresh()
        self._restarter.retry_now()
        self.wake()

    def evict(self, message: str) -> None:
        """The node lacks something that the pod takes."""
        self._overuse.evict(self._pod, message)
        self.wake()

    def vanish(self) -> None:
        """The pod does not exist any more."""
        self._is_gone = True
        self.wake()

    @property
    def pod(self) -> Manifest:
        """The pod with the newest status that is known."""
        return self._publisher.current(self._pod)

    @property
    def address(self) -> str:
        """Of the pod; empty until it has one."""
        return self._preparer.address

    def record(self, name: str) -> ContainerRecord | None:
        """The newest attempt at a container."""
        return self._history.latest().get(name)

    # --- life ------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Work until the pod is gone."""
        try:
            failures = 0
            while not self._is_done:
                self._woken.clear()
                try:
                    due = await self._pass()
                    failures = 0
                except (NotFoundError, ConflictError):
                    # Deleted by force, perhaps replaced by another pod of that name.
                    self._is_gone, due = True, self._tools.now()
                except (ApiError, UnreachableError) as error:
                    failures += 1
                    logger.warning("Pod not synchronised uid=%s error=%s", self.uid, error)
                    due = self._tools.now() + timedelta(seconds=_retry_seconds(failures))
                await self._sleep_until(due)
        finally:
            await self._stop_helpers()

    async def _stop_helpers(self) -> None:
        await self._background.stop()
        for health in self._health.values():
            await health.stop()
        self._health.clear()

    async def _sleep_until(self, due: datetime | None) -> None:
        if self._is_done:
            return
        if due is None:
            await self._woken.wait()
            return
        delay = max(0.0, (due - self._tools.now()).total_seconds())
        try:
            async with asyncio.timeout(delay):
                await self._woken.wait()
        except TimeoutError:
            return

    async def _pass(self) -> datetime | None:
        """One look at the whole pod; when to look again without being woken."""
        if self._is_gone or podspec.is_deleting(self._pod):
            await self._terminate()
            return None
        if self._is_over or podspec.is_terminal(self._pod):
            await self._release()
            return None
        if await self._overuse.is_found(self._pod):
            return await self._finish()
        retry_at = await self._preparer.prepare(self.pod)
        if self._preparer.ready is None:
            await self._publish()
            return retry_at
        self._remark()
        return await self._converge(retry_at)

    def _remark(self) -> None:
        """Say, once, what is not as the pod asks: `kubectl describe` shows no other messages."""
        if self._has_remarked:
            return
        self._has_remarked = True
        for type_, message in self._tools.runtime.remarks(self._pod).items():
            self._tools.note(self._pod, type_.rpartition("/")[2], message)

    async def _converge(self, retry_at: datetime | None) -> datetime | None:
        await self._follow_health()
        decided = actions.decide(
            actions.Observed(
                pod=self._pod,
                latest=self._history.latest(),
                started=frozenset(name for name, found in self._health.items() if found.is_started),
                unhealthy={name: h.failure for name, h in self._health.items() if h.failure},
            )
        )
        if decided.finished:
            return await self._finish()
        for name, message in decided.stop.items():
            self._stop(name, message)
        self._start(decided.start)
        if self._starting is not None:
            await asyncio.wait({self._starting}, timeout=_PATIENCE_SECONDS)
            await self._follow_health()
        await self._publish()
        is_starting = self._starting is not None and not self._starting.done()
        restart_at = None if is_starting else self._restarter.next_at()
        return _earliest(retry_at, restart_at, self._overuse.next_at(self._pod))

    def _spawn(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        task = self._background.start(work, name=name)
        task.add_done_callback(lambda _: self.wake())
        return task

    # --- starting --------------------------------------------------------------------------------

    def _start(self, names: tuple[str, ...]) -> None:
        if self._starting is not None and not self._starting.done():
            return
        due = [name for name in names if self._restarter.may_start(self._pod, name)]
        ready = self._preparer.ready
        self._starting = None
        if due and ready is not None:
            work = self._restarter.start(replace(ready, manifest=self.pod), due)
            self._starting = self._spawn(work, "start")

    async def _follow_health(self) -> None:
        """Probe what runs, forget what does not."""
        latest = self._history.latest()
        for name, health in list(self._health.items()):
            record = latest.get(name)
            if record is None or not record.is_running or record.attempt != health.attempt:
                del self._health[name]
                await health.stop()
        for name, record in latest.items():
            is_up = record.is_running and not self._restarter.is_under_way(name)
            if is_up and name not in self._health:
                self._health[name] = Health(self._tools, self._target(record), record, self.wake)

    def _target(self, record: ContainerRecord) -> Target:
        container = podspec.find_container(self._pod, record.name) or {}
        runner = starting.runner_in(self._tools.runtime, record)
        return Target(self._pod, container, self.address, runner)

    # --- stopping --------------------------------------------------------------------------------

    def _stop(self, name: str, message: str) -> None:
        """End one container; what becomes of it, a later pass decides."""
        task = self._stopping.get(name)
        record = self._history.latest().get(name)
        if record is None or record.has_exited or (task is not None and not task.done()):
            return
        health = self._health.get(name)
        work = stopping.stop_container(
            self._tools,
            self._pod,
            record,
            address=self.address,
            grace_seconds=health.grace_seconds(self._pod) if health else 0,
            message=message,
        )
        self._stopping[name] = self._spawn(work, f"stop-{name}")

    def _end_all(self, grace_seconds: float) -> bool:
        """End all containers; True when none is left. A shorter grace takes effect at once."""
        left = {
            name: record for name, record in self._history.latest().items() if not record.has_exited
        }
        if not left:
            return True
        is_under_way = self._ending is not None and not self._ending.done()
        if is_under_way and grace_seconds >= self._ending_grace:
            return False
        if self._ending is not None:
            self._ending.cancel()
        self._ending_grace = grace_seconds
        work = stopping.stop_all(
            self._tools, self._pod, left, address=self.address, grace_seconds=grace_seconds
        )
        self._ending = self._spawn(work, "end")
        return False

    async def _cancel_starting(self) -> None:
        if self._starting is not None and not self._starting.done():
            self._starting.cancel()
            await asyncio.wait({self._starting})

    async def _finish(self) -> datetime | None:
        """Nothing will run again: end sidecars, report the final phase, let go of resources."""
        await self._cancel_starting()
        done = self._end_all(self._overuse.grace_seconds(self._pod))
        await self._publish(finished=done)
        if done:
            await self._release()
        return None

    async def _release(self) -> None:
        """Give back what a pod needs only while it runs; logs stay."""
        self._is_over = True
        await self._stop_helpers()
        await self._tools.runtime.remove_pod(self.uid)
        self._preparer.release(self.uid)

    async def _terminate(self) -> None:
        """The pod is to go: end everything, then let the kube API forget it."""
        await self._cancel_starting()
        grace = 0.0 if self._is_gone else podspec.grace_seconds(self._pod)
        if not self._end_all(grace):
            return
        if not self._is_gone and not self._is_over and not podspec.is_terminal(self._pod):
            await self._publish(finished=True)
        await self._release()
        if not self._is_gone:
            metadata = self._pod["metadata"]
            await self._tools.client.delete(
                kinds.PODS,
                metadata["name"],
                metadata["namespace"],
                uid=self.uid,
                grace_seconds=0,
            )
        self._tools.places.remove(self._pod)
        self._restarter.forget(self.uid)
        self._is_done = True

    # --- status ----------------------------------------------------------------------------------

    async def _publish(self, *, finished: bool = False) -> None:
        status = podstatus.build(
            podstatus.Observed(
                pod=self.pod,
                containers=self._views(),
                now=self._tools.now(),
                started_at=self._started_at,
                host_addresses=self._tools.host_addresses,
                addresses=[self.address] if self.address else [],
                failure=self._overuse.failure,
                finished=finished,
                remarks=self._tools.runtime.remarks(self._pod),
            )
        )
        await self._publisher.publish(self._pod, status)

    def _views(self) -> Mapping[str, ContainerView]:
        latest = self._history.latest()
        return {
            container["name"]: self._view(container, latest.get(container["name"]))
            for container in podspec.every_container(self._pod)
        }

    def _view(self, container: Manifest, record: ContainerRecord | None) -> ContainerView:
        name = container["name"]
        health = self._health.get(name)
        is_step = podspec.is_init(self._pod, name) and not podspec.is_sidecar(container)
        has_succeeded = record is not None and record.has_exited and record.exit_code == 0
        return ContainerView(
            latest=record,
            previous=self._history.previous(name),
            waiting=self._restarter.waiting(name),
            started=health.is_started if health else False,
            ready=(has_succeeded and is_step) or bool(health and health.is_ready and not is_step),
        )


def _shown_in_files(pod: Manifest) -> tuple[object, object]:
    """What downwardAPI volumes may show of a pod that changes."""
    metadata = pod["metadata"]
    return metadata.get("labels"), metadata.get("annotations")


def _started_at(pod: Manifest) -> datetime | None:
    text = (pod.get("status") or {}).get("startTime")
    return clock.parse_timestamp(text) if text else None


def _earliest(*moments: datetime | None) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)


def _retry_seconds(failures: int) -> float:
    return float(min(_FIRST_RETRY_SECONDS * 2 ** min(failures, 10), _LONGEST_RETRY_SECONDS))
