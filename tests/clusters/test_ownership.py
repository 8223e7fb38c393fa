"""What is ours on a shared cluster, and what is not."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.clusters import ownership
from choreo_local.clusters.ownership import Action
from choreo_local.errors import RefusedError

OURS = "our-instance"


def obj(kind: str, name: str = "x", **labels: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "labels": labels}}


def definition(group: str, **labels: str) -> dict[str, Any]:
    return {**obj("CustomResourceDefinition", **labels), "spec": {"group": group}}


def test_what_is_not_there_is_created() -> None:
    step = ownership.decide(obj("ClusterRole"), None, OURS)
    assert str(step) == "create ClusterRole x (cluster-wide)"


def test_what_we_made_is_kept_up_to_date() -> None:
    found = ownership.owned(obj("ClusterRole"), OURS)
    assert ownership.decide(obj("ClusterRole"), found, OURS).action is Action.UPDATE


@pytest.mark.parametrize("kind", ["ClusterRole", "Secret", "Namespace", "GatewayClass"])
def test_what_others_made_is_left_alone(kind: str) -> None:
    step = ownership.decide(obj(kind), obj(kind, team="a"), OURS)
    assert step.action is Action.LEAVE
    assert step.reason


def test_definitions_of_others_are_used_as_they_are() -> None:
    wanted = definition("gateway.networking.k8s.io")
    assert ownership.decide(wanted, wanted, OURS).action is Action.LEAVE


def test_labels_are_added_to_a_namespace_that_lacks_them_once() -> None:
    wanted = obj("Namespace", "default", purpose="tenant")
    found = obj("Namespace", "default", team="a")
    assert ownership.decide(wanted, found, OURS).action is Action.EXTEND
    both = obj("Namespace", "default", team="a", purpose="tenant")
    assert ownership.decide(wanted, both, OURS).action is Action.LEAVE


def test_a_label_of_others_keeps_its_value() -> None:
    wanted = obj("Namespace", "default", purpose="tenant", tier="one")
    found = obj("Namespace", "default", purpose="mine")
    step = ownership.decide(wanted, found, OURS)
    assert step.action is Action.EXTEND
    assert step.manifest["metadata"]["labels"] == {"tier": "one"}
    both = obj("Namespace", "default", purpose="mine", tier="two")
    assert ownership.decide(wanted, both, OURS).action is Action.LEAVE


def test_a_label_that_we_added_stays_ours() -> None:
    wanted = obj("Namespace", "default", old="new value", new="1")
    found = obj("Namespace", "default", old="1")
    found["metadata"]["managedFields"] = [
        {"manager": "somebody", "fieldsV1": {"f:metadata": {"f:labels": {"f:new": {}}}}},
        {"manager": "choreo-extensions", "fieldsV1": {"f:metadata": {"f:labels": {"f:old": {}}}}},
    ]
    step = ownership.decide(wanted, found, OURS)
    assert step.manifest["metadata"]["labels"] == {"old": "new value", "new": "1"}


def test_two_instances_do_not_share_a_cluster() -> None:
    found = ownership.owned(obj("ClusterRole"), "another")
    with pytest.raises(RefusedError, match="another instance of choreo") as refused:
        ownership.decide(obj("ClusterRole"), found, OURS)
    assert "label" in refused.value.remedy


def test_an_openchoreo_of_others_is_not_taken_over() -> None:
    wanted = definition("openchoreo.dev")
    with pytest.raises(RefusedError, match="an OpenChoreo that choreo did not install"):
        ownership.decide(wanted, wanted, OURS)


def test_marking_an_object_keeps_its_labels_and_the_original() -> None:
    original = obj("ClusterRole", purpose="x")
    marked = ownership.owned(original, OURS)
    assert marked["metadata"]["labels"] == {"purpose": "x", ownership.LABEL: OURS}
    assert ownership.LABEL not in original["metadata"]["labels"]
