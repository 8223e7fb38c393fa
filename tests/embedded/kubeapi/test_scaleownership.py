"""Owners of replicas, seen from the object and from its Scale."""

from __future__ import annotations

from typing import Any

from choreo_local.embedded.kubeapi import scaleownership

PATH = ".spec.replicas"
SCALED: dict[str, Any] = {"f:spec": {"f:replicas": {}}}


def entry(manager: str, fields: dict[str, Any], **more: str) -> dict[str, Any]:
    return {
        "manager": manager,
        "operation": "Update",
        "apiVersion": "apps/v1",
        "fieldsV1": fields,
        **more,
    }


def test_only_owners_of_the_replicas_own_something_of_a_scale() -> None:
    owner = entry("a", {"f:spec": {"f:replicas": {}, "f:paused": {}}})
    other = entry("b", {"f:spec": {"f:paused": {}}})

    (found,) = scaleownership.of_scale([owner, other], PATH)

    assert found == {**owner, "apiVersion": "autoscaling/v1", "fieldsV1": SCALED}


def test_who_lost_the_replicas_keeps_the_rest() -> None:
    before = [entry("a", {"f:spec": {"f:replicas": {}, "f:paused": {}}}), entry("b", SCALED)]
    taken = entry("s", SCALED, operation="Apply", subresource="scale")

    found = scaleownership.of_object(before, [taken], PATH, api_version="apps/v1")

    assert found == [entry("a", {"f:spec": {"f:paused": {}}}), taken]


def test_who_still_owns_the_replicas_of_the_scale_owns_those_of_the_object() -> None:
    before = [entry("a", {"f:spec": {"f:size": {}}})]
    (scale,) = scaleownership.of_scale(before, ".spec.size")

    found = scaleownership.of_object(before, [scale], ".spec.size", api_version="apps/v1")

    assert found == before
