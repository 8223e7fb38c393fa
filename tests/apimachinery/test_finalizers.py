"""Finalizers."""

from __future__ import annotations

from choreo_local.apimachinery import finalizers


def test_a_finalizer_is_added_once_and_dropped_wholly() -> None:
    assert finalizers.added(["a"], "b") == ["a", "b"]
    assert finalizers.added(["a", "b"], "a") == ["a", "b"]
    assert finalizers.dropped(["a", "b", "a"], "a") == ["b"]


def test_an_object_is_asked_for_its_finalizers() -> None:
    obj = {"metadata": {"finalizers": ["a"]}}

    assert finalizers.of(obj) == ["a"]
    assert finalizers.has(obj, "a")
    assert not finalizers.has({}, "a")


def test_a_deletion_timestamp_means_that_deletion_is_under_way() -> None:
    assert finalizers.is_deleting({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}})
    assert not finalizers.is_deleting({"metadata": {}})
    assert not finalizers.is_deleting({})
