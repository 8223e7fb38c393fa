"""The workflow pipeline."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from choreo_local.rendering import workflow
from choreo_local.rendering.errors import RenderError

PARAMETERS = {
    "openAPIV3Schema": {
        "type": "object",
        "properties": {"count": {"type": "integer", "default": 2000000}},
    }
}


def inputs(template: Any = None, given: Any = None, **spec: Any) -> workflow.WorkflowInputs:
    run = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "r"}}
    return workflow.WorkflowInputs(
        workflow={
            "spec": {"parameters": PARAMETERS, "runTemplate": {**run, **(template or {})}, **spec}
        },
        run={"spec": {"workflow": {"parameters": given or {}}}},
        namespace="default",
        run_name="run-1",
        secret_store="vault",
    )


def arguments(**values: Any) -> dict[str, Any]:
    listed = [{"name": name, "value": value} for name, value in values.items()]
    return {"spec": {"arguments": {"parameters": listed}}}


def submitted(rendered: workflow.RenderedWorkflow) -> dict[str, Any]:
    listed = rendered.submitted["spec"]["arguments"]["parameters"]
    return {item["name"]: item["value"] for item in listed}


def test_parameters_are_submitted_as_text() -> None:
    template = arguments(
        text="${parameters.text}",
        flag="${parameters.flag}",
        list="${parameters.list}",
        map="${parameters.map}",
        default="${parameters.count}",
        given="${parameters.given}",
    )
    given = {"text": "t", "flag": True, "list": [1, "a"], "map": {"b": 2}, "given": 2000000}

    rendered = workflow.render(inputs(template, given))

    assert submitted(rendered) == {
        "text": "t",
        "flag": "true",
        "list": '[1,"a"]',
        "map": '{"b":2}',
        "default": "2000000",
        "given": "2e+06",
    }
    assert rendered.resource["spec"]["arguments"]["parameters"][2]["value"] == [1, "a"]


def test_text_that_is_a_list_becomes_one_anywhere() -> None:
    found = workflow.render(inputs({"spec": {"withItems": "[1, 2]", "other": "[not json"}}))

    assert found.resource["spec"] == {"withItems": [1, 2], "other": "[not json"}


def test_resources_go_to_the_namespace_of_the_runs() -> None:
    def entry(identity: str, name: str, **further: Any) -> dict[str, Any]:
        manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}}
        return {"id": identity, "template": manifest, **further}

    found = workflow.render(
        inputs(
            resources=[
                entry("kept", "${metadata.workflowRunName}-git"),
                entry("left-out", "x", includeWhen="${false}"),
                entry("nameless", "${''}-git"),
            ]
        )
    )

    assert [entry.as_resource() for entry in found.resources] == [
        {
            "id": "kept",
            "object": {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "run-1-git", "namespace": "workflows-default"},
            },
        }
    ]


def test_external_references_are_named_by_templates() -> None:
    references = [
        {"id": "git", "name": "${parameters.secret}"},
        {"id": "none", "name": "${''}"},
        {"id": "plain", "name": "fixed"},
    ]
    given = inputs(given={"secret": "creds"}, externalRefs=references)

    assert workflow.external_ref_names(given) == {"git": "creds", "plain": "fixed"}


def test_external_reference_that_is_no_text_is_an_error() -> None:
    given = inputs(externalRefs=[{"id": "git", "name": "${parameters.count}"}])

    with pytest.raises(RenderError, match='external ref "git": name must evaluate to string'):
        workflow.external_ref_names(given)


def test_references_are_undeclared_until_one_resolves() -> None:
    template = {"metadata": {"name": "${externalRefs.git.spec.type}"}}

    with pytest.raises(RenderError, match="undeclared reference to 'externalRefs'"):
        workflow.render(inputs(template))


def test_resolved_references_are_declared() -> None:
    given = inputs({"metadata": {"name": "${externalRefs['git'].spec.type}"}})
    resolved = dataclasses.replace(given, external_refs={"git": {"spec": {"type": "basic"}}})

    assert workflow.render(resolved).resource["metadata"]["name"] == "basic"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"run": None}, "workflow run is nil"),
        ({"workflow": None}, "workflow is nil"),
        ({"workflow": {"spec": {}}}, "workflow has no runTemplate"),
        ({"namespace": ""}, "context.namespaceName is required"),
        ({"run_name": ""}, "context.workflowRunName is required"),
    ],
)
def test_incomplete_inputs_are_refused(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(RenderError) as failure:
        workflow.render(dataclasses.replace(inputs(), **changes))

    assert failure.value.message == f"invalid input: {text}"
