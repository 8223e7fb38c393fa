"""Compiled schema nodes: keywords, laziness, references."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.apimachinery.schema import structural
from choreo_local.apimachinery.schema.structural import MISSING, Structural
from choreo_local.errors import InternalError


def test_keywords_are_read() -> None:
    node = structural.from_crd(
        {
            "type": "array",
            "nullable": True,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
            "items": {"type": "object", "properties": {"name": {"type": "string", "default": "a"}}},
        }
    )

    assert (node.type, node.nullable, node.list_type, node.list_map_keys) == (
        "array",
        True,
        "map",
        ("name",),
    )
    assert node.items is not None
    assert node.items.properties["name"].default == "a"
    assert node.default is MISSING


def test_int_or_string_has_two_types() -> None:
    assert structural.from_crd({"x-kubernetes-int-or-string": True}).types == ("integer", "string")
    assert structural.from_crd({"type": "string", "format": "int-or-string"}).int_or_string


def test_properties_are_found_by_name_or_as_additional_ones() -> None:
    node = structural.from_crd({"properties": {"a": {"type": "string"}}})
    other = structural.from_crd({"additionalProperties": {"type": "integer"}})

    assert node.property("a") is node.properties["a"]
    assert node.property("b") is None
    found = other.property("b")
    assert found is not None
    assert found.type == "integer"


DEFINITIONS: dict[str, dict[str, Any]] = {
    "#/Props": {
        "type": "object",
        "properties": {"not": {"$ref": "#/Props"}, "name": {"type": "string"}},
    },
    "#/Alias": {"$ref": "#/Props"},
    "#/Loop": {"$ref": "#/Loop"},
}


def compile_(raw: dict[str, Any]) -> Structural:
    return structural.from_openapi(raw, DEFINITIONS.__getitem__)


def test_recursive_definitions_share_one_node() -> None:
    node = compile_({"type": "object", "properties": {"schema": {"$ref": "#/Props"}}})

    below = node.properties["schema"]
    assert below.properties["not"] is below
    assert not node.has_defaults


def test_references_may_be_wrapped_and_have_siblings() -> None:
    node = compile_(
        {
            "properties": {
                "a": {"allOf": [{"$ref": "#/Alias"}], "default": {}, "description": "text"},
                "b": {"$ref": "#/Props", "description": "text"},
            }
        }
    )

    first, second = node.properties["a"], node.properties["b"]
    assert (first.items, first.additional_properties, first.any_of) == (None, None, ())
    assert first.default == {}
    assert second.default is MISSING
    assert first.properties is second.properties


def test_a_reference_to_itself_is_refused() -> None:
    node = compile_({"properties": {"a": {"$ref": "#/Loop"}}})

    with pytest.raises(InternalError, match="refers to itself"):
        _ = node.properties
