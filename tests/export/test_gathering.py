"""What is read of an instance."""

from __future__ import annotations

import asyncio
from typing import Any

from choreo_local.allinone import bundles
from choreo_local.api import registry
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.errors import NotFoundError
from choreo_local.export import gathering
from choreo_local.export.state import State
from choreo_local.kubeclient.interfaces import ObjectList


class _Cluster:
    """Holds projects, one of them going, and knows no gateways."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def list(self, kind: ResourceKind, namespace: str | None = None) -> ObjectList:
        assert namespace is None
        self.asked.append(kind.kind)
        if kind.kind == "Gateway":
            raise NotFoundError("the server could not find the requested resource")
        if kind != registry.PROJECT:
            return ObjectList([], "7")
        going: dict[str, Any] = {"name": "going", "namespace": "a", "deletionTimestamp": "now"}
        items = [{"kind": "Project", "metadata": {"name": "p", "namespace": "a"}}]
        return ObjectList([*items, {"kind": "Project", "metadata": going}], "7")


def _gathered(cluster: _Cluster) -> State:
    found = gathering.gather(
        cluster,
        defaults=bundles.load("authz").manifests({}),
        ports={"gateway": 1},
        folders=["/x"],
        settings=["directory.yaml"],
    )
    return asyncio.run(found)


def test_every_kind_is_read_and_what_is_going_is_gone() -> None:
    cluster = _Cluster()
    state = _gathered(cluster)
    assert set(registry.KINDS) < set(cluster.asked)
    assert [each["metadata"]["name"] for each in state.objects] == ["p"]
    assert (state.ports, state.folders) == ({"gateway": 1}, ["/x"])
    assert state.settings == ["directory.yaml"]


def test_defaults_are_as_a_kubernetes_api_would_store_them() -> None:
    state = _gathered(_Cluster())
    bindings = [each for each in state.defaults if each["kind"] == "ClusterAuthzRoleBinding"]
    assert bindings
    assert all(each["spec"]["effect"] == "allow" for each in bindings)
