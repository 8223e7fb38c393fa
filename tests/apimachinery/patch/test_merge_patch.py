"""JSON Merge Patch."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from choreo_local.apimachinery.patch import merge_patch
from choreo_local.errors import BadRequestError


@pytest.mark.parametrize(
    ("document", "patch", "expected"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
        ({"a": "x"}, {"a": {"b": 1}}, {"a": {"b": 1}}),
        ({"a": 1}, {}, {"a": 1}),
    ],
)
def test_the_examples_of_the_rfc_hold(
    document: dict[str, Any], patch: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert merge_patch.apply(document, patch) == expected


@pytest.mark.parametrize(
    ("patch", "kind"), [([1], "array"), ("x", "string"), (None, "null"), (1.5, "number")]
)
def test_a_patch_that_is_no_object_is_a_bad_request(patch: Any, kind: str) -> None:
    with pytest.raises(BadRequestError) as failure:
        merge_patch.apply({}, patch)

    assert failure.value.message == (
        f"error decoding patch: json: cannot unmarshal {kind} into Go value of type "
        "map[string]interface {}"
    )


def test_the_result_shares_nothing_with_its_inputs() -> None:
    document: dict[str, Any] = {"kept": {"list": [1]}, "merged": {"a": [1]}}
    patch: dict[str, Any] = {"merged": {"b": [2]}, "new": {"c": [3]}}

    result = merge_patch.apply(document, patch)
    result["kept"]["list"].append(9)
    result["merged"]["a"].append(9)
    result["merged"]["b"].append(9)
    result["new"]["c"].append(9)

    assert document == {"kept": {"list": [1]}, "merged": {"a": [1]}}
    assert patch == {"merged": {"b": [2]}, "new": {"c": [3]}}


NAMES = st.sampled_from("abc")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=3)


@settings(max_examples=200, deadline=None)
@given(OBJECTS, OBJECTS)
def test_a_patch_applied_twice_changes_nothing_more(
    document: dict[str, Any], patch: dict[str, Any]
) -> None:
    once = merge_patch.apply(document, patch)

    assert merge_patch.apply(once, patch) == once


@settings(max_examples=200, deadline=None)
@given(OBJECTS, OBJECTS)
def test_no_null_of_a_patch_survives(document: dict[str, Any], patch: dict[str, Any]) -> None:
    merged = merge_patch.apply({}, patch)

    assert not any(value is None for value in merged.values())
    assert merge_patch.apply(document, {}) == document
