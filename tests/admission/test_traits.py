"""Traits create, patch and remove, but no workloads."""

from __future__ import annotations

from typing import Any

import pytest

from tests.admission.objects import complaints, data, messages, patch, schema, template

ADD = {"op": "add", "path": "/metadata/labels/x", "value": "${trait.instanceName}"}


@pytest.mark.parametrize("kind", ["Trait", "ClusterTrait"])
def test_a_sound_trait_is_accepted(kind: str) -> None:
    spec = {
        "parameters": schema(names={"type": "array", "items": {"type": "string"}}),
        "creates": [
            {
                "includeWhen": "${size(parameters.names) > 0}",
                "forEach": "${parameters.names}",
                "var": "name",
                "template": data("${name}"),
            }
        ],
        "patches": [
            patch(
                ADD,
                {"op": "replace", "path": "/a", "value": 1},
                {"op": "remove", "path": "/b"},
                forEach="${parameters.names}",
                target={"version": "v1", "kind": "Service", "where": "${resource.a == item}"},
            )
        ],
        "removes": [{"target": {"version": "v1", "kind": "Service"}}],
        "preRenderValidations": [{"rule": "${trait.name != ''}", "message": "m"}],
    }
    assert complaints(kind, spec) == []


@pytest.mark.parametrize("kind", ["Trait", "ClusterTrait"])
@pytest.mark.parametrize("operation", ["CREATE", "UPDATE"])
def test_both_kinds_are_checked_on_every_write(kind: str, operation: str) -> None:
    [(field, message)] = complaints(kind, {"creates": [{"template": template("Job")}]}, operation)
    assert field == "spec.creates[0].template.kind"
    assert message.startswith('Forbidden: traits must not create workload resources (kind "Job")')


def test_a_body_without_a_usable_loop_is_checked_nevertheless() -> None:
    create = {"forEach": "names", "template": data("${nope}")}
    found = complaints("Trait", {"creates": [create]})
    assert [field for field, _ in found] == [
        "spec.creates[0].forEach",
        "spec.creates[0].template[data][a]",
    ]


def test_a_template_is_missed_once() -> None:
    assert messages("Trait", {"creates": [{}]}) == ["Required value: template is required"]


@pytest.mark.parametrize(
    ("operation", "field", "message"),
    [
        ({"op": "add", "path": "/a"}, "value", "Required value: value is required for 'add' op"),
        (
            {"op": "replace", "path": "/a", "value": None},
            "value",
            "Required value: value is required for 'replace' operation",
        ),
        (
            {"op": "remove", "path": "/a", "value": 1},
            "value",
            "Invalid value: \"<value>\": value should not be specified for 'remove' operation",
        ),
        ({"op": "add", "value": 1}, "path", "Required value: patch path is required"),
        (
            {"op": "move", "path": "/a", "value": 1},
            "op",
            'Invalid value: "move": invalid patch operation (valid: add, replace, remove)',
        ),
        ({**ADD, "value": {"a": ["${x}"]}}, "value[a][0]", "undeclared reference to 'x'"),
    ],
)
def test_operations_have_what_they_need(
    operation: dict[str, Any], field: str, message: str
) -> None:
    [(found_field, found)] = complaints("Trait", {"patches": [patch(operation)]})
    assert found_field == f"spec.patches[0].operations[0].{field}"
    assert message in found


def test_paths_of_operations_are_not_checked() -> None:
    operation = {"op": "add", "path": "/x/${parameters.nope}", "value": 1}
    assert complaints("Trait", {"patches": [patch(operation)]}) == []


@pytest.mark.parametrize("group", ["apps", "batch"])
def test_workloads_are_not_removed(group: str) -> None:
    target = {"group": group, "version": "v1", "kind": "Deployment"}
    assert messages("Trait", {"removes": [{"target": target}]}) == [
        'Forbidden: traits must not remove workload resources (kind "Deployment"); the primary'
        " workload is defined by the ComponentType"
    ]


def test_other_kinds_of_the_same_name_may_be_removed() -> None:
    target = {"group": "example.com", "version": "v1", "kind": "Deployment"}
    assert complaints("Trait", {"removes": [{"target": target}]}) == []


def test_loops_of_removes_reach_their_targets() -> None:
    target = {"version": "v1", "kind": "Service", "where": "resource.metadata.name == item"}
    assert complaints("Trait", {"removes": [{"forEach": "${['a']}", "target": target}]}) == []
    [message] = messages("Trait", {"removes": [{"forEach": "${1}", "target": target}]})
    assert message == ('Invalid value: "${1}": forEach expression must return list or map, got int')
