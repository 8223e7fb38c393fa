"""Project, resource and workflow pipelines, and calls captured from controllers, as recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from choreo_local.rendering import names, project, resource, typeinputs, workflow
from choreo_local.rendering.errors import RenderError
from tests.golden import scenarios, test_render, typed


def _is_project(case: dict[str, Any]) -> bool:
    return "projectTypeSpec" in case["inputs"]


def _is_component(case: dict[str, Any]) -> bool:
    return "componentType" in case["inputs"]


def _is_workflow(case: dict[str, Any]) -> bool:
    return "workflowRun" in case["inputs"]


def _resources(op: str) -> list[Any]:
    return typed.cases("pipelines", lambda case: case.get("op") == op)


def _resource_inputs(recording: dict[str, Any]) -> typeinputs.TypeInputs:
    binding = recording["resourceReleaseBinding"] or {"spec": {}}
    return typeinputs.TypeInputs(
        type_spec=recording["resourceType"]["spec"],
        parameters=recording["resource"]["spec"].get("parameters"),
        environment_configs=binding["spec"].get("resourceTypeEnvironmentConfigs"),
        metadata=recording["metadata"],
        data_plane=recording["dataplane"],
        environment=recording["environment"],
    )


def _as_recorded(entries: tuple[typeinputs.Entry, ...]) -> list[dict[str, Any]]:
    return [entry.as_resource() for entry in entries]


@pytest.mark.parametrize("case", typed.cases("pipelines", _is_component))
def test_component_of_a_controller_renders_as_recorded(case: dict[str, Any]) -> None:
    test_render.check_recorded_call(case)


@pytest.mark.parametrize("case", typed.cases("pipelines", _is_project))
def test_project_renders_as_recorded(case: dict[str, Any]) -> None:
    recording = case["inputs"]
    inputs = typeinputs.TypeInputs(
        type_spec=recording["projectTypeSpec"],
        parameters=recording["projectParameters"],
        environment_configs=recording["environmentConfigs"],
        metadata=recording["metadata"],
        data_plane=recording["dataplane"],
        environment=recording["environment"],
    )
    if case["error"]:
        with pytest.raises(RenderError) as failure:
            project.render(inputs)
        assert failure.value.message == case["error"]
    else:
        assert _as_recorded(project.render(inputs)) == case["output"]


@pytest.mark.parametrize("case", _resources("render"))
def test_resource_renders_as_recorded(case: dict[str, Any]) -> None:
    inputs = _resource_inputs(case["inputs"])
    if case["error"]:
        with pytest.raises(RenderError) as failure:
            resource.render(inputs)
        assert failure.value.message == case["error"]
    else:
        assert _as_recorded(resource.render(inputs)) == (case["output"] or [])


@pytest.mark.parametrize("case", _resources("outputs"))
def test_outputs_resolve_as_recorded(case: dict[str, Any]) -> None:
    found = resource.outputs(_resource_inputs(case["inputs"]), case["observed"])

    assert found.failure == (case["error"] or "")
    assert list(found.resolved) == [
        {key: value for key, value in output.items() if value} for output in case["output"] or []
    ]


@pytest.mark.parametrize("case", _resources("readyWhen"))
def test_ready_when_is_judged_as_recorded(case: dict[str, Any]) -> None:
    inputs = _resource_inputs(case["inputs"])
    if case["error"]:
        with pytest.raises(RenderError) as failure:
            resource.ready_when(inputs, case["expr"], case["observed"])
        assert failure.value.message == case["error"]
    else:
        assert resource.ready_when(inputs, case["expr"], case["observed"]) is case["output"]


@pytest.mark.parametrize("case", typed.cases("pipelines", _is_workflow))
def test_workflow_renders_as_recorded(case: dict[str, Any]) -> None:
    recording = case["inputs"]
    context = recording["context"]
    inputs = workflow.WorkflowInputs(
        workflow=recording["workflow"],
        run=recording["workflowRun"],
        namespace=context["namespaceName"],
        run_name=context["workflowRunName"],
        secret_store=context["workflowPlane"]["secretStore"],
        external_refs=context["externalRefs"],
        labels=context["labels"] or {},
    )
    if case["error"]:
        with pytest.raises(RenderError) as failure:
            workflow.render(inputs)
        assert failure.value.message == case["error"]
        return

    rendered = workflow.render(inputs)

    assert rendered.resource == case["output"]["resource"]
    assert _as_recorded(rendered.resources) == (case["output"]["resources"] or [])


def _rendered(world: scenarios.World, binding: dict[str, Any]) -> dict[str, Any] | None:
    """The RenderedRelease of a project's or resource's binding."""
    spec, namespace = binding["spec"], binding["metadata"]["namespace"]
    owner, environment = spec["owner"], spec["environment"]
    if binding["kind"] == "ProjectReleaseBinding":
        name = names.project_release(owner["projectName"], environment)
    else:
        name = names.resource_base(owner["resourceName"], environment)
    return world.objects.get(f"RenderedRelease/{namespace}/{name}")


def _is_rendered(
    kind: str, release_kind: str, release_field: str
) -> Callable[[scenarios.World, dict[str, Any]], bool]:
    def wanted(world: scenarios.World, obj: dict[str, Any]) -> bool:
        if obj["kind"] != kind or not _rendered(world, obj):
            return False
        release_name = str(obj["spec"].get(release_field))
        return world.has(release_kind, obj["metadata"]["namespace"], release_name)

    return wanted


def _live(world: scenarios.World, binding: dict[str, Any]) -> dict[str, Any] | None:
    """The live objects that a binding is rendered with."""
    spec, namespace = binding["spec"], binding["metadata"]["namespace"]
    environment = world.get("Environment", namespace, spec["environment"])
    found = {
        "project": world.get("Project", namespace, spec["owner"]["projectName"]),
        "environment": environment,
        "data_plane": world.data_plane_of(environment) if environment else None,
    }
    return None if None in found.values() else found


_PROJECTS = _is_rendered("ProjectReleaseBinding", "ProjectRelease", "projectRelease")
_RESOURCES = _is_rendered("ResourceReleaseBinding", "ResourceRelease", "resourceRelease")


@pytest.mark.parametrize(("world", "binding"), scenarios.cases(_PROJECTS))
def test_cell_of_a_scenario_renders_as_recorded(
    world: scenarios.World, binding: dict[str, Any]
) -> None:
    namespace, live = binding["metadata"]["namespace"], _live(world, binding)
    frozen = world.get("ProjectRelease", namespace, binding["spec"]["projectRelease"])
    if live is None or frozen is None:
        pytest.skip("the recording leaves out objects that this binding refers to")
    synced = next(c for c in binding["status"]["conditions"] if c["type"] == "Synced")
    inputs = project.inputs_of_release(frozen, binding=binding, **live)
    if synced["reason"] == "RenderingFailed":
        with pytest.raises(RenderError) as failure:
            project.render(inputs)
        assert failure.value.message in synced["message"]
        return

    entries = project.render(inputs)

    assert project.has_cell_namespace(entries, inputs.metadata["namespace"]) is (
        synced["reason"] != "NamespaceMissing"
    )
    if synced["status"] == "True":
        assert _as_recorded(entries) == (_rendered(world, binding) or {})["spec"]["resources"]


@pytest.mark.parametrize(("world", "binding"), scenarios.cases(_RESOURCES))
def test_resource_of_a_scenario_renders_as_recorded(
    world: scenarios.World, binding: dict[str, Any]
) -> None:
    namespace, live = binding["metadata"]["namespace"], _live(world, binding)
    frozen = world.get("ResourceRelease", namespace, binding["spec"]["resourceRelease"])
    owner = world.get("Resource", namespace, binding["spec"]["owner"]["resourceName"])
    if live is None or frozen is None or owner is None:
        pytest.skip("the recording leaves out objects that this binding refers to")
    inputs = resource.inputs_of_release(frozen, binding=binding, resource=owner, **live)
    rendered_release = _rendered(world, binding) or {}

    assert _as_recorded(resource.render(inputs)) == rendered_release["spec"]["resources"]
    found = resource.outputs(inputs, resource.observed_statuses(rendered_release))
    resolved = next(c for c in binding["status"]["conditions"] if c["type"] == "OutputsResolved")
    if resolved["status"] == "True":
        assert (list(found.resolved), found.failure) == (binding["status"].get("outputs") or [], "")
    elif resolved["status"] == "False":
        assert found.failure
