"""Resource types render before they look at what was applied."""

from __future__ import annotations

from typing import Any

import pytest

from tests.admission.objects import complaints, data, messages, schema


def resource_type(**changes: Any) -> dict[str, Any]:
    entry = {"id": "claim", "template": data("${metadata.resourceName}-${parameters.size}")}
    spec = {"parameters": schema(size="string"), "resources": [{**entry, **changes}]}
    return {**spec, "outputs": changes.pop("outputs", [])}


@pytest.mark.parametrize("kind", ["ResourceType", "ClusterResourceType"])
def test_a_sound_type_is_accepted(kind: str) -> None:
    outputs = [
        {"name": "host", "value": "${applied.claim.status.host}:${1}"},
        {"name": "p", "secretKeyRef": {"name": "${applied['claim'].status.s}", "key": "k"}},
        {"name": "c", "configMapKeyRef": {"name": "c", "key": "${metadata.name}"}},
    ]
    conditions = {
        "includeWhen": "${parameters.size != ''}",
        "readyWhen": "${applied.claim.status.ok}",
    }
    spec = resource_type(**conditions)
    assert complaints(kind, {**spec, "outputs": outputs}) == []


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"includeWhen": "true"}, "includeWhen", "expression must be wrapped as ${...}"),
        ({"includeWhen": " ${true}"}, "includeWhen", "expression must be wrapped as ${...}"),
        ({"includeWhen": "${}"}, "includeWhen", "expression must be wrapped as ${...}"),
        ({"includeWhen": "${1 +}"}, "includeWhen", "CEL parse error: ERROR"),
        ({"includeWhen": "${nope}"}, "includeWhen", "CEL type check error: ERROR"),
        ({"includeWhen": "${applied.claim.status.x}"}, "includeWhen", "undeclared reference"),
        ({"readyWhen": "${1}"}, "readyWhen", "expression must return bool, got int"),
        (
            {"readyWhen": "${applied.b.status.x || applied['a'].status.x}"},
            "readyWhen",
            "applied.<id> references unknown ids [a b]; declared ids: [claim]",
        ),
        (
            {"template": data("${applied.claim.status.x}")},
            "template[data][a]",
            'invalid CEL expression "applied.claim.status.x": type check: ERROR',
        ),
        ({"template": data("${x ${y}}")}, "template[data][a]", "failed to parse CEL expressions"),
        ({"template": {"${1 +}": 1}}, "template[${1 +}]", 'expression "1 +": parse: ERROR'),
    ],
)
def test_each_place_sees_what_is_known_by_then(
    changes: dict[str, Any], field: str, message: str
) -> None:
    [(found_field, found)] = complaints("ResourceType", resource_type(**changes))
    assert found_field == f"spec.resources[0].{field}"
    assert message in found


def test_outputs_name_objects_of_the_type() -> None:
    spec = {**resource_type(), "outputs": [{"value": "a ${applied.nope.status.x}"}]}
    assert complaints("ResourceType", spec) == [
        (
            "spec.outputs[0].value",
            'Invalid value: "applied.nope.status.x": applied.<id> references unknown ids [nope];'
            " declared ids: [claim]",
        )
    ]


def test_keys_that_are_computed_are_not_looked_up() -> None:
    spec = {**resource_type(), "outputs": [{"value": "${applied[parameters.size].status.x}"}]}
    assert complaints("ResourceType", spec) == []


def test_heads_of_templates_are_not_checked() -> None:
    assert complaints("ResourceType", resource_type(template={"kind": "Job"})) == []


def test_alternatives_without_a_type_cannot_be_used() -> None:
    spec = resource_type()
    spec["parameters"] = schema(size={"oneOf": [{"type": "string"}]})
    [message] = messages("ResourceType", spec)
    assert "undefined field 'size'" in message
