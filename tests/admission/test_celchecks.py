"""Expressions are checked against the types of variables, and remembered."""

from __future__ import annotations

import inspect
import sys

import pytest

from choreo_local.admission import celchecks
from choreo_local.admission.celchecks import ExpressionError, TypedEnvironment
from choreo_local.cel import types
from choreo_local.cel.libraries import STANDARD

PORT = types.object_of("Port", {"number": types.INT, "name": types.STRING})
VARIABLES = {
    "s": types.STRING,
    "ports": types.map_of(types.STRING, PORT),
    "names": types.list_of(types.STRING),
    "any": types.DYN,
    "seen": types.map_of(types.STRING, types.DYN),
}


@pytest.fixture
def environment() -> TypedEnvironment:
    return TypedEnvironment(VARIABLES, STANDARD, watched="seen")


def test_the_type_of_the_result_is_deduced(environment: TypedEnvironment) -> None:
    assert environment.check("ports.http.number + 1").type == types.INT


@pytest.mark.parametrize(
    ("text", "stage", "message"),
    [
        ("1 +", "parse", "Syntax error"),
        ("nope", "type check", "undeclared reference to 'nope'"),
        ("ports.http.nope", "type check", "undefined field 'nope'"),
        ("s + 1", "type check", "found no matching overload for '_+_' applied to '(string, int)'"),
        ("(" * 400 + "1" + ")" * 400, "parse", "recursion"),
    ],
)
def test_problems_name_the_step_that_found_them(
    environment: TypedEnvironment, text: str, stage: str, message: str
) -> None:
    with pytest.raises(ExpressionError) as caught:
        environment.check(text)
    assert caught.value.stage == stage
    assert message in caught.value.message
    assert caught.value.problem == f"{stage} error: {caught.value.message}"


def test_types_that_grow_without_bound_are_refused(environment: TypedEnvironment) -> None:
    text = "s"
    for _ in range(16):
        text = f"[{text}].map(x, {{x: x}})[0]"
    with pytest.raises(ExpressionError, match="too complex"):
        environment.check(text)


def test_long_expressions_are_checked_each_time(environment: TypedEnvironment) -> None:
    text = f"[{', '.join(['s'] * 500)}]"
    assert environment.check(text).type == types.list_of(types.STRING)
    assert environment.check(text) is not environment.check(text)


def test_callers_deep_in_the_stack_get_an_answer(environment: TypedEnvironment) -> None:
    text = f"'{'x' * 1000}' == any{'.x' * 200}"

    def below(frames: int) -> str:
        if frames:
            return below(frames - 1)
        return celchecks.boolean_problem(environment, text)

    room = sys.getrecursionlimit() - depth_of_stack()
    answers = {below(room - left) for left in range(40, 600, 20)}
    assert answers == {"", "type check error: ERROR: <input>:-1:0: max recursion depth exceeded"}


def depth_of_stack() -> int:
    frame, depth = inspect.currentframe(), 0
    while frame is not None:
        frame, depth = frame.f_back, depth + 1
    return depth


def test_members_of_the_watched_variable_are_noted(environment: TypedEnvironment) -> None:
    text = "seen.b.x + seen.a + seen['c'] + seen[s] + (has(seen.d) ? any.e : seen.b)"
    checked = environment.check(text)
    assert checked.fields == ("b", "a", "d")
    assert checked.keys == ("c",)


def test_a_loop_variable_of_the_same_name_is_not_watched(environment: TypedEnvironment) -> None:
    assert environment.check("[any].exists(seen, seen.a == 1)").fields == ()


def test_a_further_variable_hides_another_of_its_name(environment: TypedEnvironment) -> None:
    inner = environment.with_variable("s", types.INT)
    assert inner.check("s + 1").type == types.INT
    assert environment.check("s + 'x'").type == types.STRING
    assert inner is environment.with_variable("s", types.INT)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("s == 'x'", ""),
        ("any", ""),
        ("s", "expression must return boolean, got string"),
        ("nope", "type check error: ERROR: <input>:1:1: undeclared reference"),
    ],
)
def test_conditions_are_booleans_or_unknown(
    environment: TypedEnvironment, text: str, problem: str
) -> None:
    found = celchecks.boolean_problem(environment, text)
    assert found.startswith(problem)
    assert bool(found) is bool(problem)


@pytest.mark.parametrize("text", ["names", "ports", "any", "[1]", "{'a': 1}"])
def test_lists_maps_and_the_unknown_can_be_iterated(
    environment: TypedEnvironment, text: str
) -> None:
    assert celchecks.iteration_problem(environment, text) == ""


def test_nothing_else_can_be_iterated(environment: TypedEnvironment) -> None:
    problem = celchecks.iteration_problem(environment, "s")
    assert problem == "forEach expression must return list or map, got string"
    assert "undeclared" in celchecks.iteration_problem(environment, "nope")


def test_a_loop_over_a_list_gives_its_elements(environment: TypedEnvironment) -> None:
    assert celchecks.loop_type(environment, "names") == types.STRING


def test_a_loop_over_a_map_gives_entries_whose_values_have_known_fields(
    environment: TypedEnvironment,
) -> None:
    entry = celchecks.loop_type(environment, "ports")
    inner = environment.with_variable("item", entry)
    assert inner.check("item.key + 'x'").type == types.STRING
    assert inner.check("item.value.number").type == types.DYN
    with pytest.raises(ExpressionError, match="undefined field 'nope'"):
        inner.check("item.value.nope")


@pytest.mark.parametrize("text", ["s", "any", "nope"])
def test_a_loop_over_anything_else_gives_anything(environment: TypedEnvironment, text: str) -> None:
    assert celchecks.loop_type(environment, text) == types.DYN


def test_a_malformed_loop_gives_nothing(environment: TypedEnvironment) -> None:
    with pytest.raises(ExpressionError):
        celchecks.loop_type(environment, "names[")
