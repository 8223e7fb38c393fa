"""Samples what pods and the machine use, as `metrics.k8s.io` shows it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psutil

from choreo_local import clock
from choreo_local.embedded.kubelet.podspec import Manifest
from choreo_local.embedded.kubelet.runtime import Usage

API_VERSION = "metrics.k8s.io/v1beta1"
# Processor use is a rate; without an earlier sample it is taken over this long.
_FIRST_WINDOW_SECONDS = 0.2
_SHORTEST_WINDOW = timedelta(seconds=5)
_LONGEST_WINDOW = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Sample:
    """Processor seconds and memory of something at a moment, by its key."""

    taken_at: datetime
    cpu_seconds: Mapping[tuple[str, str], float]


class RateMeter:
    """Turns growing processor seconds into rates between two samples."""

    def __init__(self) -> None:
        self._base: Sample | None = None

    def base_for(self, now: datetime) -> Sample | None:
        """The sample to compare with; None when there is no useful one."""
        if self._base is None or now - self._base.taken_at > _LONGEST_WINDOW:
            return None
        return self._base

    def keep(self, sample: Sample) -> None:
        """Compare later samples with this one, unless it is nearly the same moment."""
        if self._base is None or sample.taken_at - self._base.taken_at >= _SHORTEST_WINDOW:
            self._base = sample


def rate(base: Sample, now: Sample, key: tuple[str, str]) -> float:
    """Processors in use between two samples; 0 for what is new."""
    seconds = (now.taken_at - base.taken_at).total_seconds()
    if key not in base.cpu_seconds or seconds <= 0:
        return 0.0
    return max(0.0, now.cpu_seconds[key] - base.cpu_seconds[key]) / seconds


def pod_sample(usage: Mapping[str, Sequence[Usage]]) -> Sample:
    """The processor seconds of all containers, by uid of the pod and name."""
    return Sample(
        clock.now(),
        {
            (uid, found.container): found.cpu_seconds
            for uid, some in usage.items()
            for found in some
        },
    )


def pod_metrics(
    pods: Iterable[Manifest], usage: Mapping[str, Sequence[Usage]], *, base: Sample, now: Sample
) -> list[dict[str, Any]]:
    """A PodMetrics for each pod that has running containers."""
    window = (now.taken_at - base.taken_at).total_seconds()
    found = []
    for pod in pods:
        metadata = pod["metadata"]
        containers = [
            {
                "name": used.container,
                "usage": amounts(
                    rate(base, now, (metadata["uid"], used.container)), used.memory_bytes
                ),
            }
            for used in usage.get(metadata["uid"], ())
        ]
        if containers:
            head = {
                "name": metadata["name"],
                "namespace": metadata["namespace"],
                "creationTimestamp": clock.timestamp(now.taken_at),
            }
            if metadata.get("labels"):
                head["labels"] = metadata["labels"]
            found.append(_metrics("PodMetrics", head, now, window) | {"containers": containers})
    return found


def node_metrics(name: str, *, base: Sample, now: Sample, memory_bytes: int) -> dict[str, Any]:
    """The NodeMetrics of this machine."""
    window = (now.taken_at - base.taken_at).total_seconds()
    head = {"name": name, "creationTimestamp": clock.timestamp(now.taken_at)}
    used = amounts(rate(base, now, _MACHINE), memory_bytes)
    return _metrics("NodeMetrics", head, now, window) | {"usage": used}


_MACHINE = ("", "machine")


def machine_sample() -> tuple[Sample, int]:
    """Busy processor seconds of the machine, and the memory that is in use."""
    times = psutil.cpu_times()
    busy = times.user + times.system + getattr(times, "nice", 0.0)
    memory = psutil.virtual_memory()
    return Sample(clock.now(), {_MACHINE: busy}), memory.total - memory.available


def _metrics(kind: str, metadata: Mapping[str, Any], now: Sample, window: float) -> dict[str, Any]:
    return {
        "kind": kind,
        "apiVersion": API_VERSION,
        "metadata": metadata,
        "timestamp": clock.timestamp(now.taken_at),
        "window": f"{window:.3f}s",
    }


def amounts(processors: float, memory_bytes: int) -> dict[str, str]:
    """As metrics-server writes them."""
    return {"cpu": f"{int(processors * 1e9)}n", "memory": f"{memory_bytes // 1024}Ki"}


async def first_window() -> None:
    """Wait long enough for a second sample to mean something."""
    await asyncio.sleep(_FIRST_WINDOW_SECONDS)
