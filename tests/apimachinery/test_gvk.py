"""Names of types."""

from __future__ import annotations

import pytest

from choreo_local.apimachinery import gvk
from choreo_local.apimachinery.gvk import GroupVersionKind, ResourceKind


@pytest.mark.parametrize(("text", "parts"), [("apps/v1", ("apps", "v1")), ("v1", ("", "v1"))])
def test_an_api_version_splits_and_joins(text: str, parts: tuple[str, str]) -> None:
    assert gvk.split_api_version(text) == parts
    assert gvk.join_api_version(*parts) == text


def test_a_kind_prints_as_the_server_prints_it() -> None:
    kind = GroupVersionKind("apps", "v1", "Deployment")

    assert (kind.api_version, str(kind)) == ("apps/v1", "apps/v1, Kind=Deployment")


def test_a_resource_knows_its_paths() -> None:
    deployments = ResourceKind("apps", "v1", "Deployment", "deployments")
    nodes = ResourceKind("", "v1", "Node", "nodes", namespaced=False)

    assert deployments.gvk == GroupVersionKind("apps", "v1", "Deployment")
    assert (deployments.api_version, deployments.group_resource) == ("apps/v1", "deployments.apps")
    assert (nodes.group_resource, nodes.root) == ("nodes", "/api/v1")
    assert deployments.path("shop", "web", "status") == (
        "/apis/apps/v1/namespaces/shop/deployments/web/status"
    )
    assert deployments.path() == "/apis/apps/v1/deployments"
    assert nodes.path("ignored", "n") == "/api/v1/nodes/n"
