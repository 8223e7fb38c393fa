from __future__ import annotations

import time

import pytest

from tui import filters


def matches(text: str, line: str) -> bool:
    found = filters.parse(text)
    assert found is not None
    return found.matches(line)


@pytest.mark.parametrize("text", ["", "  ", "!", "-f", "! "])
def test_nothing_typed_is_no_filter(text: str) -> None:
    assert filters.parse(text) is None


def test_small_letters_match_capitals() -> None:
    assert matches("error", "an ERROR happened")
    assert not matches("Error", "an ERROR happened")


def test_expressions_match() -> None:
    assert matches(r"status=5\d\d", "GET / status=503")
    assert not matches(r"status=5\d\d", "GET / status=200")


def test_exclamation_mark_turns_it_round() -> None:
    assert matches("!health", "GET /greeter")
    assert not matches("!health", "GET /health")


def test_fuzzy_wants_letters_in_order() -> None:
    assert matches("-f grt", "greeter")
    assert not matches("-f trg", "greeter")


def test_no_expression_is_searched_as_text() -> None:
    found = filters.parse("f(x")
    assert found is not None
    assert found.is_literal
    assert found.matches("call F(X)")


def test_hostile_expression_does_not_hang() -> None:
    started = time.perf_counter()
    matches("(a+)+$", "a" * 4000 + "!")
    assert time.perf_counter() - started < 1
