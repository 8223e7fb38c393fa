"""Which clusters are fit, and what is said of them."""

from __future__ import annotations

import pytest

from choreo_local.clusters import inventory
from choreo_local.clusters.inventory import Inventory
from choreo_local.errors import PreflightError


@pytest.mark.parametrize(
    "version", ["v1.30.0", "v1.36.3", "v2.0.1", "v1.33.4+k3s1", "v1.32.0-eks-1"]
)
def test_a_cluster_of_today_is_fit(version: str) -> None:
    inventory.check(Inventory(version=version, nodes=1))


@pytest.mark.parametrize("version", ["v1.29.9", "v0.9", "unknown", ""])
def test_an_old_or_strange_cluster_is_refused(version: str) -> None:
    with pytest.raises(PreflightError, match=r"1\.30 or newer"):
        inventory.check(Inventory(version=version, nodes=1))


def test_what_a_person_may_not_do_is_named() -> None:
    found = Inventory(version="v1.36.0", nodes=1, denied=["patch namespaces", "bind clusterroles"])
    with pytest.raises(PreflightError, match="patch namespaces, bind clusterroles") as refused:
        inventory.check(found)
    assert "--context" in refused.value.remedy


def test_what_a_cluster_lacks_is_a_capability_with_a_reason() -> None:
    bare = {one.name: one for one in inventory.capabilities(Inventory("v1.36.0", nodes=0))}
    assert (bare["pods"].available, bare["pods"].reason) == (False, "no node is ready")
    assert (bare["volumes"].available, bare["volumes"].reason) == (
        False,
        "no default storage class",
    )
    whole = Inventory("v1.36.0", nodes=3, storage="fast", parts={"cert-manager": "v1.18"})
    full = {one.name: one for one in inventory.capabilities(whole)}
    assert full["pods"].available
    assert full["volumes"].reason == "storage class fast"
    assert any("cert-manager (v1.18)" in line for line in inventory.lines(whole))
