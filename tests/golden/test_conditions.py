"""Every condition and reason that upstream was seen to write has its place in our enums."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import pytest

from choreo_local.api import conditions, labels
from tests.golden import GOLDENS, load, recorded

_PLANES = ("DataPlane", "WorkflowPlane", "ObservabilityPlane")
ENUMS = {
    "Component": (conditions.ComponentCondition, conditions.ComponentReason),
    "ReleaseBinding": (conditions.ReleaseBindingCondition, conditions.ReleaseBindingReason),
    "RenderedRelease": (conditions.RenderedReleaseCondition, conditions.RenderedReleaseReason),
    "Project": (conditions.ProjectCondition, conditions.ProjectReason),
    "ProjectReleaseBinding": (
        conditions.ProjectReleaseBindingCondition,
        conditions.ProjectReleaseBindingReason,
    ),
    "Resource": (conditions.ResourceCondition, conditions.ResourceReason),
    "ResourceReleaseBinding": (
        conditions.ResourceReleaseBindingCondition,
        conditions.ResourceReleaseBindingReason,
    ),
    "WorkflowRun": (conditions.WorkflowRunCondition, conditions.WorkflowRunReason),
    "DeploymentPipeline": (
        conditions.DeploymentPipelineCondition,
        conditions.DeploymentPipelineReason,
    ),
    "Environment": (conditions.EnvironmentCondition, conditions.EnvironmentReason),
    "ObservabilityAlertRule": (conditions.AlertRuleCondition, conditions.AlertRuleReason),
} | {
    f"{scope}{plane}": (conditions.PlaneCondition, conditions.PlaneReason)
    for scope in ("", "Cluster")
    for plane in _PLANES
}


def objects(node: Any) -> Iterator[dict[str, Any]]:
    """The objects of our kinds anywhere in a recording, those within manifests left out."""
    if isinstance(node, dict):
        if node.get("apiVersion") == labels.API_VERSION:
            yield node
        else:
            for child in node.values():
                yield from objects(child)
    elif isinstance(node, list):
        for child in node:
            yield from objects(child)


def seen() -> set[tuple[str, str, str]]:
    return {
        (obj["kind"], condition["type"], condition["reason"])
        for path in recorded("scenarios")
        for obj in objects(load(path))
        for condition in (obj.get("status") or {}).get("conditions") or ()
    }


def names(enum: type[StrEnum]) -> set[str]:
    return {member.value for member in enum}


def test_recorded_conditions_and_reasons_are_known() -> None:
    found = seen()
    if not found:
        pytest.skip(f"no recordings of scenarios in {GOLDENS}; set CHOREO_GOLDENS")
    assert len(found) > 40
    unknown = {
        (kind, type_, reason)
        for kind, type_, reason in found
        if type_ not in names(ENUMS[kind][0]) or reason not in names(ENUMS[kind][1])
    }
    assert unknown == set()
