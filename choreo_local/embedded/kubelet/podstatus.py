"""Container states to PodStatus: phase, conditions, container statuses. Pure.

Used by the pod worker after each step; the texts are those that kubectl users know.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from choreo_local import clock
from choreo_local.embedded.kubelet import actions, podspec, resources
from choreo_local.embedded.kubelet.podspec import Manifest
from choreo_local.embedded.kubelet.records import ContainerRecord, ContainerState

Condition = dict[str, Any]
# The reason of a pod that the kubelet ended because it took too much of the node.
EVICTED = "Evicted"


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why a container does not run."""

    reason: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class ContainerView:
    """One container as the status shows it.

    Attributes:
        latest: the newest attempt.
        previous: the attempt before it.
        waiting: why the next attempt has not begun.
        started: its startup probe has succeeded, or it has none and runs.
        ready: its readiness probe has succeeded, or it has none and runs.
    """

    latest: ContainerRecord | None = None
    previous: ContainerRecord | None = None
    waiting: Waiting | None = None
    started: bool = False
    ready: bool = False


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything that the status is made of.

    Attributes:
        addresses: of the pod; empty until it has one.
        started_at: when the kubelet took the pod.
        failure: reason and message when the kubelet itself ended the pod.
        finished: nothing of the pod will run again.
        remarks: further conditions that are true, type → message: what the node cannot honour.
    """

    pod: Manifest
    containers: Mapping[str, ContainerView]
    now: datetime
    started_at: datetime
    host_addresses: Sequence[str]
    addresses: Sequence[str] = ()
    failure: Waiting | None = None
    finished: bool = False
    remarks: Mapping[str, str] = field(default_factory=dict)


_UNSEEN = ContainerView()


def build(observed: Observed) -> dict[str, Any]:
    """The status as of now; conditions that did not change keep their transition time."""
    pod = observed.pod
    phase = _phase(observed)
    status: dict[str, Any] = {
        "phase": phase,
        "conditions": _conditions(observed, phase),
        "hostIP": observed.host_addresses[0],
        "hostIPs": [{"ip": address} for address in observed.host_addresses],
        "startTime": clock.timestamp(observed.started_at),
        "qosClass": (pod.get("status") or {}).get("qosClass") or resources.quality_class(pod),
        "containerStatuses": [
            _container_status(observed, container) for container in podspec.regular_containers(pod)
        ],
    }
    generation = pod["metadata"].get("generation")
    if generation:
        status["observedGeneration"] = generation
    if observed.addresses:
        status["podIP"] = observed.addresses[0]
        status["podIPs"] = [{"ip": address} for address in observed.addresses]
    if podspec.init_containers(pod):
        status["initContainerStatuses"] = [
            _container_status(observed, container) for container in podspec.init_containers(pod)
        ]
    if podspec.ephemeral_containers(pod):
        status["ephemeralContainerStatuses"] = [
            _ephemeral_status(observed, one) for one in podspec.ephemeral_containers(pod)
        ]
    if observed.failure is not None:
        status |= {"reason": observed.failure.reason, "message": observed.failure.message}
    return status


def _latest(observed: Observed) -> dict[str, ContainerRecord]:
    return {
        name: view.latest for name, view in observed.containers.items() if view.latest is not None
    }


def _phase(observed: Observed) -> str:
    pod = observed.pod
    if podspec.is_terminal(pod):
        return str(pod["status"]["phase"])
    latest = _latest(observed)
    if observed.failure is not None and observed.finished:
        return "Failed"
    if observed.finished:
        return _final_phase(pod, latest)
    if not actions.is_initialized(pod, latest) and not _was_running(observed):
        return "Pending"
    if all(container["name"] in latest for container in podspec.regular_containers(pod)):
        return "Running"
    return "Pending"


def _was_running(observed: Observed) -> bool:
    # A pod does not fall back to Pending when its node started anew.
    return bool((observed.pod.get("status") or {}).get("phase") == "Running")


def _final_phase(pod: Manifest, latest: Mapping[str, ContainerRecord]) -> str:
    if any(record.is_running for record in latest.values()):
        return "Running"
    ended = [latest.get(container["name"]) for container in podspec.regular_containers(pod)]
    if all(record is not None and record.exit_code == 0 for record in ended):
        return "Succeeded"
    return "Failed"


# --- conditions ------------------------------------------------------------------------------


def _conditions(observed: Observed, phase: str) -> list[Condition]:
    ready = _containers_ready(observed, phase)
    wanted = [
        _condition("PodReadyToStartContainers", is_true=bool(observed.addresses)),
        _initialized(observed, phase),
        _ready(observed, phase, ready),
        ready | {"type": "ContainersReady"},
        _condition("PodScheduled", is_true=True),
        *_disrupted(observed.failure),
        *(
            _condition(type_, is_true=True, reason="NodeRuntime", message=message)
            for type_, message in sorted(observed.remarks.items())
        ),
    ]
    types = {found["type"] for found in wanted}
    known = {
        found["type"]: found for found in (observed.pod.get("status") or {}).get("conditions") or ()
    }
    generation = observed.pod["metadata"].get("generation")
    now = clock.timestamp(observed.now)
    kept = [found for found in known.values() if found["type"] not in types]
    return [_dated(found, known.get(found["type"]), now, generation) for found in wanted] + kept


def _disrupted(failure: Waiting | None) -> Iterator[Condition]:
    if failure is not None and failure.reason == EVICTED:
        yield _condition(
            "DisruptionTarget",
            is_true=True,
            reason="TerminationByKubelet",
            message=failure.message,
        )


def _condition(type_: str, *, is_true: bool, reason: str = "", message: str = "") -> Condition:
    found: Condition = {
        "type": type_,
        "status": "True" if is_true else "False",
        "lastProbeTime": None,
    }
    if reason:
        found["reason"] = reason
    if message:
        found["message"] = message
    return found


def _dated(
    wanted: Condition, known: Condition | None, now: str, generation: int | None
) -> Condition:
    changed = known is None or known["status"] != wanted["status"]
    moment = now if changed or known is None else known.get("lastTransitionTime") or now
    dated = wanted | {"lastTransitionTime": moment}
    return dated | {"observedGeneration": generation} if generation else dated


def _initialized(observed: Observed, phase: str) -> Condition:
    pod, latest = observed.pod, _latest(observed)
    if phase == "Succeeded":
        return _condition("Initialized", is_true=True, reason="PodCompleted")
    if actions.is_initialized(pod, latest):
        return _condition("Initialized", is_true=True)
    pending = [
        container["name"]
        for container in podspec.init_containers(pod)
        if not _init_done(container, observed.containers.get(container["name"], _UNSEEN))
    ]
    if not pending:
        return _condition("Initialized", is_true=True)
    return _condition(
        "Initialized",
        is_true=False,
        reason="ContainersNotInitialized",
        message=f"containers with incomplete status: [{' '.join(pending)}]",
    )


def _init_done(container: Manifest, view: ContainerView) -> bool:
    if podspec.is_sidecar(container):
        return view.started
    record = view.latest
    return record is not None and record.has_exited and not record.lost and record.exit_code == 0


def _containers_ready(observed: Observed, phase: str) -> Condition:
    if phase in {"Succeeded", "Failed"}:
        reason = "PodCompleted" if phase == "Succeeded" else "PodFailed"
        return _condition("ContainersReady", is_true=False, reason=reason)
    watched = [
        container
        for container in podspec.iter_containers(observed.pod)
        if podspec.is_sidecar(container) or not podspec.is_init(observed.pod, container["name"])
    ]
    unready = [
        container["name"]
        for container in watched
        if not observed.containers.get(container["name"], _UNSEEN).ready
    ]
    if not unready:
        return _condition("ContainersReady", is_true=True)
    return _condition(
        "ContainersReady",
        is_true=False,
        reason="ContainersNotReady",
        message=f"containers with unready status: [{' '.join(unready)}]",
    )


def _ready(observed: Observed, phase: str, containers_ready: Condition) -> Condition:
    ready = containers_ready | {"type": "Ready"}
    if containers_ready["status"] != "True":
        return ready
    conditions = {
        found["type"]: found for found in (observed.pod.get("status") or {}).get("conditions") or ()
    }
    problems = [
        problem
        for gate in observed.pod["spec"].get("readinessGates") or ()
        if (problem := _gate_problem(gate["conditionType"], conditions.get(gate["conditionType"])))
    ]
    if not problems:
        return ready
    return _condition(
        "Ready", is_true=False, reason="ReadinessGatesNotReady", message=", ".join(problems)
    )


def _gate_problem(type_: str, condition: Manifest | None) -> str:
    if condition is None:
        return f'corresponding condition of pod readiness gate "{type_}" does not exist.'
    if condition["status"] == "True":
        return ""
    return f'the status of pod readiness gate "{type_}" is not "True", but {condition["status"]}'


# --- containers ------------------------------------------------------------------------------


def _container_status(observed: Observed, container: Manifest) -> dict[str, Any]:
    name = container["name"]
    view = observed.containers.get(name, _UNSEEN)
    record = view.latest
    state, last = _states(observed, container, view)
    status: dict[str, Any] = {
        "name": name,
        "image": record.image if record else container.get("image", ""),
        "imageID": record.image_id if record else "",
        "lastState": last,
        "ready": view.ready,
        "restartCount": record.attempt if record else 0,
        "started": view.started,
        "state": state,
    }
    if record is not None:
        status["containerID"] = record.id
    if container.get("resources"):
        status["resources"] = container["resources"]
        if container["resources"].get("requests"):
            status["allocatedResources"] = container["resources"]["requests"]
    if container.get("volumeMounts"):
        status["volumeMounts"] = [_mount_status(mount) for mount in container["volumeMounts"]]
    return status


def _ephemeral_status(observed: Observed, container: Manifest) -> dict[str, Any]:
    # Nobody waits for it to start or to become ready, so nothing is said about that.
    shown = _container_status(observed, container) | {"ready": False}
    return {key: value for key, value in shown.items() if key != "started"}


def _mount_status(mount: Manifest) -> dict[str, Any]:
    status = {"name": mount["name"], "mountPath": mount["mountPath"]}
    if mount.get("readOnly"):
        status |= {"readOnly": True, "recursiveReadOnly": "Disabled"}
    return status


def _states(
    observed: Observed, container: Manifest, view: ContainerView
) -> tuple[dict[str, Any], dict[str, Any]]:
    """`state` and `lastState`."""
    record = view.latest
    before = view.previous
    earlier = {"terminated": terminated(before)} if before and before.has_exited else {}
    if record is None:
        return {"waiting": _waiting(observed, container, view)}, earlier
    if record.state is ContainerState.RUNNING:
        moment = clock.timestamp(record.started_at or record.created_at)
        return {"running": {"startedAt": moment}}, earlier
    if record.state is ContainerState.CREATED:
        return {"waiting": _waiting(observed, container, view)}, earlier
    if view.waiting is not None:
        return {"waiting": _waiting(observed, container, view)}, {"terminated": terminated(record)}
    return {"terminated": terminated(record)}, earlier


def _waiting(observed: Observed, container: Manifest, view: ContainerView) -> dict[str, str]:
    if view.waiting is not None:
        shown = {"reason": view.waiting.reason, "message": view.waiting.message}
        return {key: value for key, value in shown.items() if value}
    initializing = (
        bool(podspec.init_containers(observed.pod))
        and not podspec.is_init(observed.pod, container["name"])
        and not podspec.is_ephemeral(observed.pod, container["name"])
        and not actions.is_initialized(observed.pod, _latest(observed))
    )
    return {"reason": "PodInitializing" if initializing else "ContainerCreating"}


def terminated(record: ContainerRecord) -> dict[str, Any]:
    """The `terminated` member of a state."""
    shown: dict[str, Any] = {
        "exitCode": record.exit_code,
        "reason": record.reason or ("Completed" if record.exit_code == 0 else "Error"),
        "startedAt": clock.timestamp(record.started_at) if record.started_at else None,
        "finishedAt": clock.timestamp(record.finished_at) if record.finished_at else None,
        "containerID": record.id,
    }
    if record.signal:
        shown["signal"] = record.signal
    if record.message:
        shown["message"] = record.message
    return shown
