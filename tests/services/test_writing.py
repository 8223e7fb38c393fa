"""What becomes of the body of a create or an update."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.errors import BadRequestError
from choreo_local.services import kinds, writing
from choreo_local.services.kinds import BY_KIND


def _body(name: str = "x", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": spec}


def test_only_what_a_body_may_say_is_taken() -> None:
    body = _body(deploymentPipelineRef={"name": "slow"})
    body["metadata"] |= {"uid": "mine", "finalizers": ["x"], "namespace": "other"}
    body |= {"status": {"phase": "done"}, "apiVersion": "v9", "kind": "Other"}
    found = writing.new(BY_KIND["Project"], body, namespace="acme")
    assert found["metadata"] == {"name": "x", "namespace": "acme"}
    assert (found["apiVersion"], found["kind"]) == ("openchoreo.dev/v1alpha1", "Project")
    assert "status" not in found


def test_an_environment_lies_on_the_default_plane() -> None:
    found = writing.new(BY_KIND["Environment"], _body(), namespace="acme")
    assert found["spec"]["dataPlaneRef"] == {"kind": "DataPlane", "name": "default"}
    named = _body(dataPlaneRef={"kind": "ClusterDataPlane", "name": "shared"})
    found = writing.new(BY_KIND["Environment"], named, namespace="acme")
    assert found["spec"]["dataPlaneRef"]["name"] == "shared"


@pytest.mark.parametrize(
    ("kind", "owner", "forced"),
    [
        ("Workload", {"projectName": "p", "componentName": "c"}, ["project", "component"]),
        ("ResourceRelease", {"projectName": "p", "resourceName": "r"}, ["project", "resource"]),
        ("ProjectRelease", {"projectName": "p"}, []),
        ("Workload", "nonsense", []),
        ("Workload", {"projectName": 5}, []),
    ],
)
def test_owners_are_repeated_in_labels(kind: str, owner: Any, forced: list[str]) -> None:
    found = writing.new(BY_KIND[kind], _body(owner=owner), namespace="acme")
    given = found["metadata"].get("labels") or {}
    assert sorted(given) == sorted(f"openchoreo.dev/{name}" for name in forced)


def test_a_namespace_takes_two_texts_and_nothing_else() -> None:
    current = {"metadata": {"name": "acme", "labels": {"a": "1"}, "annotations": {"x": "y"}}}
    texts = {"openchoreo.dev/display-name": "Acme", "other": "1"}
    body = {"metadata": {"annotations": texts, "labels": {"b": "2"}}}
    found = writing.updated(BY_KIND["Namespace"], current, body)
    assert found["metadata"]["labels"] == {"a": "1"}
    assert found["metadata"]["annotations"] == {"x": "y", "openchoreo.dev/display-name": "Acme"}


def test_an_update_keeps_what_belongs_to_the_cluster() -> None:
    current = {
        "metadata": {
            "name": "x",
            "resourceVersion": "7",
            "finalizers": ["f"],
            "labels": {"old": "1"},
        },
        "spec": {"old": 1},
        "status": {"conditions": []},
    }
    found = writing.updated(BY_KIND["Trait"], current, _body("y", new=1))
    assert found == {
        "metadata": {"name": "x", "resourceVersion": "7", "finalizers": ["f"]},
        "spec": {"new": 1},
    }


def test_an_alert_channel_stays_in_its_environment() -> None:
    kind = BY_KIND["ObservabilityAlertsNotificationChannel"]
    current = _body(environment="staging")
    with pytest.raises(BadRequestError, match=r"spec\.environment is immutable"):
        writing.updated(kind, current, _body(environment="production"))


def test_every_kind_of_the_table_has_its_words() -> None:
    assert len(kinds.BY_KIND) == 36
    assert len(kinds.BY_PLURAL) == 36
    for kind in kinds.BY_KIND.values():
        assert kind.parameter
        assert kind.label
        assert kind.conflict
