"""Starts the containers of one pod when their back-off allows it; knows why one is waiting."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from choreo_local.embedded.kubelet import checks, history, podspec, stopping
from choreo_local.embedded.kubelet.history import History
from choreo_local.embedded.kubelet.podspec import Manifest
from choreo_local.embedded.kubelet.podstatus import Waiting
from choreo_local.embedded.kubelet.pulling import ImagePuller
from choreo_local.embedded.kubelet.runtime import ImageError, StartError
from choreo_local.embedded.kubelet.starting import ContainerStarter, ReadyPod
from choreo_local.embedded.kubelet.tools import Tools
from choreo_local.errors import ApiError, UnreachableError

logger = logging.getLogger(__name__)

# Configuration that is missing may turn up at any time and costs little to look for.
_CONFIG_RETRY = timedelta(seconds=5)
_FAILURE_SHOWN = timedelta(seconds=2)
_API_RETRY = timedelta(seconds=1)


class Restarter:
    """Starts and restarts containers of one pod."""

    def __init__(self, tools: Tools, attempts: History) -> None:
        self._tools = tools
        self._history = attempts
        self._puller = ImagePuller(tools)
        self._starter = ContainerStarter(tools, self._puller)
        self._waiting: dict[str, Waiting] = {}
        self._retry_at: dict[str, datetime] = {}
        self._under_way: set[str] = set()

    def is_under_way(self, name: str) -> bool:
        """Whether a container is being started: its postStart hook has not ended yet."""
        return name in self._under_way

    def waiting(self, name: str) -> Waiting | None:
        """Why a container does not run at the moment."""
        return self._waiting.get(name)

    def next_at(self) -> datetime | None:
        """When the first container that waits may be tried again."""
        return min(self._retry_at.values(), default=None)

    def retry_now(self) -> None:
        """Something that a container may have been waiting for has changed."""
        for name, waiting in self._waiting.items():
            if waiting.reason == "CreateContainerConfigError":
                self._retry_at.pop(name, None)

    def may_start(self, pod: Manifest, name: str) -> bool:
        """Whether a container is to be started now; notes the reason when it is not."""
        now = self._tools.now()
        if name in self._retry_at and self._retry_at[name] > now:
            return False
        self._retry_at.pop(name, None)
        record = self._history.latest().get(name)
        if record is None or record.lost or record.finished_at is None:
            return True
        key = _key(pod, name)
        left = self._tools.restarts.remaining(key, failed_at=record.finished_at, now=now)
        if not left:
            self._tools.restarts.advance(key, failed_at=record.finished_at, now=now)
            return True
        self._retry_at[name] = now + left
        self._back_off(pod, name, self._tools.restarts.delay(key))
        return False

    def _back_off(self, pod: Manifest, name: str, delay: timedelta) -> None:
        whole = podspec.full_name(pod)
        message = f"back-off {duration(delay)} restarting failed container={name} pod={whole}"
        self._waiting[name] = Waiting("CrashLoopBackOff", message)
        self._tools.warn(
            pod,
            "BackOff",
            f"Back-off restarting failed container {name} in pod {whole}",
            field_path=checks.field_path(pod, name),
        )

    async def start(self, pod: ReadyPod, names: Sequence[str]) -> None:
        """Start containers one after the other, as their order is a promise."""
        for name in names:
            self._under_way.add(name)
            try:
                await self._start(pod, name)
            finally:
                self._under_way.discard(name)

    async def _start(self, pod: ReadyPod, name: str) -> None:
        container = podspec.find_container(pod.manifest, name)
        if container is None:
            return
        before = self._history.latest().get(name)
        attempt = before.attempt + 1 if before else 0
        try:
            record = await self._starter.start(pod, container, attempt=attempt)
        except ImageError as error:
            self._retry_at[name] = self._next_pull(pod.manifest, container, error)
            self._wait(pod.manifest, name, Waiting(error.reason, error.message), error.reason)
            return
        except StartError as error:
            self._fail(pod.manifest, container, error, attempt=attempt)
            return
        except (ApiError, UnreachableError) as error:
            logger.warning("Container not started container=%s error=%s", name, error)
            self._retry_at[name] = self._tools.now() + _API_RETRY
            return
        self._waiting.pop(name, None)
        address = pod.addresses[0]
        problem = await self._starter.run_hook(pod.manifest, container, record, address=address)
        if problem:
            self._waiting[name] = Waiting("PostStartHookError", problem)
            await stopping.stop_container(
                self._tools,
                pod.manifest,
                record,
                address=address,
                grace_seconds=podspec.grace_seconds(pod.manifest),
                message="FailedPostStartHook",
            )

    def _next_pull(self, pod: Manifest, container: Manifest, error: ImageError) -> datetime:
        now = self._tools.now()
        allowed = self._puller.retry_at(pod, container)
        if allowed is None:
            return now + _CONFIG_RETRY
        if error.reason == "ErrImagePull":
            # The failure is shown for a moment, then that the next attempt has to wait.
            return now + min((allowed - now) / 2, _FAILURE_SHOWN)
        return allowed

    def _fail(self, pod: Manifest, container: Manifest, error: StartError, *, attempt: int) -> None:
        name, now = container["name"], self._tools.now()
        if error.reason == "RunContainerError":
            # It counts as an attempt, so that the back-off of crashing containers applies.
            record = history.failed_start(
                container, attempt=attempt, message=error.message, now=now
            )
            self._history.add(record)
        else:
            self._retry_at[name] = now + _CONFIG_RETRY
        self._wait(pod, name, Waiting(error.reason, error.message), error.message)

    def _wait(self, pod: Manifest, name: str, waiting: Waiting, message: str) -> None:
        self._waiting[name] = waiting
        path = checks.field_path(pod, name)
        self._tools.warn(pod, "Failed", f"Error: {message}", field_path=path)

    def forget(self, uid: str) -> None:
        """Drop the back-off of a pod."""
        self._tools.restarts.forget(uid)
        self._tools.pulls.forget(uid)


def _key(pod: Manifest, name: str) -> str:
    container = podspec.find_container(pod, name) or {}
    digest = hashlib.sha256(json.dumps(container, sort_keys=True).encode()).hexdigest()[:8]
    return f"{pod['metadata']['uid']}/{name}/{digest}"


def duration(value: timedelta) -> str:
    """As Go prints a duration: `200ms`, `10s`, `1m20s`, `5m0s`."""
    seconds = value.total_seconds()
    if seconds < 1:
        return f"{seconds * 1000:g}ms"
    if seconds < 60:
        return f"{seconds:g}s"
    return f"{int(seconds // 60)}m{seconds % 60:g}s"
