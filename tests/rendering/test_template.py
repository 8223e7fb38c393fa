"""Templates and the expressions in them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from choreo_local.rendering import template, values
from choreo_local.rendering.errors import (
    ExpressionCompileError,
    ExpressionEvaluationError,
    NestedExpressionError,
    RenderError,
)
from choreo_local.rendering.functions import Dialect
from choreo_local.rendering.template import Scope

VARIABLES = {"metadata": {"name": "web"}, "parameters": {"port": 8080, "list": ["a"], "none": None}}


def scope() -> Scope:
    return Scope(values.as_context(VARIABLES))


def test_string_of_one_expression_keeps_the_type_of_its_value() -> None:
    assert scope().render(" ${parameters.list}\n") == ["a"]
    assert scope().render("${parameters.port}") == 8080.0
    assert scope().render("${1}") == 1


def test_expressions_inside_text_become_text() -> None:
    assert scope().render("${metadata.name}:${parameters.port}/${parameters.list}") == (
        'web:8080/["a"]'
    )


def test_keys_hold_expressions_but_must_become_text() -> None:
    assert scope().render({"${metadata.name}-x": 1}) == {"web-x": 1}
    with pytest.raises(RenderError, match="must evaluate to a string, got float64: 8080"):
        scope().render({"${parameters.port}": 1})


def test_omitted_entries_and_elements_are_left_out() -> None:
    rendered = scope().render({"a": "${oc_omit()}", "b": ["${oc_omit()}", "x"]})

    assert rendered == {"b": ["x"]}
    assert scope().render("${oc_omit()}") is values.OMIT


def test_null_of_an_expression_is_zero_but_null_in_data_stays() -> None:
    rendered = scope().render(
        {"made": "${[null]}", "data": "${parameters}", "whole": "${parameters.none}", "lit": None}
    )

    assert values.as_manifest(rendered) == {
        "made": [0],
        "data": {"port": 8080, "list": ["a"], "none": None},
        "whole": 0,
        "lit": None,
    }


def test_result_can_be_changed_without_changing_the_variables() -> None:
    bound = scope()

    bound.render("${parameters.list}").append("b")

    assert bound.render("${parameters.list}") == ["a"]


def test_undeclared_variable_is_a_compile_error_even_behind_has() -> None:
    with pytest.raises(ExpressionCompileError, match="undeclared reference to 'gateway'"):
        scope().render("${has(gateway.ingress) ? 1 : 2}")


def test_missing_key_is_an_evaluation_error_that_names_the_expression() -> None:
    with pytest.raises(ExpressionEvaluationError) as failure:
        scope().render("${parameters.nope}")

    assert failure.value.message == (
        "CEL evaluation error in expression 'parameters.nope': no such key: nope"
    )


def test_bound_variable_hides_another_of_its_name() -> None:
    bound = scope().bound(metadata={"name": "loop"}, item="x")

    assert bound.render("${metadata.name}-${item}") == "loop-x"
    assert scope().render("${metadata.name}") == "web"


@pytest.mark.parametrize(
    ("text", "expressions"),
    [
        ("plain", []),
        ("${a} and ${b}", ["a", "b"]),
        ("${{'k': '}'}}", ["{'k': '}'}"]),
        ("${'it\\'s ${x}'}", ["'it\\'s ${x}'"]),
        ("${a} ${ open", ["a"]),
        ("${}", [""]),
    ],
)
def test_scan_finds_balanced_expressions(text: str, expressions: list[str]) -> None:
    assert [found.text for found in template.scan(text)] == expressions


def test_expression_inside_an_expression_must_be_quoted() -> None:
    with pytest.raises(NestedExpressionError, match="must be quoted"):
        template.scan("${a + ${b}}")


def test_walk_yields_every_expression_with_its_path() -> None:
    tree = {"spec": {"${k}": ["${a}", {"b": "x${b}y"}]}}

    found = [(path, expression.text) for path, expression in template.iter_expressions(tree)]

    assert found == [("spec.${k}", "k"), ("spec.${k}[0]", "a"), ("spec.${k}[1].b", "b")]


def test_deep_templates_are_refused() -> None:
    deep: Any = "${metadata.name}"
    for _ in range(values.MAX_DEPTH + 1):
        deep = [deep]

    with pytest.raises(RenderError, match="nested deeper"):
        scope().render(deep)
    with pytest.raises(RenderError, match="nested deeper"):
        list(template.iter_expressions(deep))


def test_receivers_of_component_templates_exist_in_their_dialect_only() -> None:
    variables = {"configurations": {}, "derived": {"configVolumes": [{"name": "v"}]}}

    rendered = Scope(variables, Dialect.COMPONENT).render("${configurations.toVolumes()}")

    assert rendered == [{"name": "v"}]
    with pytest.raises(ExpressionCompileError, match="toVolumes"):
        Scope(variables).render("${configurations.toVolumes()}")


@given(st.text(alphabet="${}'\"\\a .", max_size=60))
def test_any_text_scans_or_is_refused(text: str) -> None:
    try:
        found = template.scan(text)
    except NestedExpressionError:
        return
    for expression in found:
        assert text[expression.start : expression.end] == f"${{{expression.text}}}"
