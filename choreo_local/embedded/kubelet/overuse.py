"""When the kubelet itself ends a pod: its time is over, or it takes more disk than it may."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from choreo_local.embedded.kubelet import diskbounds, podspec
from choreo_local.embedded.kubelet.podspec import Manifest
from choreo_local.embedded.kubelet.podstatus import EVICTED, Waiting
from choreo_local.embedded.kubelet.tools import Tools

_LOOK_EVERY = timedelta(seconds=10)
# Somebody who fills the disk has no time to go on with it.
_EVICTION_GRACE_SECONDS = 1.0
_BLOCK_BYTES = 512


class Overuse:
    """What one pod takes too much of.

    Attributes:
        failure: why the pod has to end; None while it need not.
    """

    def __init__(self, tools: Tools, started_at: datetime) -> None:
        self._tools = tools
        self._started_at = started_at
        self._looked_at: datetime | None = None
        self.failure: Waiting | None = None

    async def is_found(self, pod: Manifest) -> bool:
        """Whether the pod has to end; the first finding stays."""
        if self.failure is None:
            self.failure = self._late(pod) or await self._full(pod)
            if self.failure is not None:
                self._tell(pod, self.failure)
        return self.failure is not None

    def evict(self, pod: Manifest, message: str) -> None:
        """The node cannot keep the pod."""
        if self.failure is None:
            self.failure = Waiting(EVICTED, message)
            self._tell(pod, self.failure)

    def _tell(self, pod: Manifest, failure: Waiting) -> None:
        tell = self._tools.warn if self._is_eviction else self._tools.note
        tell(pod, failure.reason, failure.message)

    def next_at(self, pod: Manifest) -> datetime | None:
        """When to look again."""
        moments = [self._deadline(pod)]
        if self._looked_at is not None:
            moments.append(self._looked_at + _LOOK_EVERY)
        return min((moment for moment in moments if moment is not None), default=None)

    def grace_seconds(self, pod: Manifest) -> float:
        """How long the containers of a pod have to end."""
        wanted = podspec.grace_seconds(pod)
        return min(wanted, _EVICTION_GRACE_SECONDS) if self._is_eviction else wanted

    @property
    def _is_eviction(self) -> bool:
        return self.failure is not None and self.failure.reason == EVICTED

    def _deadline(self, pod: Manifest) -> datetime | None:
        seconds = pod["spec"].get("activeDeadlineSeconds")
        return None if seconds is None else self._started_at + timedelta(seconds=float(seconds))

    def _late(self, pod: Manifest) -> Waiting | None:
        deadline = self._deadline(pod)
        if deadline is None or self._tools.now() < deadline:
            return None
        message = "Pod was active on the node longer than the specified deadline"
        return Waiting("DeadlineExceeded", message)

    async def _full(self, pod: Manifest) -> Waiting | None:
        now = self._tools.now()
        if self._looked_at and now < self._looked_at + _LOOK_EVERY:
            return None
        bounds = diskbounds.of_pod(pod, self._tools.places)
        self._looked_at = now if bounds else None
        for bound in bounds:
            if await asyncio.to_thread(hold_more, bound.folders, bound.most):
                return Waiting(EVICTED, bound.message)
        return None


def hold_more(folders: Iterable[Path], most: int) -> bool:
    """Whether some folders and what is below them take more than so many bytes of the disk."""
    return taken(folders, enough=most) > most


def taken(folders: Iterable[Path], *, enough: float = math.inf) -> int:
    """How many bytes of the disk they take; beyond `enough` nobody counts on."""
    total = 0
    linked: set[int] = set()
    # By hand: `os.walk` recurses, and a pod may nest its folders as deep as it likes.
    left = [str(folder) for folder in folders]
    while left and total <= enough:
        # What has gone meanwhile takes nothing.
        with contextlib.suppress(OSError), os.scandir(left.pop()) as entries:
            for entry in entries:
                found = entry.stat(follow_symlinks=False)
                is_folder = entry.is_dir(follow_symlinks=False)
                if is_folder:
                    left.append(entry.path)
                if is_folder or found.st_nlink == 1 or found.st_ino not in linked:
                    total += found.st_blocks * _BLOCK_BYTES
                if found.st_nlink > 1 and not is_folder:
                    linked.add(found.st_ino)
    return total
