"""Project, resource and workflow pipelines, and calls captured from controllers, as recorded."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.rendering import project, resource, workflow
from choreo_local.rendering.errors import RenderError
from tests.golden import test_render, typed


def _is_project(case: dict[str, Any]) -> bool:
    return "projectTypeSpec" in case["inputs"]


def _is_component(case: dict[str, Any]) -> bool:
    return "componentType" in case["inputs"]


def _is_workflow(case: dict[str, Any]) -> bool:
    return "workflowRun" in case["inputs"]


def _resources(op: str) -> list[Any]:
    return typed.cases("pipelines", lambda case: case.get("op") == op)


def _resource_inputs(recording: dict[str, Any]) -> resource.ResourceInputs:
    binding = recording["resourceReleaseBinding"] or {"spec": {}}
    return resource.ResourceInputs(
        resource_type_spec=recording["resourceType"]["spec"],
        parameters=recording["resource"]["spec"].get("parameters"),
        environment_configs=binding["spec"].get("resourceTypeEnvironmentConfigs"),
        metadata=recording["metadata"],
        data_plane=recording["dataplane"],
        environment=recording["environment"],
    )


def _as_recorded(entries: tuple[project.Entry, ...]) -> list[dict[str, Any]]:
    return [entry.as_resource() for entry in entries]


@pytest.mark.parametrize("case", typed.cases("pipelines", _is_component))
def test_component_of_a_controller_renders_as_recorded(case: dict[str, Any]) -> None:
    test_render.check_recorded_call(case)


@pytest.mark.parametrize("case", typed.cases("pipelines", _is_project))
def test_project_renders_as_recorded(case: dict[str, Any]) -> None:
    recording = case["inputs"]
    inputs = project.ProjectInputs(
        project_type_spec=recording["projectTypeSpec"],
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
