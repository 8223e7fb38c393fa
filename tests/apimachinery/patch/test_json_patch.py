"""JSON Patch, with the answers of kube-apiserver."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from choreo_local.apimachinery.patch import json_patch
from choreo_local.errors import BadRequestError, InvalidError, TooLargeError

DOCUMENT: dict[str, Any] = {
    "data": {"a": "1", "x/y": "2", "p~q": "3"},
    "list": ["a", "b", "c"],
    "deep": {"items": [{"n": 1}]},
}


@pytest.mark.parametrize(
    ("operation", "path", "expected"),
    [
        ({"op": "add", "path": "/data/b", "value": 2}, ("data", "b"), 2),
        ({"op": "add", "path": "/data/a", "value": "new"}, ("data", "a"), "new"),
        ({"op": "add", "path": "/data/c"}, ("data", "c"), None),
        ({"op": "add", "path": "/list/0", "value": "z"}, ("list",), ["z", "a", "b", "c"]),
        ({"op": "add", "path": "/list/3", "value": "z"}, ("list",), ["a", "b", "c", "z"]),
        ({"op": "add", "path": "/list/-", "value": "z"}, ("list",), ["a", "b", "c", "z"]),
        ({"op": "add", "path": "/list/-1", "value": "z"}, ("list",), ["a", "b", "c", "z"]),
        ({"op": "add", "path": "/list/-2", "value": "z"}, ("list",), ["a", "b", "z", "c"]),
        ({"op": "remove", "path": "/list/1"}, ("list",), ["a", "c"]),
        ({"op": "remove", "path": "/list/-1"}, ("list",), ["a", "b"]),
        ({"op": "remove", "path": "/data/x~1y"}, ("data",), {"a": "1", "p~q": "3"}),
        ({"op": "replace", "path": "/data/p~0q", "value": 0}, ("data", "p~q"), 0),
        ({"op": "replace", "path": "/list/0", "value": 0}, ("list",), [0, "b", "c"]),
        ({"op": "replace", "path": "/data/missing", "value": 1}, ("data", "missing"), 1),
        ({"op": "replace", "path": "/deep/items/0/n", "value": 9}, ("deep", "items"), [{"n": 9}]),
        ({"op": "move", "from": "/data/a", "path": "/moved"}, ("moved",), "1"),
        ({"op": "copy", "from": "/list", "path": "/copied"}, ("copied",), ["a", "b", "c"]),
        ({"op": "test", "path": "/data/a", "value": "1"}, ("data", "a"), "1"),
        ({"op": "test", "path": "/data/missing", "value": None}, ("data", "a"), "1"),
        ({"op": "test", "path": "/deep", "value": {"items": [{"n": 1.0}]}}, ("data", "a"), "1"),
    ],
)
def test_each_operation_does_what_the_rfc_says(
    operation: dict[str, Any], path: tuple[str, ...], expected: Any
) -> None:
    found = json_patch.apply(DOCUMENT, [operation])
    for step in path:
        found = found[step]

    assert found == expected


def test_the_whole_document_can_be_replaced() -> None:
    assert json_patch.apply(DOCUMENT, [{"op": "replace", "path": "", "value": {"a": 1}}]) == {
        "a": 1
    }


def test_operations_see_what_earlier_ones_did_and_the_input_stays() -> None:
    before = {"a": [1]}

    after = json_patch.apply(
        before,
        [
            {"op": "add", "path": "/a/-", "value": 2},
            {"op": "test", "path": "/a", "value": [1, 2]},
            {"op": "copy", "from": "/a", "path": "/b"},
            {"op": "remove", "path": "/a/0"},
        ],
    )

    assert (before, after) == ({"a": [1]}, {"a": [2], "b": [1, 2]})


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "add", "path": "/missing/x", "value": 1},
        {"op": "add", "path": "/list/9", "value": 1},
        {"op": "add", "path": "/list/x", "value": 1},
        {"op": "add", "path": "/data/a/x", "value": 1},
        {"op": "add", "value": 1},
        {"op": "add", "path": "data", "value": 1},
        {"op": "remove", "path": "/data/missing"},
        {"op": "remove", "path": "/list/3"},
        {"op": "replace", "path": "/list/-", "value": 1},
        {"op": "move", "from": "/data/missing", "path": "/x"},
        {"op": "copy", "path": "/x"},
        {"op": "test", "path": "/data/a", "value": "2"},
        {"op": "test", "path": "/data/missing", "value": "2"},
        {"op": "test", "path": "/list", "value": ["a", "b"]},
        {"op": "explode", "path": "/data"},
        {"path": "/data"},
    ],
)
def test_what_cannot_be_done_is_refused_without_detail(operation: dict[str, Any]) -> None:
    with pytest.raises(InvalidError) as failure:
        json_patch.apply(DOCUMENT, [operation])

    assert failure.value.message == (
        "the server rejected our request due to an error in our request"
    )


@pytest.mark.parametrize(
    ("operations", "problem"),
    [
        ({"op": "add"}, "json: cannot unmarshal object into Go value of type"),
        ("x", "json: cannot unmarshal string into Go value of type"),
        (1, "json: cannot unmarshal number into Go value of type"),
        (True, "json: cannot unmarshal bool into Go value of type"),
        (None, "json: cannot unmarshal null into Go value of type"),
    ],
)
def test_a_body_that_is_no_list_is_a_bad_request(operations: Any, problem: str) -> None:
    with pytest.raises(BadRequestError) as failure:
        json_patch.apply({}, operations)

    assert failure.value.message == f"error decoding patch: {problem} []handlers.jsonPatchOp"


def test_an_operation_that_is_no_object_is_a_bad_request() -> None:
    with pytest.raises(BadRequestError, match="cannot unmarshal array into Go value"):
        json_patch.apply({}, [[]])


def test_too_many_operations_are_refused() -> None:
    operation = {"op": "add", "path": "/a", "value": 1}

    with pytest.raises(TooLargeError, match="JSON patch is 10000, got 10001"):
        json_patch.apply({}, [operation] * 10_001)


def test_copies_that_double_the_document_are_stopped() -> None:
    doubling = [{"op": "copy", "from": "", "path": f"/copy{index}"} for index in range(40)]

    with pytest.raises(InvalidError):
        json_patch.apply({"text": "x" * 1000, "list": [1, "a"]}, doubling)


SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3)
DOCUMENTS = st.dictionaries(st.text(max_size=3), SCALARS | st.lists(SCALARS, max_size=3))


def pointer(name: str) -> str:
    return "/" + name.replace("~", "~0").replace("/", "~1")


@settings(max_examples=100, deadline=None)
@given(DOCUMENTS, st.text(max_size=4), SCALARS)
def test_what_was_added_can_be_tested_and_removed(
    document: dict[str, Any], name: str, value: Any
) -> None:
    path = pointer(name)
    added = json_patch.apply(document, [{"op": "add", "path": path, "value": value}])

    assert json_patch.apply(added, [{"op": "test", "path": path, "value": value}]) == added
    removed = json_patch.apply(added, [{"op": "remove", "path": path}])
    assert removed == {key: item for key, item in document.items() if key != name}
