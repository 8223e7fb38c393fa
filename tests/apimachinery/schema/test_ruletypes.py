"""The types and values that rules see."""

from __future__ import annotations

from typing import Any

from choreo_local.apimachinery.schema import ruletypes, structural
from choreo_local.cel import types

STRING, INTEGER = {"type": "string"}, {"type": "integer"}


def test_types_follow_the_schema() -> None:
    def of(schema: dict[str, Any]) -> types.Type | None:
        return ruletypes.type_of(structural.from_crd(schema))

    assert of({"type": "array", "items": STRING}) == types.list_of(types.STRING)
    assert of({"type": "array"}) is None
    assert of({"type": "boolean"}) == types.BOOL
    assert of({"type": "object", "additionalProperties": INTEGER}) == types.map_of(
        types.STRING, types.INT
    )
    assert of({}) is None
    assert ruletypes.spellings("a.b/c-d__e") == ("a__dot__b__slash__c__dash__d__underscores__e",)
    assert ruletypes.spellings("1a") == ()


def test_items_are_converted_too() -> None:
    schema = structural.from_crd({"type": "array", "items": {"type": "number"}})

    assert ruletypes.value_of(schema, [1, 2.5]) == [1.0, 2.5]
    assert isinstance(ruletypes.value_of(schema, [1])[0], float)
    texts = {"type": "object", "properties": {"n": {"type": "number"}, "s": STRING}}
    assert ruletypes.value_of(structural.from_crd(texts), {"s": "x"}) == {"s": "x"}


def test_values_that_look_the_same_are_not_copied() -> None:
    plain = {"a": [1, "x"]}
    schema = structural.from_crd({"type": "object", "properties": {"a": {"type": "array"}}})
    mixed = structural.from_crd(
        {"type": "object", "properties": {"n": {"type": "number"}, "a": {"type": "array"}}}
    )

    assert ruletypes.value_of(schema, plain) is plain
    assert ruletypes.value_of(mixed, {"n": 1, "a": [1], "zz": 2}) == {"n": 1.0, "a": [1], "zz": 2}
    assert ruletypes.value_of(mixed.properties["n"], True) is True
