"""Results of expressions as values of the rendered tree."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.cel.values import NONE, BoolKey, Duration, Optional, Timestamp, TypeValue
from choreo_local.rendering import results, values
from choreo_local.rendering.errors import RenderError


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Optional(1), 1),
        (NONE, None),
        ([Optional("a"), NONE], ["a", None]),
        ({BoolKey.TRUE: 1, 1.5: 2, 7: 3, "a": 4}, {"true": 1, "1.5": 2, "7": 3, "a": 4}),
        (Duration(90 * 10**9), 90 * 10**9),
        (Timestamp(0), "1970-01-01T00:00:00Z"),
        (TypeValue("string"), "string"),
        (TypeValue("omit"), values.OMIT),
        ([values.OMIT, {"a": values.OMIT}], [{}]),
    ],
)
def test_value_becomes_plain_data(value: Any, expected: Any) -> None:
    assert results.native(value) == expected


def test_null_is_told_apart_by_where_it_came_from() -> None:
    assert type(results.native(None)) is values.NullValue
    assert type(results.native([None])[0]) is values.NullValue
    assert results.native(values.JsonArray([None])) == [None]
    assert results.native({"a": values.JsonObject(b=None)})["a"]["b"] is None


def test_too_deep_results_are_refused() -> None:
    deep: Any = []
    for _ in range(values.MAX_DEPTH + 2):
        deep = [deep]

    with pytest.raises(RenderError, match="nested deeper"):
        results.native(deep)
