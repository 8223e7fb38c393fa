"""What wakes a Component, and where its reads come from."""

from __future__ import annotations

from collections.abc import Iterable

from choreo_local.api import labels, registry
from choreo_local.controllers import references
from choreo_local.controllers.component import checks
from choreo_local.controllers.component.reconcile import Observed, reconcile
from choreo_local.controllers.observed import Live, Manifest, Watched
from choreo_local.controllers.runtime import Controller, Wakes
from choreo_local.rendering.release import trait_key


async def gather(watched: Watched, live: Live, component: Manifest) -> Observed:
    """Read what the component refers to and what belongs to it."""
    del live
    namespace, name = component["metadata"]["namespace"], component["metadata"]["name"]
    inputs = _inputs(watched, component)
    key = f"{namespace}/{name}"
    bindings = watched.by_index("ReleaseBinding", "component", key)
    own = [obj for obj in bindings if _project(obj) == _project(component)]
    return Observed(
        inputs=inputs,
        bindings=[obj for obj in own if obj["spec"]["environment"] == inputs.root_environment],
        children=[
            *bindings,
            *watched.by_index("ComponentRelease", "component", key),
            *inputs.workloads,
            *watched.by_index(
                "WorkflowRun", "component", f"{namespace}/{_project(component)}/{name}"
            ),
        ],
    )


def _inputs(watched: Watched, component: Manifest) -> checks.Inputs:
    namespace = component["metadata"]["namespace"]
    kind, _, type_name = checks.type_reference(component)
    component_type = references.typed(
        watched, {"kind": kind, "name": type_name}, namespace=namespace
    )
    traits = {}
    for reference in checks.used_traits(component, component_type):
        trait = references.typed(watched, {"kind": "Trait", **reference}, namespace=namespace)
        if trait is not None:
            traits[trait_key(reference)] = trait
    project = watched.get("Project", namespace, _project(component))
    pipeline = _pipeline(watched, project)
    workflow = component["spec"].get("workflow")
    return checks.Inputs(
        component=component,
        component_type=component_type,
        workloads=watched.by_index(
            "Workload", "component", f"{namespace}/{_project(component)}/{_name(component)}"
        ),
        traits=traits,
        workflow=references.typed(
            watched, {"kind": "ClusterWorkflow", **workflow}, namespace=namespace
        )
        if workflow
        else None,
        project=project,
        pipeline=pipeline,
        root_environment=references.root_environment(pipeline) if pipeline else None,
    )


def _pipeline(watched: Watched, project: Manifest | None) -> Manifest | None:
    if project is None:
        return None
    name = (project["spec"].get("deploymentPipelineRef") or {}).get("name", "")
    return watched.get("DeploymentPipeline", project["metadata"]["namespace"], name)


def _name(obj: Manifest) -> str:
    name: str = obj["metadata"]["name"]
    return name


def _project(obj: Manifest) -> str:
    return references.owner(obj, "projectName")


# Index functions: under which keys an object is found again.


def _by_owner(obj: Manifest) -> Iterable[str]:
    yield f"{obj['metadata']['namespace']}/{references.owner(obj, 'componentName')}"


def _by_owner_and_project(obj: Manifest) -> Iterable[str]:
    component = references.owner(obj, "componentName")
    yield f"{obj['metadata']['namespace']}/{_project(obj)}/{component}"


def _by_labels(run: Manifest) -> Iterable[str]:
    found = run["metadata"].get("labels") or {}
    if labels.COMPONENT in found:
        namespace = run["metadata"]["namespace"]
        yield f"{namespace}/{found.get(labels.PROJECT, '')}/{found[labels.COMPONENT]}"


def _by_type(component: Manifest) -> Iterable[str]:
    kind, _, name = checks.type_reference(component)
    yield _typed_key(kind, component["metadata"]["namespace"], name)


