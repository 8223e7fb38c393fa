"""Published OpenAPI documents."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.embedded.kubeapi import builtin, openapi
from choreo_local.embedded.kubeapi.resources import ServedResource

BUILTIN = builtin.resources()
SCHEMA = {
    "type": "object",
    "properties": {
        "spec": {"type": "object", "properties": {"size": {"x-kubernetes-int-or-string": True}}}
    },
}
VERBS = ("create", "delete", "get", "list", "patch", "update", "watch")
WIDGETS = ServedResource(
    ResourceKind("example.com", "v1", "Widget", "widgets", namespaced=True),
    "widget",
    "WidgetList",
    VERBS,
    openapi=SCHEMA,
    custom=True,
)
VERSIONS = sorted({(one.kind.group, one.kind.version) for one in BUILTIN})


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for child in value.values():
            yield from nodes(child)
    elif isinstance(value, list):
        for child in value:
            yield from nodes(child)


def document(group: str, version: str) -> dict[str, Any]:
    found = openapi.document([*BUILTIN, WIDGETS], group, version)
    assert found is not None
    return found


def test_the_index_names_each_document_with_its_hash() -> None:
    paths = openapi.index([*BUILTIN, WIDGETS])["paths"]
    for group, version in [*VERSIONS, ("example.com", "v1")]:
        path = f"apis/{group}/{version}" if group else f"api/{version}"
        hashed = openapi.document_hash([*BUILTIN, WIDGETS], group, version)
        assert paths[path] == {"serverRelativeURL": f"/openapi/v3/{path}?hash={hashed}"}
    assert openapi.document_hash(BUILTIN, "example.com", "v1") is None


def test_hashes_follow_the_schema() -> None:
    other = replace(WIDGETS, openapi={"type": "object"})
    one, two = (openapi.document_hash([kind], "example.com", "v1") for kind in (WIDGETS, other))
    assert one != two
    assert one == openapi.document_hash([*BUILTIN, WIDGETS], "example.com", "v1")


@pytest.mark.parametrize(("group", "version"), VERSIONS)
def test_references_stay_inside_a_document(group: str, version: str) -> None:
    found = document(group, version)
    schemas = found["components"]["schemas"]
    references = {
        node["$ref"] for node in nodes(found) if isinstance(node.get("$ref"), str) and node["$ref"]
    }
    prefix = "#/components/schemas/"
    assert references
    assert {one.removeprefix(prefix) for one in references} <= set(schemas)


def test_kubectl_finds_the_kind_and_field_validation_of_a_patch() -> None:
    path = "/apis/apps/v1/namespaces/{namespace}/deployments/{name}"
    patch = document("apps", "v1")["paths"][path]["patch"]
    wanted = {"group": "apps", "version": "v1", "kind": "Deployment"}
    assert patch["x-kubernetes-group-version-kind"] == wanted
    assert patch["x-kubernetes-action"] == "patch"
    assert "fieldValidation" in {one["name"] for one in patch["parameters"]}
    assert "application/apply-patch+yaml" in patch["requestBody"]["content"]


@pytest.mark.parametrize(("group", "version"), [*VERSIONS, ("example.com", "v1")])
def test_operations_have_names_of_their_own(group: str, version: str) -> None:
    names = [
        operation["operationId"]
        for operations in document(group, version)["paths"].values()
        for operation in operations.values()
        if isinstance(operation, dict)
    ]
    assert names
    assert len(names) == len(set(names))
    assert all(name.isalnum() for name in names)


def test_builtin_schemas_know_their_kind_and_lists() -> None:
    schemas = document("apps", "v1")["components"]["schemas"]
    deployment = schemas["io.k8s.api.apps.v1.Deployment"]
    wanted = {"group": "apps", "version": "v1", "kind": "Deployment"}
    assert deployment["x-kubernetes-group-version-kind"] == [wanted]
    containers = schemas["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"]
    assert containers["x-kubernetes-list-map-keys"] == ["name"]
    assert containers["x-kubernetes-patch-merge-key"] == "name"


def test_custom_kinds_are_published_with_their_own_schema() -> None:
    found = document("example.com", "v1")
    schemas = found["components"]["schemas"]
    widget = schemas["com.example.v1.Widget"]
    wanted = {"group": "example.com", "version": "v1", "kind": "Widget"}
    assert widget["x-kubernetes-group-version-kind"] == [wanted]
    assert {"apiVersion", "kind", "metadata", "spec"} <= widget["properties"].keys()
    size = widget["properties"]["spec"]["properties"]["size"]
    assert size["x-kubernetes-int-or-string"] is True
    assert "com.example.v1.WidgetList" in schemas
    assert "/apis/example.com/v1/namespaces/{namespace}/widgets/{name}" in found["paths"]


def test_other_versions_have_no_document() -> None:
    assert openapi.document(BUILTIN, "example.com", "v1") is None
