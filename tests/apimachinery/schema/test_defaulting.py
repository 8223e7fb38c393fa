"""Defaults of a schema."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.apimachinery.schema import defaulting, structural

SCHEMA = structural.from_crd(
    {
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "properties": {
                    "size": {"type": "integer", "default": 3},
                    "off": {"type": "boolean", "default": False},
                    "text": {"type": "string", "default": ""},
                    "list": {"type": "array", "default": [], "items": {"type": "string"}},
                    "nullable": {"type": "string", "nullable": True, "default": "d"},
                    "nested": {
                        "type": "object",
                        "default": {},
                        "properties": {"x": {"type": "string", "default": "deep"}},
                    },
                    "map": {
                        "type": "object",
                        "additionalProperties": {
                            "type": "object",
                            "default": {"d": 1},
                            "properties": {"d": {"type": "integer", "default": 4}},
                        },
                    },
                    "items": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "default": {},
                            "properties": {"n": {"type": "integer", "default": 7}},
                        },
                    },
                    "plain": {"type": "object", "properties": {"p": {"type": "string"}}},
                },
            }
        },
    }
)
DEFAULTS = {
    "size": 3,
    "off": False,
    "text": "",
    "list": [],
    "nullable": "d",
    "nested": {"x": "deep"},
}


def defaulted(**spec: Any) -> dict[str, Any]:
    obj = {"spec": spec}
    defaulting.apply(SCHEMA, obj)
    return obj["spec"]


def test_what_is_missing_is_filled_in() -> None:
    assert defaulted() == DEFAULTS


def test_what_is_there_stays() -> None:
    assert defaulted(size=0, text="x", nested={"x": "y"}) == {
        **DEFAULTS,
        "size": 0,
        "text": "x",
        "nested": {"x": "y"},
    }


def test_defaults_apply_only_where_the_object_is() -> None:
    obj: dict[str, Any] = {}
    defaulting.apply(SCHEMA, obj)

    assert obj == {}
    defaulting.apply(SCHEMA, "no object")


def test_null_is_replaced_unless_it_is_allowed() -> None:
    found = defaulted(size=None, nullable=None, plain=None)

    assert (found["size"], found["nullable"], found["plain"]) == (3, None, None)


def test_items_and_entries_have_defaults_too() -> None:
    found = defaulted(items=[{}, {"n": 1}, None], map={"a": {}, "b": None, "c": {"d": 2}})

    assert found["items"] == [{"n": 7}, {"n": 1}, {"n": 7}]
    assert found["map"] == {"a": {"d": 4}, "b": {"d": 1}, "c": {"d": 2}}


def test_declared_properties_are_not_taken_for_entries() -> None:
    schema = structural.from_crd(
        {
            "properties": {"a": {"type": "string"}},
            "additionalProperties": {"type": "string", "default": "x"},
        }
    )
    value = {"a": None, "b": None}

    defaulting.apply(schema, value)

    assert value == {"a": None, "b": "x"}


def test_two_objects_never_share_a_default() -> None:
    first, second = defaulted(), defaulted()
    first["list"].append("x")
    first["nested"]["x"] = "changed"

    assert second == DEFAULTS


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"size": None}, {}),
        ({"nullable": None}, {"nullable": None}),
        ({"map": {"a": None, "b": {}}}, {"map": {"b": {}}}),
        ({"items": [{"n": None}, None]}, {"items": [{}, None]}),
        ({"plain": {"p": None}, "unknown": None}, {"plain": {}, "unknown": None}),
        ({"list": "x"}, {"list": "x"}),
    ],
)
def test_nulls_that_are_not_allowed_are_dropped(
    spec: dict[str, Any], expected: dict[str, Any]
) -> None:
    obj = {"spec": spec}

    defaulting.drop_nulls(SCHEMA, obj)

    assert obj == {"spec": expected}
