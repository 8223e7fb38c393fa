"""What all pod workers of a node share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from choreo_local import clock
from choreo_local.embedded.dialing import DIRECTLY, Dialing, Inside, nowhere
from choreo_local.embedded.kubelet.backoff import BackOff
from choreo_local.embedded.kubelet.checks import Checker
from choreo_local.embedded.kubelet.events import NORMAL, WARNING, Event, EventRecorder
from choreo_local.embedded.kubelet.logfiles import LogBook
from choreo_local.embedded.kubelet.places import Places
from choreo_local.embedded.kubelet.podspec import Manifest
from choreo_local.embedded.kubelet.runtime import ContainerRuntime
from choreo_local.embedded.kubelet.sources import SourceReader
from choreo_local.embedded.kubelet.volumes import Volumes
from choreo_local.kubeclient.client import KubeClient


@dataclass(frozen=True, slots=True)
class Tools:
    """The collaborators of pod workers; made by `kubelet.Kubelet`.

    Attributes:
        host_addresses: of the node.
        restarts: back-off of crashing containers.
        pulls: back-off of images that cannot be had.
        dialing: how pods are connected to.
        inside: the same from within a pod.
    """

    client: KubeClient
    runtime: ContainerRuntime
    recorder: EventRecorder
    sources: SourceReader
    volumes: Volumes
    checker: Checker
    logs: LogBook
    places: Places
    host_addresses: Sequence[str]
    restarts: BackOff = field(default_factory=BackOff)
    pulls: BackOff = field(default_factory=BackOff)
    dialing: Dialing = DIRECTLY
    inside: Inside = nowhere
    now: Callable[[], datetime] = clock.now
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    def note(self, pod: Manifest, reason: str, message: str, *, field_path: str = "") -> None:
        """Record a normal event of a pod."""
        self.recorder.record(Event(pod, NORMAL, reason, message, field_path))

    def warn(self, pod: Manifest, reason: str, message: str, *, field_path: str = "") -> None:
        """Record a warning of a pod."""
        self.recorder.record(Event(pod, WARNING, reason, message, field_path))
