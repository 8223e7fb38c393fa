"""Conditions, loops, bodies, validations and targets, in upstream's words."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.admission import contexts, expressions
from choreo_local.admission.expressions import Place
from choreo_local.cel import types

PARAMETERS = types.object_of(
    "Parameters",
    {
        "on": types.BOOL,
        "n": types.INT,
        "names": types.list_of(types.STRING),
        "sizes": types.map_of(types.STRING, types.object_of("Size", {"cpu": types.STRING})),
    },
)
ENVIRONMENT = contexts.component(PARAMETERS, types.object_of("EnvironmentConfigs", {}))


def in_template(value: Any) -> list[tuple[str, str]]:
    found = expressions.in_template(value, "t", ENVIRONMENT)
    return [(problem.field, problem.message) for problem in found]


def test_sound_templates_have_no_problems() -> None:
    value = {"${parameters.names[0]}": ["a ${parameters.n} b", "${metadata.labels}", "$", "${"]}
    assert in_template(value) == []


def test_every_expression_of_a_text_is_checked() -> None:
    assert [message for _, message in in_template({"a": "${nope} ${1 +} ${parameters.n}"})] == [
        "Invalid value: \"${nope} ${1 +} ${parameters.n}\": invalid CEL expression 'nope':"
        " type check error: ERROR: <input>:1:1: undeclared reference to 'nope' (in container '')\n"
        " | nope\n | ^",
        "Invalid value: \"${nope} ${1 +} ${parameters.n}\": invalid CEL expression '1 +':"
        " parse error: ERROR: <input>:1:4: Syntax error: mismatched input '<EOF>' expecting"
        " {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT,"
        " STRING, BYTES, IDENTIFIER}\n | 1 +\n | ...^",
    ]


def test_keys_are_checked_as_well() -> None:
    [(field, message)] = in_template({"a": {"${nope}": 1}})
    assert field == "t[a][${nope}]"
    assert "invalid CEL in map key 'nope': type check error" in message


def test_nested_expressions_are_refused() -> None:
    found = in_template({"a": "${x ${y}}", "${x ${y}}": 1})
    assert [(field, message.split(": ")[2]) for field, message in found] == [
        ("t[${x ${y}}]", "invalid CEL in map key"),
        ("t[a]", "failed to parse CEL expressions"),
    ]


def condition(text: Any, **options: str) -> list[str]:
    place = Place({"when": text}, "p", ENVIRONMENT, **options)
    return [problem.message for problem in place.condition("when")]


@pytest.mark.parametrize("text", [None, "", 5, "${parameters.on}", " ${has(gateway.ingress)} "])
def test_conditions_may_be_absent_or_true_or_false(text: Any) -> None:
    assert condition(text) == []


def test_other_conditions_are_refused() -> None:
    assert condition("parameters.on") == [
        'Invalid value: "parameters.on": when must be a template expression wrapped with ${...}'
    ]
    assert condition("parameters.on", unwrapped=expressions.IN_TYPES) == [
        'Invalid value: "parameters.on": when must be wrapped in ${...}'
    ]
    assert condition("${parameters.n}") == [
        'Invalid value: "${parameters.n}": when must return boolean:'
        " expression must return boolean, got int"
    ]


def loop(text: Any, **entry: Any) -> tuple[Any, list[str]]:
    inner, found = Place({"forEach": text, **entry}, "p", ENVIRONMENT).loop(prefix="so: ")
    return inner, [problem.message for problem in found]


def test_without_a_loop_the_body_sees_what_everything_sees() -> None:
    assert loop(None) == (ENVIRONMENT, [])


def test_the_body_of_a_loop_sees_its_variable() -> None:
    inner, found = loop("${parameters.names}", var="name")
    assert found == []
    assert inner.check("name + 'x'").type == types.STRING
    inner, found = loop("${parameters.sizes}")
    assert found == []
    assert inner.check("item.value.cpu").type == types.DYN


def test_what_is_nothing_to_iterate_over_is_refused_but_the_body_is_checked() -> None:
    inner, found = loop("${parameters.n}")
    assert found == [
        'Invalid value: "${parameters.n}": so: forEach expression must return list or map, got int'
    ]
    assert inner.check("item.anything").type == types.DYN
    inner, found = loop("${parameters.nope}")
    assert "so: type check error" in found[0]
    assert inner.check("item.anything").type == types.DYN


def test_a_malformed_loop_has_no_variable() -> None:
    inner, found = loop("${parameters.}")
    assert inner is ENVIRONMENT
    assert "so: parse error: ERROR" in found[0]
    assert "failed to analyze forEach: invalid forEach expression: ERROR" in found[1]


def test_a_loop_without_wrapping_leaves_the_body_alone() -> None:
    inner, found = loop("parameters.names")
    assert inner is None
    assert found == [
        'Invalid value: "parameters.names": forEach must be a template expression wrapped'
        " with ${...}"
    ]


def rules(**spec: Any) -> list[tuple[str, str]]:
    found = expressions.rules(spec, "s", ENVIRONMENT)
    return [(problem.field, problem.message) for problem in found]


def test_rules_before_rendering_are_conditions() -> None:
    rule = {"rule": "${parameters.n > 1}", "message": "m"}
    assert rules(validations=[rule], preRenderValidations=[rule]) == []
    assert rules(preRenderValidations=[{"rule": "x"}, {}]) == [
        ("s.preRenderValidations[0].rule", 'Invalid value: "x": rule must be wrapped in ${...}'),
        ("s.preRenderValidations[1].rule", 'Invalid value: "": rule must be wrapped in ${...}'),
    ]


VERDICT = {
    "message": "m",
    "when": "${parameters.on}",
    "forEach": "${parameters.names}",
    "var": "name",
    "target": {"version": "v1", "kind": "Service", "where": "resource.metadata.name == name"},
    "rule": "${resource.spec.x == name}",
}


def test_rules_after_rendering_see_the_manifest_and_the_loop() -> None:
    assert rules(postRenderValidations=[VERDICT]) == []


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"when": "${name == 'x'}"}, "when", "undeclared reference to 'name'"),
        ({"when": "${resource.x}"}, "when", "undeclared reference to 'resource'"),
        ({"rule": "x"}, "rule", "rule must be a template expression wrapped with ${...}"),
        ({"rule": "${1}"}, "rule", "rule must return boolean: expression must return boolean"),
        ({"message": ""}, "message", "Required value: message is required"),
        ({"target": {"kind": "S"}}, "target.version", "Required value: version is required"),
        ({"target": {"version": "v"}}, "target.kind", "Required value: kind is required"),
        (
            {"target": {"version": "v", "kind": "S", "where": "${'x'}"}},
            "target.where",
            "where filter must return boolean: expression must return boolean, got string",
        ),
    ],
)
def test_each_part_of_a_rule_after_rendering_is_checked(
    change: dict[str, Any], field: str, message: str
) -> None:
    [(found_field, found)] = rules(postRenderValidations=[{**VERDICT, **change}])
    assert found_field == f"s.postRenderValidations[0].{field}"
    assert message in found
