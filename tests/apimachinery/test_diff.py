"""Semantic differences."""

from __future__ import annotations

from choreo_local.apimachinery import diff
from choreo_local.apimachinery.diff import Difference, Operation


def test_added_changed_and_removed_fields_are_told_apart() -> None:
    old = {"spec": {"a": 1, "b": 2, "l": [1, 2, 3]}}
    new = {"spec": {"a": 1, "b": 3, "c": 4, "l": [1, 9]}}

    assert diff.compare(old, new) == [
        Difference("spec.b", Operation.CHANGED, 2, 3),
        Difference("spec.l[1]", Operation.CHANGED, 2, 9),
        Difference("spec.l[2]", Operation.REMOVED, 3, None),
        Difference("spec.c", Operation.ADDED, None, 4),
    ]


def test_what_the_server_writes_is_no_difference() -> None:
    old = {"metadata": {"resourceVersion": "1", "name": "a"}}
    new = {"metadata": {"resourceVersion": "2", "name": "a", "generation": 1}}

    assert diff.is_equal(old, new)
    assert not diff.is_equal(old, new, ignore=frozenset())


def test_null_and_absent_are_the_same() -> None:
    assert diff.is_equal({"spec": {"a": None}}, {"spec": {}})
    assert diff.is_equal({}, {"spec": None})


def test_true_is_not_one() -> None:
    assert diff.compare({"a": 1}, {"a": True}) == [Difference("a", Operation.CHANGED, 1, True)]
    assert diff.is_equal({"a": True}, {"a": True})


def test_equal_values_in_different_objects_are_no_difference() -> None:
    assert diff.is_equal({"a": [1.5, "x"]}, {"a": [float("1.5"), "x"]})
