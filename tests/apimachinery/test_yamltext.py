"""YAML of strangers: what is refused, and that refusing it is survived."""

from __future__ import annotations

import pytest

from choreo_local.apimachinery import yamltext
from choreo_local.errors import BadRequestError


def test_documents_are_read_and_empty_ones_left_out() -> None:
    assert yamltext.load_all("a: 1\n---\n---\n- x\n") == [{"a": 1}, ["x"]]


def test_deep_nesting_is_refused_and_not_fatal() -> None:
    with pytest.raises(BadRequestError, match="nested deeper than 200"):
        yamltext.load_all("[" * 100_000)


def test_aliases_that_stand_for_too_much_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for number in range(1, 12):
        aliases = ", ".join([f"*a{number - 1}"] * 10)
        lines.append(f"a{number}: &a{number} [{aliases}]")
    with pytest.raises(BadRequestError, match="more than 1000000 nodes"):
        yamltext.load_all("\n".join(lines))


def test_ordinary_aliases_are_fine() -> None:
    assert yamltext.load_all("a: &x {b: 1}\nc: *x\n") == [{"a": {"b": 1}, "c": {"b": 1}}]


def test_what_is_not_yaml_is_refused_with_its_place() -> None:
    with pytest.raises(BadRequestError, match=r"line \d+, column \d+"):
        yamltext.load_all("a: 1\nb: [\n")
