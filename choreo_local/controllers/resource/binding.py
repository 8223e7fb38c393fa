"""ResourceReleaseBinding → an OpenChoreo Resource in an environment, and what it offers. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from choreo_local.api import labels
from choreo_local.api.conditions import RenderedReleaseCondition
from choreo_local.api.conditions import ResourceReleaseBindingCondition as Type
from choreo_local.api.conditions import ResourceReleaseBindingReason as Reason
from choreo_local.controllers import finalizing, references, rendered
from choreo_local.controllers.observed import Manifest
from choreo_local.controllers.outcome import Condition, Outcome, met, summary, unknown, unmet
from choreo_local.controllers.resource import retention
from choreo_local.errors import ChoreoError
from choreo_local.rendering import names, typeinputs
from choreo_local.rendering import resource as resources
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
    resource: Manifest | None
    project: Manifest | None
    rendered_release: Manifest | None


def reconcile(observed: Observed) -> Outcome:
    """Deploy the pinned release; say whether it is ready and what it offers."""
    if references.is_deleting(observed.binding):
        return _finalize(observed)
    problem = _missing(observed)
    if problem is not None:
        return _outcome(observed, _unsynced(*problem))
    inputs = _inputs(observed)
    try:
        entries = resources.render(inputs)
    except RenderError as error:
        message = f"Failed to render manifests: {error.message}"
        return _outcome(observed, _unsynced(Reason.RENDERING_FAILED, message))
    return _release(observed, inputs, [entry.as_resource() for entry in entries])


def _missing(observed: Observed) -> tuple[Reason, str] | None:
    spec = observed.binding["spec"]
    pinned = spec.get("resourceRelease")
    if not pinned:
        message = "spec.resourceRelease is unset; pin a ResourceRelease to deploy this binding"
        return Reason.RESOURCE_RELEASE_NOT_SET, message
    if observed.release is None:
        return Reason.RESOURCE_RELEASE_NOT_FOUND, f'ResourceRelease "{pinned}" not found'
    mismatch = _mismatch(pinned, observed.release["spec"]["owner"], spec["owner"])
    if mismatch:
        return Reason.INVALID_RELEASE_CONFIGURATION, mismatch
    owner, environment = spec["owner"], spec["environment"]
    checks = (
        (observed.environment, Reason.ENVIRONMENT_NOT_FOUND, "Environment", environment),
        (observed.data_plane, Reason.DATA_PLANE_NOT_FOUND, "DataPlane of environment", environment),
        (observed.resource, Reason.RESOURCE_NOT_FOUND, "Resource", owner["resourceName"]),
        (observed.project, Reason.PROJECT_NOT_FOUND, "Project", owner["projectName"]),
    )
    for found, reason, kind, name in checks:
        if found is None:
            return reason, f'{kind} "{name}" not found'
    return None


def _mismatch(pinned: str, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    for field, kind in (("projectName", "project"), ("resourceName", "resource")):
        if found[field] != wanted[field]:
            return (
                f'ResourceRelease "{pinned}" belongs to {kind} "{found[field]}", not to '
                f'"{wanted[field]}"'
            )
    return ""


def _unsynced(reason: Reason, message: str) -> tuple[Condition, ...]:
    return (
        unmet(Type.SYNCED, reason, message),
        *(
            unknown(
                part,
                Reason.SYNCED_NOT_READY,
                f"{part.value} cannot be evaluated until Synced=True",
            )
            for part in (Type.RESOURCES_READY, Type.OUTPUTS_RESOLVED)
        ),
    )


def _outcome(observed: Observed, parts: Sequence[Condition], **more: Any) -> Outcome:
    """The outcome of a pass: its parts, in the order in which `Ready` looks at them."""
    binding = observed.binding
    ready = summary(parts, met(Type.READY, Reason.READY, "ResourceReleaseBinding is ready"))
    finalizer = labels.RESOURCE_RELEASE_BINDING_FINALIZER
    return Outcome(
        add_finalizer=references.missing_finalizer(binding, finalizer),
        conditions=(*parts, ready),
        **more,
    )


def _inputs(observed: Observed) -> typeinputs.TypeInputs:
    assert observed.release is not None
    assert observed.resource is not None
    assert observed.project is not None
    assert observed.environment is not None
    assert observed.data_plane is not None
    return resources.inputs_of_release(
        observed.release,
        binding=observed.binding,
        resource=observed.resource,
        project=observed.project,
        environment=observed.environment,
        data_plane=observed.data_plane,
    )


def _release(
    observed: Observed, inputs: typeinputs.TypeInputs, entries: Sequence[Mapping[str, Any]]
) -> Outcome:
    wanted = _wanted(observed, entries)
    name = wanted.manifest["metadata"]["name"]
    if wanted.change is rendered.Change.CONFLICT:
        message = f'RenderedRelease "{name}" exists but is owned by another resource'
        return _outcome(observed, _unsynced(Reason.RELEASE_OWNERSHIP_CONFLICT, message))
    resolved, status = _outputs(observed, inputs)
    parts = (_ready(observed, inputs, entries), resolved)
    if wanted.change is rendered.Change.NONE:
        message = f'RenderedRelease "{name}" is up to date'
        synced = met(Type.SYNCED, Reason.RELEASE_SYNCED, message)
        return _outcome(observed, (synced, *parts), status=status)
    message = f'RenderedRelease "{name}" {wanted.change.value} with {len(entries)} resource(s)'

    def on_error(error: ChoreoError) -> Outcome:
        failed = f"Failed to sync the release: {error.message}"
        return _outcome(observed, _unsynced(Reason.RELEASE_UPDATE_FAILED, failed))

    return _outcome(
        observed,
        (met(Type.SYNCED, Reason.RELEASE_CREATED, message), *parts),
        status=status,
        apply=(wanted.manifest,),
        on_error=on_error,
    )


def _wanted(observed: Observed, entries: Sequence[Mapping[str, Any]]) -> rendered.WantedRelease:
    spec = observed.binding["spec"]
    owner, environment = spec["owner"], spec["environment"]
    project, resource = owner["projectName"], owner["resourceName"]
    return rendered.wanted(
        observed.binding,
        observed.rendered_release,
        name=names.resource_base(resource, environment),
        release_labels={
            labels.NAMESPACE: observed.binding["metadata"]["namespace"],
            labels.PROJECT: project,
            labels.RESOURCE: resource,
            labels.ENVIRONMENT: environment,
        },
        owner={"projectName": project, "resourceName": resource},
        target_plane="dataplane",
        resources=entries,
    )


def _outputs(observed: Observed, inputs: typeinputs.TypeInputs) -> tuple[Condition, dict[str, Any]]:
    """`OutputsResolved`, and the outputs that are known; what was known stays when none is."""
    live = resources.observed_statuses(observed.rendered_release)
    found = resources.outputs(inputs, live)
    count = len(found.resolved)
    if not found.failure:
        message = f"Resolved {count} output(s)"
        status: dict[str, Any] = {"outputs": list(found.resolved) or None}
        return met(Type.OUTPUTS_RESOLVED, Reason.OUTPUTS_RESOLVED, message), status
    failed = len(inputs.type_spec.get("outputs") or ()) - count
    message = f"Failed to resolve {failed} output(s): {found.failure}"
    condition = unmet(Type.OUTPUTS_RESOLVED, Reason.OUTPUT_RESOLUTION_FAILED, message)
    return condition, {"outputs": list(found.resolved)} if found.resolved else {}


def _ready(
    observed: Observed, inputs: typeinputs.TypeInputs, entries: Sequence[Mapping[str, Any]]
) -> Condition:
    """`ResourcesReady`: the first manifest that is not ready, by its rule or by its health."""
    release = observed.rendered_release
    applied = release and rendered.current_condition(
        release, RenderedReleaseCondition.RESOURCES_APPLIED
    )
    if applied and applied["status"] == "False":
        return unmet(Type.RESOURCES_READY, Reason.RESOURCE_APPLY_FAILED, applied["message"])
    rules = {
        template["id"]: template.get("readyWhen") or ""
        for template in inputs.type_spec.get("resources") or ()
    }
    status = (release or {}).get("status") or {}
    live = {entry["id"]: entry for entry in status.get("resources") or ()}
    for entry in entries:
        rule = rules.get(entry["id"], "")
        problem = (
            _by_rule(inputs, entry["id"], rule, release)
            if rule
            else _by_health(entry["id"], live.get(entry["id"]))
        )
        if problem is not None:
            return unmet(Type.RESOURCES_READY, *problem)
    message = f"All {len(entries)} resource(s) ready"
    return met(Type.RESOURCES_READY, Reason.RESOURCES_READY, message)


def _by_rule(
    inputs: typeinputs.TypeInputs, identifier: str, rule: str, release: Manifest | None
) -> tuple[Reason, str] | None:
    try:
        is_ready = resources.ready_when(inputs, rule, resources.observed_statuses(release))
    except RenderError as error:
        message = f'readyWhen evaluation failed for "{identifier}": {error.message}'
        return Reason.RESOURCES_PROGRESSING, message
    if is_ready:
        return None
    return Reason.RESOURCES_PROGRESSING, f'Resource "{identifier}" is not ready by its readyWhen'


def _by_health(identifier: str, live: Mapping[str, Any] | None) -> tuple[Reason, str] | None:
    named = f'Resource "{identifier}"'
    if live is None:
        return Reason.RESOURCES_PROGRESSING, f"{named} has no observed status yet"
    health = live.get("healthStatus")
    if health in _GOOD:
        return None
    if health == Health.DEGRADED:
        return Reason.RESOURCES_DEGRADED, f"{named} is degraded"
    return Reason.RESOURCES_PROGRESSING, f"{named} is progressing"


def _finalize(observed: Observed) -> Outcome:
    binding, finalizer = observed.binding, labels.RESOURCE_RELEASE_BINDING_FINALIZER
    if finalizer not in references.finalizers(binding):
        return Outcome()
    if retention.is_retained(binding, observed.release):
        message = (
            "retainPolicy is Retain: what was deployed stays. To delete it, set "
            f"spec.retainPolicy to Delete; to leave it behind, remove the finalizer {finalizer}"
        )
        return Outcome(conditions=(met(Type.FINALIZING, Reason.RETAIN_HOLD, message),))
    going = met(Type.FINALIZING, Reason.FINALIZING, "ResourceReleaseBinding is finalizing")
    release = observed.rendered_release
    return finalizing.after(
        binding, [release] if release else [], finalizer=finalizer, condition=going
    )
