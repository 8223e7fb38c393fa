from __future__ import annotations

from typing import Any

import pytest

from choreo_local.services import typedspecs


@pytest.mark.parametrize(
    ("kind", "stored", "shown"),
    [
        ("Component", {"autoDeploy": False, "owner": {}}, {"owner": {}}),
        ("Component", {"autoDeploy": True}, {"autoDeploy": True}),
        ("DeploymentPipeline", {"promotionPaths": []}, {}),
        ("DataPlane", {"planeID": "a"}, {"planeID": "a", "gateway": {}}),
        ("Environment", {"gateway": {"ingress": {}}}, {"gateway": {"ingress": {}}}),
        ("SecretReference", {"refreshInterval": "90m"}, {"refreshInterval": "1h30m0s"}),
        (
            "AuthzRoleBinding",
            {"roleMappings": [{"roleRef": {}}, {"scope": {"project": "p"}}]},
            {"roleMappings": [{"roleRef": {}, "scope": {}}, {"scope": {"project": "p"}}]},
        ),
        ("Project", {"autoDeploy": False}, {"autoDeploy": False}),
    ],
)
def test_a_spec_is_shown_as_typed_clients_write_it(
    kind: str, stored: dict[str, Any], shown: dict[str, Any]
) -> None:
    before = repr(stored)

    assert typedspecs.shown(kind, stored) == shown
    assert repr(stored) == before


@pytest.mark.parametrize(
    ("given", "written"),
    [("1h", "1h0m0s"), ("30s", "30s"), ("120s", "2m0s"), ("25h1s", "25h0m1s"), ("0s", "0s")],
)
def test_durations_have_one_form(given: str, written: str) -> None:
    assert typedspecs.duration(given) == written


@pytest.mark.parametrize("text", ["", "soon", "1.5h", "1h and more", "h"])
def test_what_is_no_plain_duration_stays(text: str) -> None:
    assert typedspecs.duration(text) == text
