"""Owner references."""

from __future__ import annotations

from typing import Any

from choreo_local.apimachinery import owners

OWNER = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "uid": "u1", "labels": {"a": "b"}},
}
REFERENCE = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "u1"}


def owned(*references: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"ownerReferences": list(references)}}


def test_a_controller_reference_names_the_owner_and_holds_up_its_deletion() -> None:
    assert owners.reference(OWNER) == REFERENCE
    assert owners.controller_reference(OWNER) == {
        **REFERENCE,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def test_the_controller_of_an_object_is_found_among_its_owners() -> None:
    other = {**REFERENCE, "uid": "u2"}
    obj = owned(other, owners.controller_reference(OWNER))

    found = owners.controller(obj)
    assert found is not None
    assert found["uid"] == "u1"
    assert owners.is_controlled_by(obj, "u1")
    assert not owners.is_controlled_by(obj, "u2")
    assert owners.is_owned_by(obj, "u2")
    assert not owners.is_owned_by(obj, "u3")


def test_an_object_without_owners_has_no_controller() -> None:
    assert owners.controller({"metadata": {}}) is None
    assert owners.controller({}) is None
    assert not owners.is_controlled_by({"metadata": None}, "u1")


def test_a_reference_replaces_an_earlier_one_to_the_same_owner() -> None:
    controller = owners.controller_reference(OWNER)

    assert owners.with_reference([REFERENCE], controller) == [controller]
    assert owners.with_reference([{**REFERENCE, "uid": "u2"}], REFERENCE) == [
        {**REFERENCE, "uid": "u2"},
        REFERENCE,
    ]
    assert owners.without_owner([REFERENCE], "u1") == []
