"""What ran in a pod: attempts that the runtime knows, and those of an earlier life of the node."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from choreo_local import clock
from choreo_local.embedded.kubelet.podspec import Manifest
from choreo_local.embedded.kubelet.records import ContainerRecord, ContainerState

_LOST_CODE = 255
_START_ERROR_CODE = 128


class History:
    """The attempts at the containers of one pod.

    Args:
        known: asks the runtime for its attempts.
        last_words: what an attempt that has ended left to say.
    """

    def __init__(
        self,
        known: Callable[[], Sequence[ContainerRecord]],
        last_words: Callable[[ContainerRecord], str],
    ) -> None:
        self._known = known
        self._last_words = last_words
        self._others: dict[str, ContainerRecord] = {}
        self._messages: dict[str, str] = {}

    def add(self, record: ContainerRecord) -> None:
        """Note an attempt that the runtime does not know."""
        self._others[record.name] = record

    def _attempts(self) -> list[ContainerRecord]:
        found = [*self._others.values(), *self._known()]
        return sorted((self._complete(record) for record in found), key=lambda found: found.attempt)

    def _complete(self, record: ContainerRecord) -> ContainerRecord:
        if not record.has_exited or record.message:
            return record
        if record.id not in self._messages:
            self._messages[record.id] = self._last_words(record)
        return replace(record, message=self._messages[record.id])

    def latest(self) -> dict[str, ContainerRecord]:
        """The newest attempt of each container."""
        return {record.name: record for record in self._attempts()}

    def previous(self, name: str) -> ContainerRecord | None:
        """The attempt before the newest one."""
        found = [record for record in self._attempts() if record.name == name]
        return found[-2] if len(found) > 1 else None


def failed_start(
    container: Manifest, *, attempt: int, message: str, now: datetime
) -> ContainerRecord:
    """The attempt that a container's start was not."""
    return ContainerRecord(
        id=f"none://{clock.new_uid()}",
        name=container["name"],
        attempt=attempt,
        state=ContainerState.EXITED,
        image=container["image"],
        image_id="",
        created_at=now,
        started_at=now,
        finished_at=now,
        exit_code=_START_ERROR_CODE,
        reason="StartError",
        message=message,
    )


def lost_attempts(pod: Manifest, now: datetime) -> list[ContainerRecord]:
    """The attempts of an earlier life of the node, as the status of the pod tells them."""
    status = pod.get("status") or {}
    kinds = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")
    shown = [found for kind in kinds for found in status.get(kind) or ()]
    return [record for found in shown if (record := _lost(found, now)) is not None]


def _lost(status: Manifest, now: datetime) -> ContainerRecord | None:
    state = status.get("state") or {}
    running, ended = state.get("running"), state.get("terminated")
    if not running and not ended:
        ended = (status.get("lastState") or {}).get("terminated")
    if not running and not ended:
        return None
    record = ContainerRecord(
        id=status.get("containerID") or "",
        name=status["name"],
        attempt=int(status.get("restartCount") or 0),
        state=ContainerState.EXITED,
        image=status.get("image") or "",
        image_id=status.get("imageID") or "",
        created_at=now,
        lost=True,
    )
    return _was_running(record, running, now) if running else _had_ended(record, ended, now)


def _was_running(record: ContainerRecord, running: Any, now: datetime) -> ContainerRecord:
    return replace(
        record,
        started_at=_moment(running.get("startedAt"), now),
        finished_at=now,
        exit_code=_LOST_CODE,
        reason="Unknown",
        message="the instance that ran this container has ended",
    )


def _had_ended(record: ContainerRecord, ended: Any, now: datetime) -> ContainerRecord:
    return replace(
        record,
        started_at=_moment(ended.get("startedAt"), now),
        finished_at=_moment(ended.get("finishedAt"), now),
        exit_code=int(ended.get("exitCode") or 0),
        signal=int(ended.get("signal") or 0),
        reason=ended.get("reason") or "",
        message=ended.get("message") or "",
    )


def _moment(text: Any, otherwise: datetime) -> datetime:
    try:
        return clock.parse_timestamp(text)
    except (TypeError, ValueError):
        return otherwise
