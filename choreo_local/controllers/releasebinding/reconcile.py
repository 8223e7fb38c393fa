"""ReleaseBinding → RenderedReleases on its planes; connections, endpoints, readiness. Pure.

The phases, top to bottom: deleted? → references → undeployed? → secrets → dependencies → render →
releases → gates (ownership, connections, resources) → readiness.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from choreo_local.api import labels
from choreo_local.api.conditions import ReleaseBindingCondition as Type
from choreo_local.api.conditions import ReleaseBindingReason as Reason
from choreo_local.api.conditions import RenderedReleaseCondition
from choreo_local.apimachinery import conditions
from choreo_local.controllers import finalizing, references, rendered
from choreo_local.controllers.observed import Manifest
from choreo_local.controllers.outcome import Condition, Outcome, Reference, met, unknown, unmet
from choreo_local.controllers.releasebinding import aggregate, gates
from choreo_local.errors import ChoreoError
from choreo_local.rendering import binding as bindings
from choreo_local.rendering import connections, dependencies, names, readiness, secretuse
from choreo_local.rendering.errors import RenderError


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything that the decision may look at, already read; None where it does not exist.

    Attributes:
        providers: ReleaseBindings of the environment by (project, component).
        resources: ResourceReleaseBindings of the project and environment by resource.
        rendered_release: the RenderedRelease of that name on the data plane, whoever owns it.
        has_observability_plane: whether the data plane has one.
        releases: RenderedReleases with the component's labels, for the clean-up.
    """

    binding: Manifest
    release: Manifest | None
    component: Manifest | None
    project: Manifest | None
    environment: Manifest | None
    data_plane: Manifest | None
    notification_channel: str
    secret_references: Mapping[str, Manifest]
    providers: Mapping[tuple[str, str], Sequence[Manifest]]
    resources: Mapping[str, Sequence[Manifest]]
    rendered_release: Manifest | None
    observability_release: Manifest | None
    has_observability_plane: bool
    releases: Sequence[Manifest]
    now: str


def reconcile(observed: Observed) -> Outcome:
    """Bring the environment to the release that the binding pins."""
    binding = observed.binding
    if references.is_deleting(binding):
        return _finalize(observed)
    problem = _missing(observed)
    if problem is not None:
        return _settled(observed, problem)
    if binding["spec"].get("state") == "Undeploy":
        return _undeploy(observed)
    return _deploy(observed)


def _settled(observed: Observed, *changed: Condition, **more: Any) -> Outcome:
    """The outcome of a pass that ends here: its conditions, `Ready`, and what status always has."""
    binding = observed.binding
    ready = aggregate.ready(binding, changed, without=more.get("remove_conditions", ()))
    generation = binding["metadata"].get("generation", 0)
    status: dict[str, Any] = {"observedGeneration": generation, **more.pop("status", {})}
    if (binding.get("status") or {}).get("observedGeneration") != generation:
        status["lastSpecUpdateTime"] = observed.now
    return Outcome(
        add_finalizer=references.missing_finalizer(binding, labels.RELEASE_BINDING_FINALIZER),
        status=status,
        conditions=(*changed, ready),
        **more,
    )


def _missing(observed: Observed) -> Condition | None:
    """What the binding refers to and does not exist, or does not fit."""
    spec = observed.binding["spec"]
    owner = spec["owner"]
    if observed.release is None:
        message = f'ComponentRelease "{spec.get("releaseName", "")}" not found'
        return _unsynced(Reason.COMPONENT_RELEASE_NOT_FOUND, message)
    mismatch = _mismatch(owner, observed.release["spec"]["owner"])
    if mismatch:
        message = f"Invalid ComponentRelease configuration: {mismatch}"
        return _unsynced(Reason.INVALID_RELEASE_CONFIGURATION, message)
    environment = spec["environment"]
    checks = (
        (observed.environment, Reason.ENVIRONMENT_NOT_FOUND, "Environment", environment),
        (observed.data_plane, Reason.DATA_PLANE_NOT_FOUND, "DataPlane of environment", environment),
        (observed.component, Reason.COMPONENT_NOT_FOUND, "Component", owner["componentName"]),
        (observed.project, Reason.PROJECT_NOT_FOUND, "Project", owner["projectName"]),
    )
    for found, reason, kind, name in checks:
        if found is None:
            return _unsynced(reason, f'{kind} "{name}" not found')
    return None


