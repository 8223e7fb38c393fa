"""How patches, removes and rules select manifests."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.rendering import targets
from choreo_local.rendering.controlflow import NotBooleanError
from choreo_local.rendering.targets import RenderedResource
from choreo_local.rendering.template import Scope


def resource(api_version: str, kind: str, plane: str = "dataplane") -> RenderedResource:
    return RenderedResource(
        {"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}}, plane
    )


CORE = resource("v1", "Service")
KNATIVE = resource("serving.knative.dev/v1", "Service")
RULE = resource("openchoreo.dev/v1alpha1", "ObservabilityAlertRule", "observabilityplane")


@pytest.mark.parametrize(
    ("target", "plane", "expected"),
    [
        ({"group": "", "version": "v1", "kind": "Service"}, "dataplane", [CORE, KNATIVE]),
        ({"group": "serving.knative.dev", "kind": "Service"}, "dataplane", [KNATIVE]),
        ({"kind": "Service", "version": "v2"}, "dataplane", []),
        ({}, "dataplane", [CORE, KNATIVE]),
        ({}, "", [CORE, KNATIVE, RULE]),
        ({"kind": "ObservabilityAlertRule"}, "dataplane", []),
    ],
)
def test_what_a_target_leaves_empty_matches_all(
    target: dict[str, Any], plane: str, expected: list[RenderedResource]
) -> None:
    assert targets.matching([CORE, KNATIVE, RULE], target, plane) == expected


def test_where_sees_the_candidate_and_must_be_a_boolean() -> None:
    named = {"where": "${resource.metadata.name == 'x'}"}

    assert targets.is_selected(Scope({}), named, CORE)
    with pytest.raises(NotBooleanError) as failure:
        targets.is_selected(Scope({}), {"where": "${resource.metadata.name}"}, CORE)
    assert failure.value.kind == "string"
