"""The board: one row a component, one cell an environment; pure.

`row` is a function of the objects of one component and of its pipeline, so that a change is one
row's work, however many components there are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from choreo_local.api import labels
from choreo_local.api.conditions import ReleaseBindingReason as Reason
from choreo_local.apiclient.types import (
    EMPTY,
    FAILED,
    PROGRESSING,
    READY,
    UNDEPLOYED,
    Cell,
    Column,
    Problem,
    Promotable,
    Row,
)
from choreo_local.apimachinery import conditions
from choreo_local.rendering import endpoints
from choreo_local.services import history, pipelines, pods
from choreo_local.services.pods import Trouble

Manifest = Mapping[str, Any]

# Reasons of a binding that do not pass by themselves.
_TERMINAL = frozenset(
    {
        Reason.COMPONENT_RELEASE_NOT_FOUND,
        Reason.INVALID_RELEASE_CONFIGURATION,
        Reason.ENVIRONMENT_NOT_FOUND,
        Reason.DATA_PLANE_NOT_FOUND,
        Reason.COMPONENT_NOT_FOUND,
        Reason.PROJECT_NOT_FOUND,
        Reason.RENDERING_FAILED,
        Reason.RELEASE_OWNERSHIP_CONFLICT,
        Reason.RELEASE_UPDATE_FAILED,
        Reason.RELEASE_DELETION_FAILED,
        Reason.RESOURCE_APPLY_FAILED,
        Reason.RESOURCES_DEGRADED,
        Reason.JOB_FAILED,
    }
)
_HASH = re.compile(r"[0-9a-z]{7,}")
_SHORT = 5


@dataclass(frozen=True, slots=True)
class Stage:
    """What one environment has of a component.

    Attributes:
        trouble: what is wrong with its pods, if anything.
    """

    binding: Manifest | None = None
    rendered: Manifest | None = None
    trouble: Trouble | None = None


@dataclass(frozen=True, slots=True)
class RowInputs:
    """Everything that a row is made of.

    Attributes:
        pipeline: that of the component's project, None when there is none.
        releases: ComponentReleases of the component.
        stages: by environment.
    """

    component: Manifest
    pipeline: Manifest | None
    releases: Sequence[Manifest]
    stages: Mapping[str, Stage]


def columns(names: Iterable[str], environments: Mapping[str, Manifest]) -> tuple[Column, ...]:
    """The columns of a board, in order."""
    found = []
    for name in names:
        environment = environments.get(name, {"metadata": {}})
        is_production = bool((environment.get("spec") or {}).get("isProduction"))
        found.append(Column(name, _display_name(environment) or name, is_production))
    return tuple(found)


def row(inputs: RowInputs, environments: Sequence[str]) -> Row:
    """The row of a component with a cell for each environment, in order."""
    component = inputs.component
    metadata, spec = component["metadata"], component["spec"]
    name = metadata["name"]
    cells = tuple(cell(name, environment, inputs.stages) for environment in environments)
    cut = _in_order(inputs.releases)
    status = component.get("status") or {}
    latest = (status.get("latestRelease") or {}).get("name") or (cut[-1] if cut else "")
    by_environment = {entry.environment: entry for entry in cells}
    return Row(
        component=name,
        project=spec["owner"]["projectName"],
        type=spec["componentType"]["name"],
        display_name=_display_name(component) or name,
        auto_deploy=bool(spec.get("autoDeploy")),
        created_at=metadata.get("creationTimestamp") or "",
        problem=_problem(component),
        latest_release=latest,
        behind=_behind(inputs.pipeline, by_environment, cut, latest),
        promotable=_promotable(inputs.pipeline, by_environment),
        cells=cells,
    )


def cell(component: str, environment: str, stages: Mapping[str, Stage]) -> Cell:
    """One component in one environment."""
    stage = stages.get(environment)
    if stage is None or stage.binding is None:
        return Cell(environment)
    binding = stage.binding
    release = (binding.get("spec") or {}).get("releaseName") or ""
    found = Cell(
        environment,
        release=release,
        short_release=short_release(component, release),
        since=_since(binding),
        url=_first_url(binding),
        binding=binding["metadata"]["name"],
    )
    if binding["spec"].get("state") == "Undeploy":
        return replace(found, state=UNDEPLOYED, reason="Undeployed", message="Undeployed", url="")
    ready, desired = _pod_counts(stage.rendered)
    return _judged(replace(found, ready=ready, desired=desired), binding, stage.trouble)


def short_release(component: str, release: str) -> str:
    """A release as a column has room for it: the start of its hash, or what follows the name."""
    rest = release.removeprefix(f"{component}-")
    return rest[:_SHORT] if _HASH.fullmatch(rest) else rest[:12]


def _judged(found: Cell, binding: Manifest, trouble: Trouble | None) -> Cell:
    current = _current_ready(binding)
    if current is None:
        return replace(found, state=PROGRESSING, message="Waits for the controller")
    reason, message = str(current.get("reason") or ""), str(current.get("message") or "")
    if current.get("status") == "True":
        return replace(found, state=READY, reason=reason, message=message)
    is_failed = reason in _TERMINAL
    if reason in _ABOUT_PODS and trouble is not None:
        is_failed = is_failed or pods.is_stuck(trouble)
        reason, message = trouble.reason, trouble.message
    elif reason == Reason.CONNECTIONS_PENDING:
        message = _awaited_connection(binding) or message
    return replace(
        found, state=FAILED if is_failed else PROGRESSING, reason=reason, message=message
    )


# Elsewhere nothing new has reached the pods; what they suffer from is another matter.
_ABOUT_PODS = frozenset(
    {
        Reason.RESOURCES_PROGRESSING,
        Reason.RESOURCES_DEGRADED,
        Reason.RESOURCES_UNKNOWN,
        Reason.JOB_RUNNING,
        Reason.JOB_FAILED,
    }
)


def _awaited_connection(binding: Manifest) -> str:
    pending = (binding.get("status") or {}).get("pendingConnections") or ()
    if not pending:
        return ""
    first = pending[0]
    return f"Waits for {first.get('component')}/{first.get('endpoint')}: {first.get('reason')}"


def _current_ready(binding: Manifest) -> Mapping[str, Any] | None:
    """The condition Ready, when it speaks of what is asked for now."""
    found = conditions.find((binding.get("status") or {}).get("conditions") or (), "Ready")
    if found is None:
        return None
    generation = binding["metadata"].get("generation")
    return found if found.get("observedGeneration", generation) == generation else None


def _since(binding: Manifest) -> str:
    status = binding.get("status") or {}
    ready = conditions.find(status.get("conditions") or (), "Ready") or {}
    times = (
        ready.get("lastTransitionTime"),
        status.get("lastSpecUpdateTime"),
        binding["metadata"].get("creationTimestamp"),
    )
    return max((str(time) for time in times if time), default="")


def _first_url(binding: Manifest) -> str:
    for entry in (binding.get("status") or {}).get("endpoints") or ():
        urls = entry.get("externalURLs") or {}
        for listener in ("http", "https", "tls"):
            if urls.get(listener):
                return endpoints.address(urls[listener])
    return ""


_SCALED = frozenset({"Deployment", "StatefulSet"})


def _pod_counts(rendered: Manifest | None) -> tuple[int, int]:
    """Ready and desired pods of the workloads of a release."""
    if rendered is None:
        return 0, 0
    live = {
        entry.get("id"): entry.get("status") or {}
        for entry in (rendered.get("status") or {}).get("resources") or ()
    }
    ready = desired = 0
    for item in (rendered.get("spec") or {}).get("resources") or ():
        manifest, status = item["object"], live.get(item["id"], {})
        spec = manifest.get("spec") or {}
        if manifest.get("kind") in _SCALED:
            desired += _number(spec.get("replicas"), 1)
            ready += _number(status.get("readyReplicas"), 0)
        elif manifest.get("kind") == "Job":
            desired += _number(spec.get("completions"), 1)
            ready += _number(status.get("succeeded"), 0)
    return min(ready, desired) if desired else ready, desired


def _number(value: Any, default: int) -> int:
    return value if isinstance(value, int) else default


def _problem(component: Manifest) -> Problem | None:
    found = conditions.find((component.get("status") or {}).get("conditions") or (), "Ready")
    if found is None or found.get("status") != "False":
        return None
    return Problem(str(found.get("reason") or ""), str(found.get("message") or ""))


def _in_order(releases: Iterable[Manifest]) -> list[str]:
    """The names of releases, oldest first."""
    return [str(release["metadata"]["name"]) for release in sorted(releases, key=history.age)]


def _behind(
    pipeline: Manifest | None, cells: Mapping[str, Cell], cut: Sequence[str], latest: str
) -> int:
    """How many releases were cut that the last environment does not have."""
    end = pipelines.last(pipeline) if pipeline else None
    if end is None or not latest:
        return 0
    bound = cells[end].release if end in cells and cells[end].state != UNDEPLOYED else ""
    if bound == latest:
        return 0
    position = {name: index for index, name in enumerate(cut)}
    newest = position.get(latest, len(cut) - 1)
    # An old release that became the latest again counts as one, not as a negative number.
    return max(newest - position.get(bound, -1), 1)


def _promotable(pipeline: Manifest | None, cells: Mapping[str, Cell]) -> tuple[Promotable, ...]:
    if pipeline is None:
        return ()
    found = []
    for source, target in pipelines.paths(pipeline):
        given, taken = cells.get(source), cells.get(target)
        if given is None or given.state in {EMPTY, UNDEPLOYED} or not given.release:
            continue
        if taken is None or taken.release != given.release:
            reason = "" if given.state == READY else f"{source} is not ready: {given.message}"
            found.append(Promotable(source, target, given.release, reason))
    return tuple(found)


def _display_name(obj: Manifest) -> str:
    return str((obj["metadata"].get("annotations") or {}).get(labels.DISPLAY_NAME) or "")
