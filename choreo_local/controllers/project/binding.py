"""ProjectReleaseBinding → the cell of a project in an environment. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from choreo_local.api import labels
from choreo_local.api.conditions import ProjectReleaseBindingCondition as Type
from choreo_local.api.conditions import ProjectReleaseBindingReason as Reason
from choreo_local.api.conditions import RenderedReleaseCondition
from choreo_local.controllers import finalizing, references, rendered
from choreo_local.controllers.observed import Manifest
from choreo_local.controllers.outcome import Condition, Outcome, met, summary, unknown, unmet
from choreo_local.errors import ChoreoError
from choreo_local.rendering import names, typeinputs
from choreo_local.rendering import project as projects
from choreo_local.rendering.errors import RenderError
from choreo_local.rendering.health import Health

_GOOD = (Health.HEALTHY, Health.SUSPENDED)


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything that the decision may look at, already read; None where it does not exist.

    Attributes:
        rendered_release: the RenderedRelease of that name, whoever owns it.
    """

    binding: Manifest
    release: Manifest | None
    environment: Manifest | None
    data_plane: Manifest | None
    project: Manifest | None
    rendered_release: Manifest | None


def reconcile(observed: Observed) -> Outcome:
    """Build the cell that the pinned release describes."""
    binding = observed.binding
    if references.is_deleting(binding):
        return _finalize(observed)
    problem = _missing(observed)
    if problem is not None:
        return _outcome(observed, _unsynced(*problem))
    metadata, spec = binding["metadata"], binding["spec"]
    namespace = names.cell_namespace(
        metadata["namespace"], spec["owner"]["projectName"], spec["environment"]
    )
    try:
        entries = _render(observed)
    except RenderError as error:
        message = f"Failed to render manifests: {error.message}"
        return _outcome(
            observed, _unsynced(Reason.RENDERING_FAILED, message), status={"namespace": namespace}
        )
    if not projects.has_cell_namespace(entries, namespace):
        message = f'Rendered manifests do not contain a Namespace named "{namespace}"'
        return _outcome(
            observed, _unsynced(Reason.NAMESPACE_MISSING, message), status={"namespace": namespace}
        )
    return _release(observed, [entry.as_resource() for entry in entries], namespace)


def _missing(observed: Observed) -> tuple[Reason, str] | None:
    spec = observed.binding["spec"]
    pinned = spec.get("projectRelease")
    if not pinned:
        message = "spec.projectRelease is unset; pin a ProjectRelease to deploy this binding"
        return Reason.PROJECT_RELEASE_NOT_SET, message
    if observed.release is None:
        return Reason.PROJECT_RELEASE_NOT_FOUND, f'ProjectRelease "{pinned}" not found'
    project = spec["owner"]["projectName"]
    owner = observed.release["spec"]["owner"]["projectName"]
    if owner != project:
        message = f'ProjectRelease "{pinned}" belongs to project "{owner}", not to "{project}"'
        return Reason.INVALID_RELEASE_CONFIGURATION, message
    environment = spec["environment"]
    checks = (
        (observed.environment, Reason.ENVIRONMENT_NOT_FOUND, "Environment", environment),
        (observed.data_plane, Reason.DATA_PLANE_NOT_FOUND, "DataPlane of environment", environment),
        (observed.project, Reason.PROJECT_NOT_FOUND, "Project", project),
    )
    for found, reason, kind, name in checks:
        if found is None:
            return reason, f'{kind} "{name}" not found'
    return None


def _unsynced(reason: Reason, message: str) -> tuple[Condition, ...]:
    evaluated = "{} cannot be evaluated until Synced=True"
    return (
        unmet(Type.SYNCED, reason, message),
        *(
            unknown(part, Reason.SYNCED_NOT_READY, evaluated.format(part.value))
            for part in (Type.NAMESPACE_READY, Type.RESOURCES_READY)
        ),
    )


def _outcome(observed: Observed, parts: Sequence[Condition], **more: Any) -> Outcome:
    binding = observed.binding
    ready = summary(parts, met(Type.READY, Reason.READY, "ProjectReleaseBinding is ready"))
    finalizer = labels.PROJECT_RELEASE_BINDING_FINALIZER
    return Outcome(
        add_finalizer=references.missing_finalizer(binding, finalizer),
        conditions=(*parts, ready),
        **more,
    )


def _render(observed: Observed) -> tuple[typeinputs.Entry, ...]:
    assert observed.release is not None
    assert observed.project is not None
    assert observed.environment is not None
    assert observed.data_plane is not None
    return projects.render(
        projects.inputs_of_release(
            observed.release,
            binding=observed.binding,
            project=observed.project,
            environment=observed.environment,
            data_plane=observed.data_plane,
        )
    )


