"""Workflows run in the namespace and under the account that they are given."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.admission import workflows
from choreo_local.errors import ForbiddenError
from tests.admission.objects import complaints, fields, schema, template

OWN = {"name": "x", "namespace": "${metadata.namespace}"}
RUN = template("Workflow", metadata=OWN)


@pytest.mark.parametrize("kind", ["Workflow", "ClusterWorkflow"])
def test_a_sound_workflow_is_accepted(kind: str) -> None:
    spec = {
        "runTemplate": RUN,
        "parameters": schema(repo="string"),
        "resources": [{"id": "a", "template": template(metadata=OWN)}, {"id": "b"}],
        "externalRefs": [{"id": "a"}, {"id": "b"}],
    }
    assert complaints(kind, spec) == []


def test_expressions_are_not_checked() -> None:
    assert complaints("Workflow", {"runTemplate": {**RUN, "spec": {"a": "${nope}"}}}) == []


@pytest.mark.parametrize(
    ("namespace", "found"),
    [
        ({}, ["Required value: metadata.namespace is required and must be set to"]),
        (
            {"namespace": ""},
            ["if metadata.namespace is specified", "metadata.namespace is required"],
        ),
        (
            {"namespace": "fixed"},
            ["if metadata.namespace is specified", "metadata.namespace must be set to"],
        ),
        ({"namespace": "${ metadata.namespace }"}, ["metadata.namespace must be set to"]),
        ({"namespace": 5}, ["if metadata.namespace is specified"]),
    ],
)
def test_the_namespace_is_exactly_the_one_of_the_run(
    namespace: dict[str, Any], found: list[str]
) -> None:
    run = template("Workflow", metadata={"name": "x", **namespace})
    given = complaints("Workflow", {"runTemplate": run})
    assert [field for field, _ in given] == ["spec.runTemplate.metadata.namespace"] * len(found)
    for (_, message), part in zip(given, found, strict=True):
        assert part in message


def test_ids_are_unique() -> None:
    spec = {
        "runTemplate": RUN,
        "resources": [{"id": "a"}, {"id": "a"}],
        "externalRefs": [{"id": "b"}, {"id": "a"}, {"id": "b"}],
    }
    assert complaints("Workflow", spec) == [
        (
            "spec.resources[1].id",
            r'Duplicate value: "resource id \"a\" is already used at index 0"',
        ),
        (
            "spec.externalRefs[2].id",
            r'Duplicate value: "externalRef id \"b\" is already used at index 0"',
        ),
    ]


def test_the_plane_of_a_cluster_wide_workflow_comes_first() -> None:
    spec = {"runTemplate": {}, "workflowPlaneRef": {"kind": "WorkflowPlane"}}
    assert fields("ClusterWorkflow", spec)[0] == "spec.workflowPlaneRef.kind"
    assert "spec.workflowPlaneRef.kind" not in fields("Workflow", spec)


def test_only_parameters_have_a_schema() -> None:
    broken = {"openAPIV3Schema": {"properties": 5}}
    spec = {"runTemplate": RUN, "parameters": broken, "environmentConfigs": broken}
    assert set(fields("Workflow", spec)) == {"spec.parameters"}


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ({"a": 1}, {"a": 1, "spec": {"serviceAccountName": "workflow-sa"}}),
        (
            {"spec": {"serviceAccountName": "mine", "b": 2}},
            {"spec": {"serviceAccountName": "workflow-sa", "b": 2}},
        ),
        (None, None),
    ],
)
def test_runs_get_their_account(given: Any, stored: Any) -> None:
    before = repr(given)
    assert workflows.completed({"runTemplate": given}, {}) == {"runTemplate": stored}
    assert repr(given) == before


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("x", "runTemplate is string"),
        ({"spec": []}, "spec is []interface {}"),
        ({"spec": None}, "<nil>"),
    ],
)
def test_an_account_needs_a_place(given: Any, reason: str) -> None:
    with pytest.raises(ForbiddenError, match="failed to default runTemplate") as caught:
        workflows.completed({"runTemplate": given}, {})
    assert reason in caught.value.message
