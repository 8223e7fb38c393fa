"""Values between JSON and CEL."""

from __future__ import annotations

import math
from typing import Any

import pytest

from choreo_local.rendering import values
from choreo_local.rendering.errors import RenderError


def test_json_numbers_become_doubles_and_nothing_else_changes() -> None:
    found = values.as_context({"port": 8080, "on": True, "name": "a", "list": [1, 0.5, None]})

    assert found == {"port": 8080.0, "on": True, "name": "a", "list": [1.0, 0.5, None]}
    assert type(found["port"]) is float
    assert found["on"] is True


def test_only_containers_that_hold_a_null_are_marked() -> None:
    found = values.as_context({"plain": {"a": 1}, "holed": {"a": None}, "list": [None]})

    assert type(found) is dict
    assert type(found["plain"]) is dict
    assert type(found["holed"]) is values.JsonObject
    assert type(found["list"]) is values.JsonArray


def test_the_input_is_not_changed_and_not_shared() -> None:
    given: dict[str, Any] = {"a": {"b": [1]}}

    values.as_context(given)["a"]["b"].append(2)

    assert given == {"a": {"b": [1]}}


def test_too_deep_values_are_refused() -> None:
    deep: Any = 1
    for _ in range(values.MAX_DEPTH + 2):
        deep = [deep]

    with pytest.raises(RenderError, match="nested deeper than 64 levels"):
        values.as_context(deep)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (8080.0, 8080),
        (0.5, 0.5),
        (-3.0, -3),
        (1e20, 10**20),
        (1e21, 1e21),
        (7, 7),
        (True, True),
        (None, None),
        (values.NULL, 0),
        (values.OMIT, {}),
        (b"hi", "aGk="),
        ([1.0, {"a": 2.0}], [1, {"a": 2}]),
    ],
)
def test_manifest_holds_plain_json(value: Any, expected: Any) -> None:
    found = values.as_manifest(value)

    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("number", "shown"), [(math.inf, "+Inf"), (-math.inf, "-Inf"), (math.nan, "NaN")]
)
def test_numbers_without_a_json_form_are_refused(number: float, shown: str) -> None:
    with pytest.raises(RenderError) as failure:
        values.as_manifest({"a": [number]})

    assert failure.value.message == f"json: unsupported value: {shown}"


def test_omitted_entries_and_elements_vanish_at_every_depth() -> None:
    value = {"a": values.OMIT, "b": [1, values.OMIT, {"c": values.OMIT}]}

    assert values.without_omitted(value) == {"b": [1, {}]}
