"""The CRDs themselves, and that every kind has a model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from choreo_local.api import crds, registry, v1alpha1

KINDS = sorted(registry.KINDS)


def schemas(node: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """A schema and all within it."""
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from schemas(child, f"{path}.{name}")
    for key, mark in (("items", "[]"), ("additionalProperties", "{}")):
        if key in node:
            yield from schemas(node[key], path + mark)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_model_of_its_own_name(kind: str) -> None:
    model = v1alpha1.model(kind)
    assert model.__name__ == kind
    assert model.model_fields["kind"].default == kind


def test_an_unknown_kind_has_no_model() -> None:
    with pytest.raises(KeyError):
        v1alpha1.model("Deployment")


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_is_explained_and_typed(kind: str) -> None:
    entry = registry.KINDS[kind]
    for path, schema in schemas(crds.schema(entry)):
        assert "type" in schema or "x-kubernetes-preserve-unknown-fields" in schema, path
        is_item = path.endswith(("[]", "{}"))
        assert is_item or path == ".metadata" or schema.get("description"), path


@pytest.mark.parametrize("kind", KINDS)
def test_required_fields_exist(kind: str) -> None:
    for path, schema in schemas(crds.schema(registry.KINDS[kind])):
        assert set(schema.get("required", ())) <= set(schema.get("properties", ())), path


@pytest.mark.parametrize("kind", KINDS)
def test_status_is_a_subresource_where_there_is_one(kind: str) -> None:
    crd = crds.manifest(registry.KINDS[kind])
    version = crd["spec"]["versions"][0]
    has_status = "status" in version["schema"]["openAPIV3Schema"]["properties"]
    assert has_status == ("status" in version["subresources"])


def test_crds_come_sorted_by_name() -> None:
    names = [crd["metadata"]["name"] for crd in crds.manifests()]
    assert names == sorted(names)
    assert len(names) == 37
