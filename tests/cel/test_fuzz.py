"""Whatever is written as an expression, the answer is a value or an error that shows the place.

CHOREO_CEL_FUZZ sets how many expressions are tried; CHOREO_CEL_SEED where they begin.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import pytest

from choreo_local.cel import libraries, sizes
from choreo_local.cel.environment import Environment, Program
from choreo_local.cel.errors import CompileError, EvaluationError
from choreo_local.cel.libraries import times
from choreo_local.cel.values import Optional
from tests.cel import generation

_COUNT = int(os.environ.get("CHOREO_CEL_FUZZ", "2000"))
_SEED = os.environ.get("CHOREO_CEL_SEED", "expressions")
_COST_LIMIT = 100_000
# No expression takes a second; this tells an endless one from a busy machine.
_PATIENCE_SECONDS = 60

_ENVIRONMENT = Environment(generation.VARIABLES, libraries=libraries.ALL)
_VALUES: dict[str, Any] = {
    "metadata": {"name": "shop", "labels": {"a": "b"}, "a": [1.0, "x", None]},
    "parameters": {"port": 8080.0, "env": "production", "a": {"name": {"port": 1.0}}},
    "items": [1.0, "two", None, {"name": "x"}, [True]],
    "names": ["b", "a", "", "é𝄞"],
    "ports": {"http": 80, "admin": 9090},
    "count": 3,
    "ratio": 0.25,
    "started": times.timestamp_of_string("2024-02-29T23:59:59Z"),
    "maybe": Optional("x", present=True),
}


@contextmanager
def _watched(text: str) -> Iterator[None]:
    def late(*_: object) -> None:
        raise TimeoutError(f"no answer to {text!r}")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(_PATIENCE_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _answer(text: str) -> str:
    """Which of the three answers an expression gets, each of them checked."""
    with _watched(text):
        try:
            program = _ENVIRONMENT.compile(text)
        except CompileError as error:
            _check_places(text, error)
            return "refused"
        try:
            _check_value(program)
        except EvaluationError as error:
            return "failed" if error.message else "failed without a word"
        return "answered"


def _check_places(text: str, error: CompileError) -> None:
    assert error.issues
    assert error.message.startswith("ERROR: <input>:")
    for issue in error.issues:
        assert issue.message
        assert -1 <= issue.position <= len(text), issue


def _check_value(program: Program) -> None:
    value, cost = program.measure(_VALUES, cost_limit=_COST_LIMIT)
    assert 0 <= cost <= _COST_LIMIT
    assert sizes.size(value) > 0
    assert program.measure(_VALUES, cost_limit=_COST_LIMIT)[1] == cost


def _made() -> Iterator[str]:
    random = Random(f"{_SEED}/made")
    maker = generation.Maker(random)
    for _ in range(_COUNT // 2):
        yield maker.expression()


def _mutated() -> Iterator[str]:
    random = Random(f"{_SEED}/mutated")
    maker = generation.Maker(random)
    for _ in range(_COUNT - _COUNT // 2):
        yield generation.damaged(random, maker.expression())


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="this system has no alarm signal")
def test_every_made_expression_gets_an_answer() -> None:
    answers = Counter(_answer(text) for text in _made())

    # A generator that made nothing valid would show nothing.
    assert set(answers) == {"refused", "failed", "answered"}
    assert min(answers.values()) > _COUNT // 100, answers


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="this system has no alarm signal")
def test_every_damaged_expression_gets_an_answer() -> None:
    answers = Counter(_answer(text) for text in _mutated())

    assert set(answers) <= {"refused", "failed", "answered"}
    assert answers["refused"] > _COUNT // 4