def _mismatch(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    if (wanted["projectName"], wanted["componentName"]) == (
        found["projectName"],
        found["componentName"],
    ):
        return ""
    return (
        f'release binding owner (project: "{wanted["projectName"]}", component: '
        f'"{wanted["componentName"]}") does not match component release owner (project: '
        f'"{found["projectName"]}", component: "{found["componentName"]}")'
    )


def _unsynced(reason: Reason, message: str) -> Condition:
    return unmet(Type.RELEASE_SYNCED, reason, message)


def _undeploy(observed: Observed) -> Outcome:
    owned = [
        release
        for release in (observed.rendered_release, observed.observability_release)
        if release is not None
    ]
    message = "Resources being undeployed" if owned else "Resources undeployed"
    return _settled(
        observed,
        _unsynced(Reason.RESOURCES_UNDEPLOYED, message),
        unmet(Type.RESOURCES_READY, Reason.RESOURCES_UNDEPLOYED, message),
        delete=tuple(Reference.to(obj) for obj in owned if not references.is_deleting(obj)),
        status={"endpoints": None},
    )


def _deploy(observed: Observed) -> Outcome:
    assert observed.release is not None
    workload = observed.release["spec"]["workload"]
    overrides = observed.binding["spec"].get("workloadOverrides") or {}
    needed = secretuse.collect(workload, overrides, observed.secret_references)
    if needed.problem:
        # The status keeps the names of the last release that rendered.
        unsynced = _unsynced(Reason.RENDERING_FAILED, needed.problem)
        return _settled(observed, unsynced, failed=needed.problem)
    found, awaited = _resolved(observed, workload)
    status: dict[str, Any] = {
        "secretReferenceNames": needed.names or None,
        "connectionTargets": found.targets or None,
        "resolvedConnections": found.resolved or None,
        "pendingConnections": found.pending or None,
        "resourceDependencyTargets": awaited.targets or None,
        "pendingResourceDependencies": awaited.pending or None,
    }
    try:
        result = bindings.render(_render_inputs(observed, found, awaited))
    except RenderError as error:
        message = f"Failed to render resources: {error.message}"
        return _settled(
            observed,
            _unsynced(Reason.RENDERING_FAILED, message),
            status=status,
            failed=message,
        )
    return _release(observed, result, found, awaited, status)


def _resolved(
    observed: Observed, workload: Mapping[str, Any]
) -> tuple[connections.Connections, connections.ResourceDependencies]:
    declared = workload.get("dependencies") or {}
    spec = observed.binding["spec"]
    cell = connections.Cell(
        observed.binding["metadata"]["namespace"], spec["owner"]["projectName"], spec["environment"]
    )
    return (
        connections.resolve_connections(declared.get("endpoints") or (), observed.providers, cell),
        connections.resolve_resources(declared.get("resources") or (), observed.resources, cell),
    )


def _render_inputs(
    observed: Observed,
    found: connections.Connections,
    awaited: connections.ResourceDependencies,
) -> bindings.BindingInputs:
    assert observed.release is not None
    assert observed.component is not None
    assert observed.project is not None
    assert observed.environment is not None
    assert observed.data_plane is not None
    declared = observed.release["spec"]["workload"].get("dependencies") or {}
    owner = observed.binding["spec"]["owner"]
    return bindings.BindingInputs(
        binding=observed.binding,
        release=observed.release,
        component=observed.component,
        project=observed.project,
        environment=observed.environment,
        data_plane=observed.data_plane,
        secret_references=observed.secret_references,
        connections=dependencies.connection_items(
            declared.get("endpoints"),
            found.resolved,
            namespace=observed.binding["metadata"]["namespace"],
            project=owner["projectName"],
        ),
        resources=awaited.items,
        notification_channel=observed.notification_channel,
    )


def _release(
    observed: Observed,
    result: bindings.RenderedBinding,
    found: connections.Connections,
    awaited: connections.ResourceDependencies,
    status: dict[str, Any],
) -> Outcome:
    """Write the releases, then pass the gates one after another."""
    wanted = _wanted(observed, result.data_plane, target_plane="dataplane")
    name = wanted.manifest["metadata"]["name"]
    if wanted.change is rendered.Change.CONFLICT:
        message = f'Release "{name}" exists but is owned by another resource'
        return _settled(
            observed, _unsynced(Reason.RELEASE_OWNERSHIP_CONFLICT, message), status=status
        )
    status["endpoints"] = result.endpoints or None
    observability = _observability(observed, result)
    changed = [item for item in (wanted, observability.wanted) if item is not None]
    writes: dict[str, Any] = {
        "apply": tuple(item.manifest for item in changed if item.change in _WRITTEN),
        "delete": observability.delete,
        "on_error": lambda error: _write_failed(observed, error, status),
        "status": status,
    }
    connected, provided = gates.connections(found), gates.resources(awaited)
    if found.pending:
        return _held_back(observed, connected, **writes)
    if awaited.pending:
        return _held_back(observed, connected, provided, **writes)
    parts = (connected, provided, _synced(wanted, observability.message))
    if wanted.change is not rendered.Change.NONE:
        # The write's own event brings the next pass, which judges the new release.
        return _settled(observed, *parts, **writes)
    return _settled(observed, *parts, _resources_ready(observed), **writes)


def _held_back(observed: Observed, *gate: Condition, **more: Any) -> Outcome:
    """A gate is closed: what was synced stays so, but what once hindered the sync is over."""
    said = (observed.binding.get("status") or {}).get("conditions") or ()
    synced = conditions.find(said, Type.RELEASE_SYNCED)
    over = (Type.RELEASE_SYNCED.value,) if synced and synced["status"] != "True" else ()
    return _settled(observed, *gate, remove_conditions=over, **more)


_WRITTEN = (rendered.Change.CREATED, rendered.Change.UPDATED)


def _wanted(
    observed: Observed, resources: Sequence[Mapping[str, Any]], *, target_plane: str
) -> rendered.WantedRelease:
    spec = observed.binding["spec"]
    owner, environment = spec["owner"], spec["environment"]
    component = owner["componentName"]
    on_data_plane = target_plane == "dataplane"
    naming = names.rendered_release if on_data_plane else names.observability_release
    return rendered.wanted(
        observed.binding,
        observed.rendered_release if on_data_plane else observed.observability_release,
        name=naming(component, environment),
        release_labels={
            labels.NAMESPACE: observed.binding["metadata"]["namespace"],
            labels.PROJECT: owner["projectName"],
            labels.COMPONENT: component,
            labels.ENVIRONMENT: environment,
        },
        owner={"projectName": owner["projectName"], "componentName": component},
        target_plane=target_plane,
        resources=resources,
        carries_restart=on_data_plane,
    )


@dataclass(frozen=True, slots=True)
class _Observability:
    wanted: rendered.WantedRelease | None = None
    delete: tuple[Reference, ...] = ()
    message: str = ""


def _observability(observed: Observed, result: bindings.RenderedBinding) -> _Observability:
    existing = observed.observability_release
    if result.observability and observed.has_observability_plane:
        wanted = _wanted(observed, result.observability, target_plane="observabilityplane")
        name = wanted.manifest["metadata"]["name"]
        count = len(result.observability)
        return _Observability(
            wanted, message=f'observability release "{name}" with {count} resources'
        )
    reason = (
        "no observability plane" if result.observability else "no observability resources to deploy"
    )
    delete: tuple[Reference, ...] = ()
    if existing is not None and not references.is_deleting(existing):
        delete = (Reference.to(existing),)
    return _Observability(delete=delete, message=f"observability release skipped: {reason}")


def _synced(wanted: rendered.WantedRelease, detail: str) -> Condition:
    manifest = wanted.manifest
    name, count = manifest["metadata"]["name"], len(manifest["spec"]["resources"])
    if wanted.change is rendered.Change.NONE:
        message = f'Dataplane Release "{name}" is up to date ({detail})'
        return met(Type.RELEASE_SYNCED, Reason.RELEASE_SYNCED, message)
    verb = wanted.change.value
    message = f'Dataplane Release "{name}" {verb} with {count} resources ({detail})'
    return met(Type.RELEASE_SYNCED, Reason.RELEASE_CREATED, message)


def _write_failed(observed: Observed, error: ChoreoError, status: dict[str, Any]) -> Outcome:
    message = f"Failed to sync the release: {error.message}"
    return _settled(observed, _unsynced(Reason.RELEASE_UPDATE_FAILED, message), status=status)


def _resources_ready(observed: Observed) -> Condition:
    release, component = observed.rendered_release, observed.component
    assert release is not None
    assert component is not None
    applied = rendered.current_condition(release, RenderedReleaseCondition.RESOURCES_APPLIED)
    if applied and applied["status"] == "Unknown":
        return unknown(Type.RESOURCES_READY, Reason.RESOURCES_UNKNOWN, applied["message"])
    failure = applied["message"] if applied and applied["status"] == "False" else None
    if failure is not None:
        return unmet(Type.RESOURCES_READY, Reason.RESOURCE_APPLY_FAILED, failure)
    workload_type, _, _ = component["spec"]["componentType"]["name"].partition("/")
    judged = readiness.evaluate(
        workload_type,
        release_name=release["metadata"]["name"],
        resources=(release.get("status") or {}).get("resources") or (),
        apply_failure=failure,
    )
    return Condition(
        Type.RESOURCES_READY, status=judged.is_ready, reason=judged.reason, message=judged.message
    )


def _finalize(observed: Observed) -> Outcome:
    return finalizing.after(
        observed.binding,
        observed.releases,
        finalizer=labels.RELEASE_BINDING_FINALIZER,
        condition=met(Type.FINALIZING, Reason.FINALIZING, "ReleaseBinding is finalizing"),
    )
