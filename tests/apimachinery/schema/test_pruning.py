"""Unknown fields."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.apimachinery.schema import pruning, structural

STRING = {"type": "string"}
SCHEMA = structural.from_crd(
    {
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "properties": {
                    "a": STRING,
                    "strict": {"type": "object", "properties": {"a": STRING}},
                    "any": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                    "partly": {
                        "type": "object",
                        "x-kubernetes-preserve-unknown-fields": True,
                        "properties": {"strict": {"type": "object", "properties": {"a": STRING}}},
                    },
                    "free": {"x-kubernetes-preserve-unknown-fields": True},
                    "items": {
                        "type": "array",
                        "items": {"type": "object", "properties": {"id": STRING}},
                    },
                    "bare": {"type": "array"},
                    "map": {
                        "type": "object",
                        "additionalProperties": {"type": "object", "properties": {"x": STRING}},
                    },
                    "open": {"type": "object", "additionalProperties": True},
                    "closed": {"type": "object", "additionalProperties": False},
                    "embedded": {
                        "type": "object",
                        "x-kubernetes-embedded-resource": True,
                        "properties": {"spec": {"type": "object"}},
                    },
                },
            }
        },
    }
)


@pytest.mark.parametrize(
    ("spec", "kept", "removed"),
    [
        ({"a": "x", "b": 1}, {"a": "x"}, ["spec.b"]),
        ({"strict": {"a": "x", "c": "d"}}, {"strict": {"a": "x"}}, ["spec.strict.c"]),
        ({"any": {"x": {"y": [1]}}}, {"any": {"x": {"y": [1]}}}, []),
        (
            {"partly": {"x": 1, "strict": {"a": "b", "c": 1}}},
            {"partly": {"x": 1, "strict": {"a": "b"}}},
            ["spec.partly.strict.c"],
        ),
        ({"free": [{"x": {"y": 1}}]}, {"free": [{"x": {"y": 1}}]}, []),
        ({"partly": {"strict": 5}}, {"partly": {"strict": 5}}, []),
        (
            {"items": [{"id": "1"}, {"id": "2", "z": 1}]},
            {"items": [{"id": "1"}, {"id": "2"}]},
            ["spec.items[1].z"],
        ),
        ({"bare": [{"x": 1}, "y"]}, {"bare": [{}, "y"]}, ["spec.bare[0].x"]),
        ({"map": {"k": {"x": "1", "y": 2}}}, {"map": {"k": {"x": "1"}}}, ["spec.map.k.y"]),
        ({"open": {"k": {"x": 1}, "l": 2}}, {"open": {"k": {}, "l": 2}}, ["spec.open.k.x"]),
        ({"closed": {"k": 1}}, {"closed": {}}, ["spec.closed.k"]),
        (
            {"embedded": {"apiVersion": "v1", "kind": "X", "metadata": {"q": 1}, "z": 1}},
            {"embedded": {"apiVersion": "v1", "kind": "X", "metadata": {"q": 1}}},
            ["spec.embedded.z"],
        ),
    ],
)
def test_unknown_fields_are_removed_and_named(
    spec: dict[str, Any], kept: dict[str, Any], removed: list[str]
) -> None:
    obj = {"spec": spec}

    assert pruning.prune(SCHEMA, obj) == removed
    assert obj == {"spec": kept}


def test_what_every_object_has_is_known() -> None:
    obj = {"apiVersion": "v1", "kind": "X", "metadata": {"name": "a"}, "zzz": 1, "aaa": {}}

    assert pruning.prune(SCHEMA, obj) == ["aaa", "zzz"]
    assert obj == {"apiVersion": "v1", "kind": "X", "metadata": {"name": "a"}}


def test_a_value_that_is_no_object_has_no_metadata() -> None:
    value = {"metadata": 1, "a": "x"}

    assert pruning.prune_value(SCHEMA.properties["spec"], value) == ["metadata"]
    assert value == {"a": "x"}
    assert pruning.prune_value(SCHEMA, "text") == []
    assert pruning.prune(SCHEMA, "text") == []
