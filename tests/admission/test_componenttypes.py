"""Component types run exactly one workload, and render."""

from __future__ import annotations

from typing import Any

import pytest

from tests.admission.objects import (
    complaints,
    component_type,
    data,
    fields,
    messages,
    schema,
    template,
)

KINDS = ("ComponentType", "ClusterComponentType")


@pytest.mark.parametrize("kind", KINDS)
def test_a_sound_type_is_accepted(kind: str) -> None:
    resource = {
        "includeWhen": "${parameters.on}",
        "forEach": "${parameters.names}",
        "var": "name",
        "template": data("${name}-${environmentConfigs.size}"),
    }
    names = {"type": "array", "items": {"type": "string"}}
    spec = component_type(
        resource,
        parameters=schema(on="boolean", names=names),
        environmentConfigs=schema(size="string"),
        preRenderValidations=[{"rule": "${size(parameters.names) > 0}", "message": "m"}],
    )
    assert complaints(kind, spec) == []


@pytest.mark.parametrize("kind", KINDS)
def test_updates_are_checked_as_well(kind: str) -> None:
    assert complaints(kind, component_type({"template": data("${nope}")}), "UPDATE")


def test_the_loop_variable_is_unknown_to_the_condition() -> None:
    resource = {"includeWhen": "${item == 1}", "forEach": "${[1]}", "template": data("${item}")}
    [(field, message)] = complaints("ComponentType", component_type(resource))
    assert field == "spec.resources[1].includeWhen"
    assert "undeclared reference to 'item'" in message


def test_the_body_of_a_loop_without_wrapping_is_not_looked_at() -> None:
    resource = {"forEach": "parameters.names", "template": data("${item.nope}")}
    assert complaints("ComponentType", component_type(resource)) == [
        (
            "spec.resources[1].forEach",
            'Invalid value: "parameters.names": forEach must be wrapped in ${...}',
        )
    ]


def test_parameters_without_a_schema_are_unknown() -> None:
    [message] = messages("ComponentType", component_type({"template": data("${parameters.x}")}))
    assert "undefined field 'x'" in message


def test_everything_is_reported_in_a_fixed_order() -> None:
    spec = {
        "workloadType": "deployment",
        "parameters": schema(p={"const": 1}),
        "resources": [{"template": template("Job", a="${nope}")}],
        "validations": [{"rule": "x"}],
        "traits": [{}],
        "allowedTraits": [{}],
        "allowedWorkflows": [{}],
    }
    assert fields("ComponentType", spec) == [
        "spec.parameters",
        "spec.resources[0].template[a]",
        "spec.validations[0].rule",
        "spec.resources[0].template.kind",
        "spec.resources",
        "spec.traits[0].name",
        "spec.traits[0].instanceName",
        "spec.allowedTraits[0].name",
        "spec.allowedWorkflows[0].name",
    ]


def of_kinds(workload_type: str, *kinds: str) -> dict[str, Any]:
    return {
        "workloadType": workload_type,
        "resources": [{"template": template(kind)} for kind in kinds],
    }


def test_the_workload_is_there_once() -> None:
    wanted = 'must have exactly one resource with kind matching workloadType "deployment"'
    assert complaints("ComponentType", of_kinds("deployment", "DEPLOYMENT", "Service")) == []
    assert complaints("ComponentType", of_kinds("deployment", "Service")) == [
        ("spec.resources", f"Required value: {wanted}")
    ]
    assert complaints("ComponentType", of_kinds("deployment", "Deployment", "Deployment")) == [
        ("spec.resources[0].template.kind", 'Duplicate value: "deployment"'),
        ("spec.resources[1].template.kind", 'Duplicate value: "deployment"'),
        ("spec.resources", f'Invalid value: "2 resources": {wanted}, found 2'),
    ]


def test_no_other_workload_is_beside_it() -> None:
    [(field, message)] = complaints("ComponentType", of_kinds("deployment", "Deployment", "Job"))
    assert field == "spec.resources[1].template.kind"
    assert message == (
        'Forbidden: resource kind "Job" is a workload type that does not match the declared'
        ' workloadType "deployment"; only one workload resource is allowed'
    )


def test_proxies_have_no_workload_at_all() -> None:
    assert complaints("ComponentType", of_kinds("proxy", "HTTPRoute")) == []
    assert messages("ComponentType", of_kinds("proxy", "Deployment")) == [
        'Forbidden: proxy ComponentType must not contain workload resources (kind "Deployment")'
    ]
