"""Pods and pod templates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from choreo_local.embedded.kubeapi.columns import cells
from choreo_local.embedded.kubeapi.columns.printer import (
    AGE,
    NAME,
    Object,
    Printer,
    column,
    wide,
)

_COMPLETED = {
    "Succeeded": {
        "type": "Completed",
        "status": "True",
        "reason": "Succeeded",
        "message": "The pod has completed successfully.",
    },
    "Failed": {
        "type": "Completed",
        "status": "True",
        "reason": "Failed",
        "message": "The pod failed.",
    },
}


@dataclass(slots=True)
class _Summary:
    """What the statuses of the containers come to."""

    reason: str
    ready: int = 0
    restarts: int = 0
    sidecar_restarts: int = 0
    last_restart: str = ""
    last_sidecar_restart: str = ""
    initializing: bool = False


def _pod(obj: Object, now: datetime) -> list[Any]:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    summary = _Summary(_first_reason(status))
    sidecars = _sidecars(spec)
    _count_init_containers(summary, spec, status, sidecars)
    if not summary.initializing or cells.is_condition_true(status.get("conditions"), "Initialized"):
        _count_containers(summary, status)
    reason = _deletion_reason(obj, status) or summary.reason
    restarts = str(summary.restarts)
    if summary.restarts and summary.last_restart:
        restarts = f"{restarts} ({cells.since(summary.last_restart, now)} ago)"
    total = len(spec.get("containers") or ()) + len(sidecars)
    ips = status.get("podIPs") or [{}]
    return [
        cells.name(obj),
        f"{summary.ready}/{total}",
        reason,
        restarts,
        cells.age(obj, now),
        ips[0].get("ip") or cells.NONE,
        spec.get("nodeName") or cells.NONE,
        status.get("nominatedNodeName") or cells.NONE,
        _readiness_gates(spec, status),
    ]


def _first_reason(status: Mapping[str, Any]) -> str:
    reason = status.get("reason") or status.get("phase") or ""
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("reason") == "SchedulingGated":
            reason = "SchedulingGated"
    return str(reason)


def _sidecars(spec: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(
        str(container.get("name"))
        for container in spec.get("initContainers") or ()
        if container.get("restartPolicy") == "Always"
    )


def _count_init_containers(
    summary: _Summary,
    spec: Mapping[str, Any],
    status: Mapping[str, Any],
    sidecars: frozenset[str],
) -> None:
    for index, container in enumerate(status.get("initContainerStatuses") or ()):
        count, finished = int(container.get("restartCount") or 0), _last_finished(container)
        is_sidecar = container.get("name") in sidecars
        summary.restarts += count
        summary.last_restart = max(summary.last_restart, finished)
        if is_sidecar:
            summary.sidecar_restarts += count
            summary.last_sidecar_restart = max(summary.last_sidecar_restart, finished)
        terminated = cells.get(container, "state.terminated")
        if terminated is not None and not terminated.get("exitCode"):
            continue
        if is_sidecar and container.get("started"):
            summary.ready += bool(container.get("ready"))
            continue
        waiting = cells.get(container, "state.waiting.reason", "")
        if terminated is not None:
            summary.reason = f"Init:{_exit_reason(terminated)}"
        elif waiting and waiting != "PodInitializing":
            summary.reason = f"Init:{waiting}"
        else:
            summary.reason = f"Init:{index}/{len(spec.get('initContainers') or ())}"
        summary.initializing = True
        return


def _count_containers(summary: _Summary, status: Mapping[str, Any]) -> None:
    summary.restarts = summary.sidecar_restarts
    summary.last_restart = summary.last_sidecar_restart
    running, failure = False, ""
    for container in reversed(status.get("containerStatuses") or ()):
        summary.restarts += int(container.get("restartCount") or 0)
        summary.last_restart = max(summary.last_restart, _last_finished(container))
        waiting = cells.get(container, "state.waiting.reason", "")
        terminated = cells.get(container, "state.terminated")
        if waiting:
            summary.reason = waiting
        elif terminated is not None:
            summary.reason = _exit_reason(terminated)
            failure = summary.reason if terminated.get("exitCode") else failure
        elif container.get("ready") and cells.get(container, "state.running") is not None:
            running = True
            summary.ready += 1
    if summary.reason == "Completed":
        if running and cells.is_condition_true(status.get("conditions"), "Ready"):
            summary.reason = "Running"
        elif failure:
            summary.reason = failure
        elif running:
            summary.reason = "NotReady"


def _exit_reason(terminated: Mapping[str, Any]) -> str:
    if terminated.get("reason"):
        return str(terminated["reason"])
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated.get('exitCode') or 0}"


def _last_finished(container: Mapping[str, Any]) -> str:
    return str(cells.get(container, "lastState.terminated.finishedAt", ""))


def _deletion_reason(obj: Object, status: Mapping[str, Any]) -> str:
    if not cells.get(obj, "metadata.deletionTimestamp"):
        return ""
    if status.get("reason") == "NodeLost":
        return "Unknown"
    return "" if status.get("phase") in _COMPLETED else "Terminating"


def _readiness_gates(spec: Mapping[str, Any], status: Mapping[str, Any]) -> str:
    gates = spec.get("readinessGates") or ()
    if not gates:
        return cells.NONE
    conditions = status.get("conditions")
    passed = sum(
        cells.is_condition_true(conditions, gate.get("conditionType", "")) for gate in gates
    )
    return f"{passed}/{len(gates)}"


def _row_conditions(obj: Object) -> list[dict[str, str]]:
    mark = _COMPLETED.get(cells.get(obj, "status.phase", ""))
    return [mark] if mark else []


def _pod_template(obj: Object, now: datetime) -> list[Any]:
    template = obj.get("template") or {}
    return [
        cells.name(obj),
        *cells.containers(template.get("spec")),
        cells.labels(cells.get(template, "metadata.labels")),
    ]


PRINTERS = {
    ("", "Pod"): Printer(
        (
            NAME,
            column("Ready", "How many of the containers are ready."),
            column("Status", "What the pod is doing, or why it is not."),
            column("Restarts", "How often containers were restarted, and when last."),
            AGE,
            wide("IP", "Address of the pod."),
            wide("Node", "Node that the pod runs on."),
            wide("Nominated Node", "Node that is being cleared for the pod."),
            wide("Readiness Gates", "How many of the extra readiness conditions are true."),
        ),
        _pod,
        _row_conditions,
    ),
    ("", "PodTemplate"): Printer(
        (
            NAME,
            column("Containers", "Names of the containers of the pod template."),
            column("Images", "Images of the containers of the pod template."),
            column("Pod Labels", "Labels of the pods made from the template."),
        ),
        _pod_template,
    ),
}
