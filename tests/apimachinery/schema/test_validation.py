"""Whole objects against whole schemas."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from choreo_local.apimachinery import fielderrors
from choreo_local.apimachinery.schema import fastcheck, listtypes, structural, walker
from choreo_local.apimachinery.schema.validation import Validator

SPEC: dict[str, Any] = {
    "type": "object",
    "properties": {
        "size": {"type": "integer", "minimum": 1, "maximum": 100},
        "mode": {"type": "string", "enum": ["fast", "slow"]},
        "name": {"type": "string", "maxLength": 8, "pattern": "^[a-z]+$"},
        "when": {"type": "string", "format": "date-time"},
        "count": {"type": "integer", "format": "int32"},
        "set": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
        "map": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["k"],
            "items": {"type": "object", "required": ["k"], "properties": {"k": {"type": "string"}}},
        },
    },
}
SCHEMA = {"type": "object", "properties": {"spec": SPEC}}
VALIDATOR = Validator(structural.from_crd(SCHEMA))


def errors(validator: Validator = VALIDATOR, old: Any = None, **spec: Any) -> list[tuple[str, str]]:
    return [(error.field, error.message) for error in validator.validate({"spec": spec}, old)]


def test_a_valid_object_has_no_errors() -> None:
    assert errors(size=5, mode="fast", name="abc", when="2026-01-01T00:00:00Z", set=["a"]) == []


def test_errors_are_worded_as_the_server_words_them() -> None:
    assert errors(size=0, mode="x", name="abcdefghi", count="y", map=[{}]) == [
        ("spec.size", "Invalid value: 0: spec.size in body should be greater than or equal to 1"),
        ("spec.mode", 'Unsupported value: "x": supported values: "fast", "slow"'),
        ("spec.name", "Too long: may not be more than 8 bytes"),
        (
            "spec.count",
            'Invalid value: "string": spec.count in body must be of type integer: "string"',
        ),
        ("spec.map[0].k", "Required value"),
    ]


def test_formats_of_numbers_do_not_count_for_custom_objects() -> None:
    assert errors(count=2**40) == []
    assert errors(when="x") == [
        (
            "spec.when",
            'Invalid value: "x": spec.when in body must be of type date-time: "x"',
        )
    ]


def test_sets_and_maps_hold_nothing_twice() -> None:
    assert errors(set=["a", "b", "a", "a"], map=[{"k": "x", "v": 1}, {"k": "x"}]) == [
        ("spec.set[2]", 'Duplicate value: "a"'),
        ("spec.map[1]", 'Duplicate value: {"k":"x"}'),
    ]


def test_an_update_may_keep_what_is_invalid() -> None:
    old = {"spec": {"size": 0, "mode": "fast"}}

    assert errors(old=old, size=0, mode="slow") == []
    assert len(errors(old=old, size=-1, mode="slow")) == 1


def test_lists_that_held_something_twice_before_may_be_kept() -> None:
    old = {"spec": {"set": ["a", "a"]}}

    assert errors(old=old, set=["a", "a", "b"]) == []
    assert len(errors(old={"spec": {"set": ["a"]}}, set=["a", "a"])) == 1


RULED = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "x-kubernetes-validations": [{"rule": "self.min <= self.max", "message": "order"}],
            "properties": {"min": {"type": "integer"}, "max": {"type": "integer"}},
            "required": ["min"],
        }
    },
}


def test_rules_are_checked_when_the_schema_is_satisfied() -> None:
    validator = Validator(structural.from_crd(RULED))

    assert errors(validator, min=1, max=2) == []
    assert errors(validator, min=3, max=2) == [("spec", "Invalid value: order")]
    assert errors(validator, max=2) == [
        ("spec.min", "Required value"),
        (
            "<nil>",
            "Invalid value: null: some validation rules were not checked because the object was "
            "invalid; correct the existing errors to complete validation",
        ),
    ]


def test_rules_are_not_checked_of_an_object_without_a_name() -> None:
    validator = Validator(structural.from_crd(RULED))
    nameless = fielderrors.required("metadata.name", "name or generateName is required")

    found = validator.validate({"spec": {"min": 3, "max": 2}}, known=[nameless])

    assert [error.field for error in found] == ["<nil>"]


def test_items_of_a_keyed_list_must_be_objects() -> None:
    schema = structural.from_crd(
        {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["k"],
            "items": {"properties": {"s": {"type": "array", "x-kubernetes-list-type": "set"}}},
        }
    )

    assert [error.message for error in listtypes.validate(schema, [{"k": 1}, "x"])] == [
        'Invalid value: "x": must be an object for an array of list-type map'
    ]
    bare = structural.from_crd({"type": "array", "x-kubernetes-list-type": "map"})
    assert list(listtypes.validate(bare, [{"k": 1}])) == []
    assert [error.field for error in listtypes.validate(schema, [{"s": [1, 1]}, None], "l")] == [
        "l[0].s[1]"
    ]
    assert list(listtypes.validate(schema, "x")) == []
    outer = structural.from_crd({"type": "array", "items": SPEC["properties"]["set"]})
    assert [error.field for error in listtypes.validate(outer, [["a", "a"]])] == ["[0][1]"]


def test_lists_in_entries_are_named_by_key() -> None:
    schema = structural.from_crd(
        {"additionalProperties": {"type": "array", "x-kubernetes-list-type": "set"}}
    )

    assert [error.field for error in listtypes.validate(schema, {"a": [1, 1]}, "m")] == ["m[a][1]"]
    unknown = structural.from_crd({"properties": {"s": SPEC["properties"]["set"]}})
    assert list(listtypes.validate(unknown, {"other": [1, 1], "s": "x"})) == []


@pytest.mark.parametrize(
    "schema",
    [
        {"not": {"type": "string"}},
        {"oneOf": [{"type": "string"}]},
        {"multipleOf": 2},
        {"format": "date"},
        {"type": "string", "pattern": "("},
        {"type": "object", "properties": {"a": {"not": {}}}},
    ],
)
def test_schemas_that_json_schema_reads_differently_are_left_to_the_walker(
    schema: dict[str, Any],
) -> None:
    check = fastcheck.compile_check(structural.from_crd(schema))

    assert not check("anything")


def test_the_fast_check_says_yes_to_valid_values() -> None:
    check = fastcheck.compile_check(structural.from_crd(SCHEMA))

    assert check({"spec": {"size": 5, "when": "2026-01-01T00:00:00Z", "set": ["a"]}})
    assert not check({"spec": {"size": 0}})
    assert not check({"spec": {"when": "x"}})


LEAVES = st.one_of(
    st.builds(
        lambda low, high, exclusive: {
            "type": "integer",
            "minimum": low,
            "maximum": high,
            "exclusiveMinimum": exclusive,
        },
        st.sampled_from([-1, 0, 0.5, 2]),
        st.sampled_from([1, 2.5, 5]),
        st.booleans(),
    ),
    st.builds(lambda low: {"type": "number", "minimum": low}, st.sampled_from([-0.5, 0, 1.5])),
    st.builds(
        lambda length, pattern: {"type": "string", "maxLength": length, "pattern": pattern},
        st.integers(0, 3),
        st.sampled_from(["a", "^b", "c$", r"\d", "[^x]"]),
    ),
    st.sampled_from(
        [
            {"type": "boolean"},
            {"type": "string", "nullable": True},
            {"x-kubernetes-int-or-string": True},
            {"type": "string", "format": "ipv4"},
            {"enum": [1, "a", None, True]},
            {"type": "integer", "format": "int32"},
            {},
        ]
    ),
)
SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(
            lambda properties, required: {
                "type": "object",
                "properties": properties,
                "required": required,
            },
            st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
            st.lists(st.sampled_from("ab"), unique=True, max_size=1),
        ),
        st.builds(lambda items: {"type": "array", "items": items, "maxItems": 2}, inner),
        st.builds(lambda extra: {"type": "object", "additionalProperties": extra}, inner),
        st.builds(lambda one, two: {"anyOf": [one, two]}, inner, inner),
        st.builds(lambda one, two: {"allOf": [one, two]}, inner, inner),
        st.just({"type": "object", "additionalProperties": False, "minProperties": 0}),
    ),
    max_leaves=5,
)
VALUES = st.recursive(
    st.sampled_from([None, True, False, 0, 1, 2, 2.0, 1.5, 2**40, "", "a", "b", "1", "1.2.3.4"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=400, deadline=None)
@given(SCHEMAS, VALUES)
def test_the_fast_check_never_accepts_what_the_walker_refuses(
    schema: dict[str, Any], value: Any
) -> None:
    compiled = structural.from_crd(schema)

    if fastcheck.compile_check(compiled)(value):
        assert walker.validate(compiled, value, every_format=False) == []
