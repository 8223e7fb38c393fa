"""What a person calls a kind of OpenChoreo."""

from __future__ import annotations

import pytest

from choreo_local.cli import kinds


@pytest.mark.parametrize("name", ["component", "components", "Component", "comp"])
def test_kinds_of_openchoreo_are_read_through_its_api(name: str) -> None:
    found = kinds.of_api(name)
    assert found is not None
    assert found.kind == "Component"


@pytest.mark.parametrize("name", ["pods", "renderedreleases", "nonsense", ""])
def test_the_rest_is_the_kube_apis(name: str) -> None:
    assert kinds.of_api(name) is None


def test_namespaces_are_openchoreos_too() -> None:
    for name in ("ns", "namespace", "Namespaces"):
        found = kinds.of_api(name)
        assert found is not None
        assert found.resource.path(None) == "/api/v1/namespaces"


@pytest.mark.parametrize(
    ("api_version", "kind", "is_ours"),
    [
        ("openchoreo.dev/v1alpha1", "Component", True),
        ("v1", "Namespace", True),
        ("other.dev/v1", "Component", False),
        ("openchoreo.dev/v1alpha1", "RenderedRelease", False),
        ("apps/v1", "Deployment", False),
        ("v1", "Secret", False),
    ],
)
def test_manifests_go_where_their_kind_is_served(
    api_version: str, kind: str, *, is_ours: bool
) -> None:
    found = kinds.of_manifest({"apiVersion": api_version, "kind": kind})
    assert (found is not None) is is_ours
