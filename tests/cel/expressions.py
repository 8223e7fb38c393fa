"""Short ways for the tests to evaluate expressions and to read complaints about them."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.cel import libraries, types
from choreo_local.cel.environment import Environment
from choreo_local.cel.errors import CompileError, EvaluationError
from choreo_local.cel.types import Type


def evaluate(text: str, **variables: Any) -> Any:
    """The value of an expression; its variables are dyn."""
    environment = Environment(dict.fromkeys(variables, types.DYN), libraries=libraries.ALL)
    return environment.compile(text).evaluate(variables)


def failure(text: str, **variables: Any) -> str:
    """Why the evaluation of an expression fails."""
    with pytest.raises(EvaluationError) as caught:
        evaluate(text, **variables)
    return caught.value.message


def type_of(text: str, **variables: Type) -> str:
    """The deduced type of an expression with variables of these types."""
    environment = Environment(variables, libraries=libraries.ALL)
    return str(environment.compile(text).result_type)


def complaints(text: str, environment: Environment | None = None, **variables: Type) -> list[str]:
    """What is wrong with an expression, each complaint with its place: `line:column message`."""
    environment = environment or Environment(variables, libraries=libraries.ALL)
    with pytest.raises(CompileError) as caught:
        environment.compile(text)
    lines = caught.value.message.split("\n")
    prefix = "ERROR: <input>:"
    return [line.removeprefix(prefix).replace(": ", " ", 1) for line in lines if prefix in line]
