"""The schema of ObjectMeta."""

from __future__ import annotations

from choreo_local.apimachinery.schema.objectmeta import OBJECT_META


def test_lists_of_metadata_merge_as_their_kind_says() -> None:
    owners = OBJECT_META.properties["ownerReferences"]

    assert OBJECT_META.properties["finalizers"].list_type == "set"
    assert (owners.list_type, owners.list_map_keys) == ("map", ("uid",))
    assert owners.items is not None
    assert owners.items.map_type == "atomic"
    assert OBJECT_META.typed
