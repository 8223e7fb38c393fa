"""What an Argo Workflow says of itself → tasks and conditions of its WorkflowRun. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from choreo_local.api.conditions import WorkflowRunCondition as Type
from choreo_local.api.conditions import WorkflowRunReason as Reason
from choreo_local.controllers.outcome import Condition, met, unmet

_PHASES = {"Pending", "Running", "Succeeded", "Failed", "Skipped", "Error"}
_OTHER_WORDS = {"": "Pending", "Omitted": "Skipped"}
_STEP = re.compile(r"\[(\d{1,9})\]")

RUNNING = met(Type.WORKFLOW_RUNNING, Reason.WORKFLOW_RUNNING, "Argo Workflow is running")
_ENDED = unmet(
    Type.WORKFLOW_RUNNING, Reason.WORKFLOW_RUNNING, "Argo Workflow running has completed"
)
SUCCEEDED = (
    met(Type.WORKFLOW_COMPLETED, Reason.WORKFLOW_SUCCEEDED, "Workflow has completed successfully"),
    _ENDED,
    met(Type.WORKFLOW_SUCCEEDED, Reason.WORKFLOW_SUCCEEDED, "Workflow completed successfully"),
)


def failed(why: str = "", *, reason: Reason = Reason.WORKFLOW_FAILED) -> tuple[Condition, ...]:
    """The conditions of a run that failed; `why` is for what Argo does not say itself."""
    detail = f": {why}" if why else ""
    return (
        met(Type.WORKFLOW_COMPLETED, reason, f"Workflow has completed with failure{detail}"),
        _ENDED,
        met(Type.WORKFLOW_FAILED, reason, f"Workflow execution failed{detail}"),
    )


def tasks(argo: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The steps that run in pods, in order."""
    nodes = ((argo.get("status") or {}).get("nodes") or {}).values()
    pods = [node for node in nodes if node.get("type") == "Pod"]
    return [_task(node) for node in sorted(pods, key=_place)]


def _place(node: Mapping[str, Any]) -> tuple[int, str, str]:
    name = str(node.get("name") or "")
    steps = _STEP.findall(name)
    return int(steps[-1]) if steps else -1, str(node.get("startedAt") or "~"), name


def _task(node: Mapping[str, Any]) -> dict[str, Any]:
    phase = str(node.get("phase") or "")
    phase = _OTHER_WORDS.get(phase, phase)
    name = node.get("displayName") or str(node.get("name") or "").rpartition(".")[2]
    fields = {
        "name": name or str(node.get("id") or "task"),
        "phase": phase if phase in _PHASES else None,
        "message": node.get("message"),
        "startedAt": node.get("startedAt"),
        "completedAt": node.get("finishedAt"),
    }
    return {field: value for field, value in fields.items() if value}


def conditions(argo: Mapping[str, Any]) -> tuple[Condition, ...]:
    """What the phase of an Argo Workflow means; nothing while it has not begun."""
    match (argo.get("status") or {}).get("phase"):
        case "Running":
            return (RUNNING,)
        case "Succeeded":
            return SUCCEEDED
        case "Failed" | "Error":
            return failed()
    return ()
