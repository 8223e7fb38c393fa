"""A review is refused before it can take long, and stops where nobody reads on."""

from __future__ import annotations

from typing import Any

from choreo_local.admission import bounds
from choreo_local.apimachinery import fielderrors
from tests.admission.objects import complaints, component_type, data


def test_usual_objects_are_reviewed() -> None:
    assert bounds.problem(component_type({"id": "a", "template": data("${1 + 1}")}), "spec") is None


def test_objects_that_nest_too_deep_are_refused() -> None:
    nested: Any = "x"
    for _ in range(1000):
        nested = [nested]
    found = bounds.problem({"a": nested}, "spec")
    assert found is not None
    assert "nest deeper" in found.message


def test_text_without_expressions_is_not_counted() -> None:
    assert bounds.problem({"a": "x" * 3_000_000, "b": "${unclosed" + "x" * 300_000}, "spec") is None


def test_expressions_of_an_object_have_a_length_in_all() -> None:
    many = [f"${{{number}}}" for number in range(100_000, 150_000)]
    assert complaints("ComponentType", component_type({"template": data("x") | {"b": many}})) == [
        ("spec", "Forbidden: expressions must not have more than 200000 characters in all")
    ]


def test_keys_and_bare_expressions_are_counted() -> None:
    long = "a" * (bounds.LONGEST_EXPRESSIONS + 1)
    for value in ({"${" + long + "}": 1}, {"where": long}, {"expression": long}, ["${${" + long]):
        assert bounds.problem(value, "spec") is not None


def test_problems_beyond_the_first_are_not_looked_for() -> None:
    asked = []

    def endless() -> Any:
        while True:
            asked.append(1)
            yield fielderrors.required("a")

    assert len(bounds.limited(endless())) == bounds.MOST_PROBLEMS == len(asked)


def test_long_problems_end_the_search_sooner() -> None:
    long = (fielderrors.required("a", "x" * 200_000) for _ in range(50))
    assert len(bounds.limited(long)) == 2
