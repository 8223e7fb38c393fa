"""What a pod needs now: which containers to start, which to stop. Pure, used by the pod worker.

The order is that of Kubernetes: init containers one after the other, a sidecar holds the next one
back until it has started, then all regular containers; once these have ended for good the sidecars
are stopped, last one first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from choreo_local.embedded.kubelet import podspec
from choreo_local.embedded.kubelet.podspec import Manifest
from choreo_local.embedded.kubelet.records import ContainerRecord


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything that the decision may look at.

    Attributes:
        latest: the newest attempt of each container that has one.
        started: containers that run and whose startup probe, if any, has succeeded.
        unhealthy: containers whose liveness or startup probe has failed, and the message.
    """

    pod: Manifest
    latest: Mapping[str, ContainerRecord]
    started: frozenset[str] = frozenset()
    unhealthy: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Actions:
    """What to do now.

    Attributes:
        start: names of containers, in order.
        stop: names of containers and why.
        finished: nothing of the pod will ever run again; what still runs is to be ended.
    """

    start: tuple[str, ...] = ()
    stop: Mapping[str, str] = field(default_factory=dict)
    finished: bool = False


def decide(observed: Observed) -> Actions:
    """Compare what runs with what should."""
    if _has_finished(observed):
        return Actions(finished=True)
    start = (*_to_start(observed), *_ephemeral_to_start(observed))
    return Actions(start=start, stop=_to_stop(observed))


def is_initialized(pod: Manifest, latest: Mapping[str, ContainerRecord]) -> bool:
    """Whether the init phase of this life of the pod is over: a regular container was started."""
    return any(
        _current(latest, container["name"]) is not None
        for container in podspec.regular_containers(pod)
    )


def init_failure(pod: Manifest, latest: Mapping[str, ContainerRecord]) -> ContainerRecord | None:
    """The init container that failed for good."""
    for container in podspec.init_containers(pod):
        record = latest.get(container["name"])
        if (
            record is not None
            and record.has_failed
            and not podspec.should_restart(pod, container, record)
        ):
            return record
    return None


def _has_finished(observed: Observed) -> bool:
    pod, latest = observed.pod, observed.latest
    if init_failure(pod, latest) is not None:
        return True
    for container in podspec.regular_containers(pod):
        record = latest.get(container["name"])
        if record is None:
            # A pod that may not restart anything does not begin anew after its node was lost.
            if not _was_lost(observed):
                return False
        elif not record.has_exited or podspec.should_restart(pod, container, record):
            return False
    return True


def _was_lost(observed: Observed) -> bool:
    return podspec.restart_policy(observed.pod) == podspec.NEVER and any(
        record.lost for record in observed.latest.values()
    )


def _to_stop(observed: Observed) -> dict[str, str]:
    stop: dict[str, str] = {}
    for container in podspec.iter_containers(observed.pod):
        name = container["name"]
        record = observed.latest.get(name)
        if record is None or not record.is_running:
            continue
        if name in observed.unhealthy:
            stop[name] = observed.unhealthy[name]
        elif _has_new_image(observed.pod, container, record):
            stop[name] = f"Container {name} definition changed, will be restarted"
    return stop


def _has_new_image(pod: Manifest, container: Manifest, record: ContainerRecord) -> bool:
    # The one field of a running container that may be changed.
    changed = bool(container.get("image")) and container["image"] != record.image
    return changed and podspec.restart_policy(pod) != podspec.NEVER


def _to_start(observed: Observed) -> tuple[str, ...]:
    start: list[str] = []
    initialized = is_initialized(observed.pod, observed.latest)
    for container in podspec.init_containers(observed.pod):
        if initialized and not podspec.is_sidecar(container):
            continue
        record = _current(observed.latest, container["name"])
        if _wants_start(observed.pod, container, record):
            start.append(container["name"])
        if not initialized and _holds_back(observed, container, record):
            return tuple(start)
    start.extend(
        container["name"]
        for container in podspec.regular_containers(observed.pod)
        if _wants_start(observed.pod, container, observed.latest.get(container["name"]))
    )
    return tuple(start)


def _ephemeral_to_start(observed: Observed) -> tuple[str, ...]:
    """Those that never ran: they wait for no other container and run once."""
    found = podspec.ephemeral_containers(observed.pod)
    return tuple(one["name"] for one in found if one["name"] not in observed.latest)


def _wants_start(pod: Manifest, container: Manifest, record: ContainerRecord | None) -> bool:
    if record is None:
        return True
    return record.has_exited and podspec.should_restart(pod, container, record)


def _holds_back(observed: Observed, container: Manifest, record: ContainerRecord | None) -> bool:
    if podspec.is_sidecar(container):
        return container["name"] not in observed.started
    return record is None or not record.has_exited or record.exit_code != 0


def _current(latest: Mapping[str, ContainerRecord], name: str) -> ContainerRecord | None:
    """The newest attempt of this life of the pod."""
    record = latest.get(name)
    return None if record is None or record.lost else record
