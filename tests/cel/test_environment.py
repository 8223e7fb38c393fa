from __future__ import annotations

from typing import Any

import pytest

from choreo_local.cel import types
from choreo_local.cel.environment import Environment
from choreo_local.cel.errors import CompileError, EvaluationError


def evaluate(text: str, **variables: Any) -> Any:
    environment = Environment(dict.fromkeys(variables, types.DYN))
    return environment.compile(text).evaluate(variables)


def test_a_program_is_evaluated_many_times() -> None:
    program = Environment({"metadata": types.DYN}).compile("metadata.name + '-cfg'")

    assert program.evaluate({"metadata": {"name": "shop"}}) == "shop-cfg"
    assert program.evaluate({"metadata": {"name": "cart"}}) == "cart-cfg"


def test_the_result_type_is_deduced() -> None:
    assert Environment().compile("[1, 2].map(x, string(x))").result_type == types.list_of(
        types.STRING
    )


def test_an_undeclared_name_is_shown_with_its_place() -> None:
    with pytest.raises(CompileError) as caught:
        Environment().compile("1 + x")

    assert caught.value.message == (
        "ERROR: <input>:1:5: undeclared reference to 'x' (in container '')\n | 1 + x\n | ....^"
    )


def test_a_missing_key_is_an_error_of_evaluation() -> None:
    with pytest.raises(EvaluationError, match=r"^no such key: port$"):
        evaluate("parameters.port", parameters={})
