"""Patch operations on manifests."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.rendering import patches
from choreo_local.rendering.errors import PatchError
from choreo_local.rendering.patches import Operation


def manifest() -> dict[str, Any]:
    return {
        "metadata": {"name": "web", "labels": {"a": "1"}, "annotations": None},
        "spec": {"containers": [{"name": "app"}, {"name": "side"}, {"name": "log"}]},
    }


def applied(*operations: Operation) -> dict[str, Any]:
    document = manifest()
    patches.apply(document, operations)
    return document


def names(document: dict[str, Any]) -> list[str]:
    return [container["name"] for container in document["spec"]["containers"]]


def test_add_makes_missing_parents_and_fills_null_ones() -> None:
    document = applied(
        Operation("add", "/metadata/annotations/x", "1"),
        Operation("add", "/spec/template/volumes/-", {"name": "v"}),
    )

    assert document["metadata"]["annotations"] == {"x": "1"}
    assert document["spec"]["template"] == {"volumes": [{"name": "v"}]}


def test_add_inserts_before_an_index_and_appends_at_the_dash() -> None:
    document = applied(
        Operation("add", "/spec/containers/1", {"name": "second"}),
        Operation("add", "/spec/containers/-", {"name": "last"}),
    )

    assert names(document) == ["app", "second", "side", "log", "last"]


def test_each_target_gets_its_own_copy_of_a_value() -> None:
    document = applied(Operation("add", "/spec/containers[*]/env", []))

    document["spec"]["containers"][0]["env"].append("x")

    assert document["spec"]["containers"][1]["env"] == []


def test_remove_takes_out_every_match_and_only_those() -> None:
    document = manifest()
    document["spec"]["containers"][0]["drop"] = "yes"
    document["spec"]["containers"][1]["drop"] = "yes"

    patches.apply(document, [Operation("remove", "/spec/containers[?(@.drop=='yes')]")])

    assert names(document) == ["log"]


def test_remove_of_a_missing_key_is_fine_but_a_missing_parent_is_not() -> None:
    assert applied(Operation("REMOVE", "/metadata/labels/none")) == manifest()
    with pytest.raises(PatchError, match='does not exist at segment "nope"'):
        applied(Operation("remove", "/nope/x"))


def test_replace_wants_what_it_replaces() -> None:
    assert applied(Operation("replace", "/metadata/name", "api"))["metadata"]["name"] == "api"
    with pytest.raises(PatchError) as failure:
        applied(Operation("replace", "/metadata/nope", 1))
    expected = 'operation #0 failed: replace operation failed: key "nope" does not exist'
    assert failure.value.message == expected


def test_failing_operation_leaves_what_earlier_ones_did() -> None:
    document = manifest()

    with pytest.raises(PatchError, match="operation #1"):
        patches.apply(
            document, [Operation("add", "/metadata/labels/b", "2"), Operation("replace", "/x", 1)]
        )

    assert document["metadata"]["labels"] == {"a": "1", "b": "2"}


def test_shallow_merge_replaces_nested_objects() -> None:
    document = applied(Operation("mergeShallow", "/metadata", {"labels": {"z": "9"}}))

    assert document["metadata"] == {"name": "web", "labels": {"z": "9"}, "annotations": None}


@pytest.mark.parametrize("value", ["text", 1.0, None, []])
def test_shallow_merge_takes_objects_only(value: Any) -> None:
    with pytest.raises(PatchError, match="requires an object value"):
        applied(Operation("mergeShallow", "/metadata", value))


def test_operations_are_read_from_plain_objects() -> None:
    document = manifest()
    replace = {"op": "replace", "path": "/spec/containers/1", "value": {"name": "new"}}

    patches.apply(document, [Operation.from_manifest(replace)])

    assert names(document) == ["app", "new", "log"]


@pytest.mark.parametrize(
    ("operation", "text"),
    [
        (Operation("move", "/x"), 'unsupported patch operation "move" (supported: add, replace, '),
        (Operation("add", "/spec/containers[?(@.name=='no')]/x"), "matched 0 elements"),
        (Operation("add", ""), "cannot apply add operation to root document"),
        (Operation("replace", "/spec/containers/-"), "cannot target append marker '-'"),
        (Operation("remove", "/spec/containers/-"), "cannot target append marker '-'"),
        (Operation("mergeShallow", "/spec/containers/-", {}), "cannot target append position '-'"),
        (Operation("replace", "/metadata/annotations/x"), "parent must be a map"),
        (Operation("add", "/new/-/x"), "expected array index at segment -"),
        (Operation("add", "/metadata/name/x"), 'path segment "x" expects an object, got string'),
        (Operation("remove", "/spec/containers/7"), "array index 7 out of bounds"),
    ],
)
def test_operation_that_does_not_fit_says_why(operation: Operation, text: str) -> None:
    with pytest.raises(PatchError) as failure:
        applied(operation)

    assert text in failure.value.message


def test_lists_of_lists_are_reached() -> None:
    document: dict[str, Any] = {"matrix": [[1.0, 2.0]]}

    patches.apply(
        document, [Operation("replace", "/matrix/0/1", 5), Operation("add", "/matrix/0/-", 6)]
    )

    assert document == {"matrix": [[1.0, 5, 6]]}