def _release(observed: Observed, resources: Sequence[Mapping[str, Any]], namespace: str) -> Outcome:
    spec = observed.binding["spec"]
    project, environment = spec["owner"]["projectName"], spec["environment"]
    name = names.project_release(project, environment)
    wanted = rendered.wanted(
        observed.binding,
        observed.rendered_release,
        name=name,
        release_labels={
            labels.NAMESPACE: observed.binding["metadata"]["namespace"],
            labels.PROJECT: project,
            labels.ENVIRONMENT: environment,
        },
        owner={"projectName": project},
        target_plane="dataplane",
        resources=resources,
    )
    status = {"namespace": namespace}
    if wanted.change is rendered.Change.CONFLICT:
        message = f'RenderedRelease "{name}" exists but is owned by another resource'
        parts = _unsynced(Reason.RELEASE_OWNERSHIP_CONFLICT, message)
        return _outcome(observed, parts, status=status)
    if wanted.change is rendered.Change.NONE:
        message = f'RenderedRelease "{name}" is up to date'
        synced = met(Type.SYNCED, Reason.RELEASE_SYNCED, message)
        return _outcome(observed, (synced, *_health(observed, namespace)), status=status)
    verb = wanted.change.value
    message = f'RenderedRelease "{name}" {verb} with {len(resources)} resource(s)'

    def on_error(error: ChoreoError) -> Outcome:
        failed = f"Failed to sync the release: {error.message}"
        return _outcome(observed, _unsynced(Reason.RELEASE_UPDATE_FAILED, failed), status=status)

    return _outcome(
        observed,
        (met(Type.SYNCED, Reason.RELEASE_CREATED, message), *_health(observed, namespace)),
        status=status,
        apply=(wanted.manifest,),
        on_error=on_error,
    )


def _health(observed: Observed, namespace: str) -> tuple[Condition, Condition]:
    """NamespaceReady and ResourcesReady from what the RenderedRelease reports."""
    release = observed.rendered_release
    applied = release and rendered.current_condition(
        release, RenderedReleaseCondition.RESOURCES_APPLIED
    )
    if applied and applied["status"] == "False":
        message = applied["message"]
        return (
            unmet(Type.NAMESPACE_READY, Reason.RESOURCE_APPLY_FAILED, message),
            unmet(Type.RESOURCES_READY, Reason.RESOURCE_APPLY_FAILED, message),
        )
    entries = ((release or {}).get("status") or {}).get("resources") or ()
    cell = next((entry for entry in entries if _is_cell(entry, namespace)), None)
    others = [entry for entry in entries if not _is_cell(entry, namespace)]
    return _namespace_ready(cell, namespace), _others_ready(others)


def _is_cell(entry: Mapping[str, Any], namespace: str) -> bool:
    return entry["kind"] == "Namespace" and entry["name"] == namespace and not entry.get("group")


def _namespace_ready(cell: Mapping[str, Any] | None, namespace: str) -> Condition:
    if cell is None:
        message = f'Namespace "{namespace}" has no observed status yet'
        return unmet(Type.NAMESPACE_READY, Reason.NAMESPACE_PROGRESSING, message)
    health = cell.get("healthStatus")
    if health in _GOOD:
        message = f'Namespace "{namespace}" is ready'
        return met(Type.NAMESPACE_READY, Reason.NAMESPACE_READY, message)
    if health == Health.DEGRADED:
        message = f'Namespace "{namespace}" is degraded'
        return unmet(Type.NAMESPACE_READY, Reason.NAMESPACE_DEGRADED, message)
    message = f'Namespace "{namespace}" is progressing'
    return unmet(Type.NAMESPACE_READY, Reason.NAMESPACE_PROGRESSING, message)


def _others_ready(entries: Sequence[Mapping[str, Any]]) -> Condition:
    bad = next((entry for entry in entries if entry.get("healthStatus") not in _GOOD), None)
    if bad is None:
        message = f"All {len(entries)} resource(s) ready"
        return met(Type.RESOURCES_READY, Reason.RESOURCES_READY, message)
    if bad.get("healthStatus") == Health.DEGRADED:
        message = f'Resource "{bad["id"]}" is degraded'
        return unmet(Type.RESOURCES_READY, Reason.RESOURCES_DEGRADED, message)
    message = f'Resource "{bad["id"]}" is progressing'
    return unmet(Type.RESOURCES_READY, Reason.RESOURCES_PROGRESSING, message)


def _finalize(observed: Observed) -> Outcome:
    binding, finalizer = observed.binding, labels.PROJECT_RELEASE_BINDING_FINALIZER
    going = met(Type.FINALIZING, Reason.FINALIZING, "ProjectReleaseBinding is finalizing")
    release = observed.rendered_release
    return finalizing.after(
        binding, [release] if release else [], finalizer=finalizer, condition=going
    )
