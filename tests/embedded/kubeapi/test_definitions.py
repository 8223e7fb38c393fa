"""The generated tables of builtin types."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from choreo_local.apimachinery.gvk import GroupVersionKind
from choreo_local.embedded.kubeapi import builtin, definitions, gotypes
from choreo_local.embedded.kubeapi.gotypes import Shape

KINDS = sorted({resource.kind.gvk for resource in builtin.resources()}, key=str)


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for child in value.values():
            yield from nodes(child)
    elif isinstance(value, list):
        for child in value:
            yield from nodes(child)


@pytest.mark.parametrize("gvk", KINDS, ids=str)
def test_every_kind_has_a_schema_and_a_go_type(gvk: GroupVersionKind) -> None:
    name = definitions.name_of(gvk)
    assert name in definitions.schemas()
    type_ = gotypes.struct(name)
    assert type_ is not None
    assert "metadata" in type_.json_fields


def test_every_reference_leads_somewhere() -> None:
    schemas = definitions.schemas()
    missing = {
        node["$ref"]
        for name in schemas
        for node in nodes(schemas[name])
        if "$ref" in node and isinstance(node["$ref"], str) and node["$ref"] not in schemas
    }
    assert missing == set()


def test_nothing_of_the_prose_of_others_is_kept() -> None:
    schemas = definitions.schemas()
    texts = [
        node["description"]
        for name in schemas
        for node in nodes(schemas[name])
        if isinstance(node.get("description"), str)
    ]
    assert texts == []


def test_lists_know_the_keys_of_their_items() -> None:
    properties = definitions.schemas()["io.k8s.api.core.v1.PodSpec"]["properties"]
    containers = properties["containers"]
    assert containers["x-kubernetes-list-type"] == "map"
    assert containers["x-kubernetes-list-map-keys"] == ["name"]
    assert containers["x-kubernetes-patch-merge-key"] == "name"
    assert containers["x-kubernetes-patch-strategy"] == "merge"


def test_ports_without_a_protocol_are_found_by_the_usual_one() -> None:
    port = definitions.schemas()["io.k8s.api.core.v1.ContainerPort"]["properties"]
    assert port["protocol"]["default"] == "TCP"


def test_kinds_compile_to_structural_schemas() -> None:
    schema = definitions.compiled(GroupVersionKind("apps", "v1", "Deployment"))
    assert schema is not None
    template = schema.properties["spec"].properties["template"]
    again = definitions.compiled(GroupVersionKind("apps", "v1", "StatefulSet"))
    assert again is not None
    # Compiled once for all.
    assert again.properties["spec"].properties["template"] is template
    assert definitions.compiled(GroupVersionKind("x", "v1", "Nothing")) is None


def test_fields_know_their_shape_and_number() -> None:
    spec = gotypes.struct("io.k8s.api.apps.v1.DeploymentSpec")
    assert spec is not None
    replicas = spec.json_fields["replicas"]
    assert (replicas.type.shape, replicas.type.pointer, replicas.number) == (Shape.INTEGER, True, 1)
    strategy = gotypes.struct("io.k8s.api.apps.v1.RollingUpdateDeployment")
    assert strategy is not None
    assert strategy.json_fields["maxSurge"].type.shape is Shape.INT_OR_STRING
    assert gotypes.struct("io.k8s.api.core.v1.Nothing") is None


def test_internal_types_name_the_fields_of_go() -> None:
    fields = definitions.internal_types()["core.PodSpec"]
    assert isinstance(fields, list)
    names = [go_name for go_name, _json, _type in fields]
    assert names[0] == "Volumes"
    assert "RestartPolicy" in names