def _by_trait(obj: Manifest) -> Iterable[str]:
    namespace = obj["metadata"].get("namespace", "")
    for reference in obj["spec"].get("traits") or ():
        kind, name = trait_key(reference)
        yield _typed_key(kind, namespace, name)


def _by_workflow(component: Manifest) -> Iterable[str]:
    workflow = component["spec"].get("workflow")
    if workflow:
        kind = workflow.get("kind", "ClusterWorkflow")
        yield _typed_key(kind, component["metadata"]["namespace"], workflow["name"])


def _by_project(component: Manifest) -> Iterable[str]:
    yield f"{component['metadata']['namespace']}/{_project(component)}"


def _typed_key(kind: str, namespace: str, name: str) -> str:
    return f"{kind}:{'' if kind.startswith('Cluster') else namespace}/{name}"


def _own_key(obj: Manifest) -> str:
    return _typed_key(obj["kind"], obj["metadata"].get("namespace", ""), _name(obj))


# Wakes: which components an event of another object concerns.


def _of_owner(watched: Watched, obj: Manifest) -> Iterable[tuple[str, str]]:
    del watched
    return [(obj["metadata"]["namespace"], references.owner(obj, "componentName"))]


def _found(watched: Watched, index: str, key: str) -> Iterable[tuple[str, str]]:
    for component in watched.by_index("Component", index, key):
        yield component["metadata"]["namespace"], _name(component)


def _of_type(watched: Watched, obj: Manifest) -> Iterable[tuple[str, str]]:
    return _found(watched, "type", _own_key(obj))


def _of_trait(watched: Watched, trait: Manifest) -> Iterable[tuple[str, str]]:
    key = _own_key(trait)
    yield from _found(watched, "trait", key)
    for kind in ("ComponentType", "ClusterComponentType"):
        for component_type in watched.by_index(kind, "trait", key):
            yield from _of_type(watched, component_type)


def _of_workflow(watched: Watched, obj: Manifest) -> Iterable[tuple[str, str]]:
    return _found(watched, "workflow", _own_key(obj))


def _of_project(watched: Watched, project: Manifest) -> Iterable[tuple[str, str]]:
    return _found(watched, "project", f"{project['metadata']['namespace']}/{_name(project)}")


def _of_pipeline(watched: Watched, pipeline: Manifest) -> Iterable[tuple[str, str]]:
    key = f"{pipeline['metadata']['namespace']}/{_name(pipeline)}"
    for project in watched.by_index("Project", "pipeline", key):
        yield from _of_project(watched, project)


def _of_run(watched: Watched, run: Manifest) -> Iterable[tuple[str, str]]:
    del watched
    component = (run["metadata"].get("labels") or {}).get(labels.COMPONENT)
    return [(run["metadata"]["namespace"], component)] if component else []


_WAKES: dict[str, Wakes] = {
    **dict.fromkeys(("ComponentRelease", "ReleaseBinding", "Workload"), _of_owner),
    **dict.fromkeys(("ComponentType", "ClusterComponentType"), _of_type),
    **dict.fromkeys(("Trait", "ClusterTrait"), _of_trait),
    **dict.fromkeys(("Workflow", "ClusterWorkflow"), _of_workflow),
    "Project": _of_project,
    "DeploymentPipeline": _of_pipeline,
    "WorkflowRun": _of_run,
}

CONTROLLER = Controller(
    kind=registry.COMPONENT,
    gather=gather,
    reconcile=reconcile,
    field_manager="component-controller",
    wakes=_WAKES,
    indexes={
        "Component": {
            "type": _by_type,
            "trait": _by_trait,
            "workflow": _by_workflow,
            "project": _by_project,
        },
        "ComponentType": {"trait": _by_trait},
        "ClusterComponentType": {"trait": _by_trait},
        "ComponentRelease": {"component": _by_owner},
        "ReleaseBinding": {"component": _by_owner},
        "Workload": {"component": _by_owner_and_project},
        "WorkflowRun": {"component": _by_labels},
    },
)
