from __future__ import annotations

from typing import Any

import pytest

from choreo_local.admission import storing
from choreo_local.errors import BadRequestError, ForbiddenError, InvalidError

VERSION = "openchoreo.dev/v1alpha1"


def manifest(kind: str, spec: Any) -> dict[str, Any]:
    return {"apiVersion": VERSION, "kind": kind, "metadata": {"name": "x"}, "spec": spec}


def test_defaults_and_what_webhooks_set_are_filled_in() -> None:
    given = manifest("Project", {"type": {"name": "t"}, "deploymentPipelineRef": {"name": "p"}})

    spec = storing.stored(given)["spec"]

    assert spec["type"] == {"kind": "ProjectType", "name": "t"}
    assert spec["deploymentPipelineRef"] == {"kind": "DeploymentPipeline", "name": "p"}
    assert "kind" not in given["spec"]["type"]


def test_the_schema_is_held_against_an_object() -> None:
    with pytest.raises(InvalidError) as caught:
        storing.stored(manifest("Environment", {"isProduction": "yes"}))

    assert caught.value.causes[0].field == "spec.isProduction"


def test_fields_that_nobody_knows_are_refused() -> None:
    with pytest.raises(BadRequestError, match=r'strict decoding error: unknown field "spec.x"'):
        storing.stored(manifest("Environment", {"isProduction": True, "x": 1}))


def test_webhooks_are_asked() -> None:
    trait = {"name": "t", "instanceName": "same"}
    spec = {
        "owner": {"projectName": "p"},
        "componentType": {"name": "deployment/service"},
        "traits": [trait, {**trait, "name": "u"}],
    }

    with pytest.raises(InvalidError, match=r'webhook "vcomponent-v1alpha1.kb.io" denied'):
        storing.stored(manifest("Component", spec))


def test_what_cannot_be_completed_is_refused() -> None:
    template = {"apiVersion": "v1", "kind": "Workflow", "metadata": {"name": "x"}, "spec": 1}

    with pytest.raises(ForbiddenError, match=r'webhook "mworkflow-v1alpha1.kb.io" denied'):
        storing.stored(manifest("Workflow", {"runTemplate": template}))


@pytest.mark.parametrize(
    "strange", [{"apiVersion": "v1", "kind": "Pod"}, {"apiVersion": VERSION, "kind": "Pod"}]
)
def test_only_our_kinds_can_be_stored(strange: dict[str, Any]) -> None:
    with pytest.raises(BadRequestError, match="no matches for kind"):
        storing.stored({**strange, "metadata": {"name": "x"}})
