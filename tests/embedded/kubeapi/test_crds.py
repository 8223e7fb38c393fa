"""CustomResourceDefinitions: served, changed, in conflict, taken away."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.embedded.kubeapi.harness import Api

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
GIZMOS = "/apis/example.com/v1/namespaces/default/gizmos"
MERGE = "application/merge-patch+json"


@pytest.fixture
async def api() -> Api:
    return await Api.start()


def definition(plural: str = "gizmos", kind: str = "Gizmo", **names: Any) -> dict[str, Any]:
    spec = {
        "type": "object",
        "properties": {"size": {"type": "integer", "minimum": 1, "default": 3}},
    }
    schema = {"type": "object", "properties": {"spec": spec, "status": {"type": "object"}}}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}},
    }
    return {
        "metadata": {"name": f"{plural}.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": plural, "kind": kind, **names},
            "versions": [version],
        },
    }


async def settle() -> None:
    """Definitions are acted upon in the next turns of the loop."""
    for _ in range(5):
        await asyncio.sleep(0)


async def establish(api: Api, crd: dict[str, Any]) -> dict[str, Any]:
    created = await api.must("POST", CRDS, crd)
    await settle()
    found: dict[str, Any] = await api.must("GET", f"{CRDS}/{created['metadata']['name']}")
    return found


async def test_a_definition_is_established_and_its_objects_are_served(api: Api) -> None:
    crd = await establish(api, definition())

    conditions = {one["type"]: one["status"] for one in crd["status"]["conditions"]}
    assert conditions == {"NamesAccepted": "True", "Established": "True"}
    created = await api.must("POST", GIZMOS, gizmo({"size": 4, "unknown": True}))
    assert created["spec"] == {"size": 4}
    assert created["metadata"]["generation"] == 1


def gizmo(spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "example.com/v1",
        "kind": "Gizmo",
        "metadata": {"name": "g"},
        "spec": spec,
    }


async def test_an_invalid_object_is_refused_with_the_path(api: Api) -> None:
    await establish(api, definition())

    status, body = await api.call("POST", GIZMOS, gizmo({"size": 0}))

    assert status == 422
    assert body["details"]["causes"][0]["field"] == "spec.size"


async def test_status_and_spec_are_written_apart(api: Api) -> None:
    await establish(api, definition())
    await api.must("POST", GIZMOS, gizmo({}))

    patch = {"spec": {"size": 9}, "status": {"ready": True}}
    await api.must("PATCH", f"{GIZMOS}/g/status", patch, content_type=MERGE)
    found = await api.must("GET", f"{GIZMOS}/g")

    assert found["spec"] == {"size": 3}
    assert found["metadata"]["generation"] == 1


async def test_a_new_default_shows_in_stored_objects(api: Api) -> None:
    crd = await establish(api, definition())
    await api.must("POST", GIZMOS, gizmo({}))
    properties = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    properties["spec"]["properties"]["colour"] = {"type": "string", "default": "red"}

    await api.must("PUT", f"{CRDS}/gizmos.example.com", crd)
    await settle()

    assert (await api.must("GET", f"{GIZMOS}/g"))["spec"] == {"size": 3, "colour": "red"}


async def test_a_taken_name_waits_until_it_is_free(api: Api) -> None:
    await establish(api, definition(shortNames=["gz"]))
    other = await establish(api, definition("widgets", "Widget", shortNames=["gz"]))
    first = next(one for one in other["status"]["conditions"] if one["type"] == "NamesAccepted")
    assert (first["status"], first["reason"]) == ("False", "ShortNamesConflict")

    await api.must("DELETE", f"{CRDS}/gizmos.example.com")
    await settle()

    found = await api.must("GET", f"{CRDS}/widgets.example.com")
    assert {one["type"]: one["status"] for one in found["status"]["conditions"]} == {
        "NamesAccepted": "True",
        "Established": "True",
    }


async def test_deleting_a_definition_deletes_its_objects(api: Api) -> None:
    await establish(api, definition())
    held = gizmo({})
    held["metadata"]["finalizers"] = ["example.com/hold"]
    await api.must("POST", GIZMOS, held)

    await api.must("DELETE", f"{CRDS}/gizmos.example.com")
    await settle()
    status, body = await api.call("POST", GIZMOS, gizmo({}))
    assert status == 403
    assert "custom resource definition is terminating" in body["message"]
    patch = {"metadata": {"finalizers": None}}
    await api.must("PATCH", f"{GIZMOS}/g", patch, content_type=MERGE)
    await settle()

    assert (await api.call("GET", f"{CRDS}/gizmos.example.com"))[0] == 404
    assert await api.call("GET", GIZMOS) == (404, "404 page not found\n")


async def test_a_schema_that_is_not_structural_is_refused(api: Api) -> None:
    crd = definition()
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"] = {}

    status, body = await api.call("POST", CRDS, crd)

    assert status == 422
    assert "openAPIV3Schema.properties[spec].type" in body["message"]
