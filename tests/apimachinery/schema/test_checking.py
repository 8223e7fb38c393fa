"""Which schemas a CRD may carry."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.apimachinery.schema import checking, structural

AT = "spec.validation.openAPIV3Schema.properties[spec]"
STRING = {"type": "string"}
KEYED = {"type": "object", "required": ["k"], "properties": {"k": STRING}}


def problems(spec: dict[str, Any]) -> list[tuple[str, str]]:
    schema = {"type": "object", "properties": {"spec": spec}}
    return [(error.field.removeprefix(AT), error.message) for error in checking.check(schema)]


@pytest.mark.parametrize(
    "spec",
    [
        {"type": "object"},
        {"type": "object", "properties": {"a": {"x-kubernetes-int-or-string": True}}},
        {"x-kubernetes-preserve-unknown-fields": True},
        {"type": "string", "x-kubernetes-int-or-string": True},
        {
            "x-kubernetes-int-or-string": True,
            "anyOf": [{"type": "integer"}, {"type": "string"}],
        },
        {
            "x-kubernetes-int-or-string": True,
            "allOf": [{"anyOf": [{"type": "integer"}, {"type": "string"}]}, {"maxLength": 5}],
        },
        {"type": "array", "items": STRING, "x-kubernetes-list-type": "set"},
        {
            "type": "array",
            "items": KEYED,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["k"],
        },
        {
            "type": "array",
            "x-kubernetes-list-type": "set",
            "items": {"type": "object", "x-kubernetes-map-type": "atomic"},
        },
        {"type": "object", "properties": {"a": STRING}, "anyOf": [{"required": ["a"]}]},
        {
            "type": "object",
            "properties": {"a": STRING},
            "not": {"properties": {"a": {"enum": ["x"]}}},
        },
        {"type": "object", "additionalProperties": STRING, "maxProperties": 3},
        {"type": "object", "x-kubernetes-map-type": "granular"},
        {"type": "string", "enum": ["a", "a"], "pattern": "^a"},
        {
            "type": "object",
            "x-kubernetes-embedded-resource": True,
            "x-kubernetes-preserve-unknown-fields": True,
        },
        {"type": "string", "default": None},
        {"type": "object", "default": {}, "properties": {"a": {"type": "string", "default": "x"}}},
    ],
)
def test_structural_schemas_are_accepted(spec: dict[str, Any]) -> None:
    assert problems(spec) == []


LISTED = "additionalProperties and properties are mutual exclusive"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            {"properties": {"a": {}}},
            [
                (".properties[a].type", "must not be empty for specified object fields"),
                (".type", "must not be empty for specified object fields"),
            ],
        ),
        (
            {"type": "array", "items": {}},
            [(".items.type", "must not be empty for specified array items")],
        ),
        (
            {"type": "object", "additionalProperties": {}},
            [(".additionalProperties.type", "must not be empty for specified object fields")],
        ),
    ],
)
def test_types_are_required(spec: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert problems(spec) == [(path, f"Required value: {text}") for path, text in expected]


@pytest.mark.parametrize(
    ("spec", "path", "message"),
    [
        (
            {"type": "foo"},
            ".type",
            'Unsupported value: "foo": supported values: "array", "boolean", "integer", "number", '
            '"object", "string"',
        ),
        (
            {"type": "null"},
            ".type",
            "Forbidden: type cannot be set to null, use nullable as an alternative",
        ),
        (
            {"type": "string", "pattern": "["},
            ".pattern",
            'Invalid value: "[": must be a valid regular expression, but isn\'t: error parsing '
            "regexp: missing closing ]: `[`",
        ),
        ({"type": "object", "$ref": "#/x"}, ".$ref", "Forbidden: $ref is not supported"),
        (
            {"type": "array", "items": STRING, "uniqueItems": True},
            ".uniqueItems",
            "Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes "
            "quadratic",
        ),
        (
            {"type": "object", "properties": {"a": STRING}, "additionalProperties": STRING},
            ".additionalProperties",
            f"Forbidden: {LISTED}",
        ),
        (
            {"type": "array", "items": [STRING]},
            ".items",
            "Forbidden: items must be a schema object and not an array",
        ),
        (
            {"type": "object", "x-kubernetes-preserve-unknown-fields": False},
            ".x-kubernetes-preserve-unknown-fields",
            "Invalid value: false: must be true or undefined",
        ),
        (
            {"type": "object", "x-kubernetes-embedded-resource": True},
            ".properties",
            "Required value: must not be empty if x-kubernetes-embedded-resource is true without "
            "x-kubernetes-preserve-unknown-fields",
        ),
        (
            {
                "type": "object",
                "x-kubernetes-embedded-resource": True,
                "x-kubernetes-preserve-unknown-fields": True,
                "additionalProperties": STRING,
            },
            ".additionalProperties",
            "Forbidden: must not be used if x-kubernetes-embedded-resource is set",
        ),
        (
            {
                "type": "string",
                "x-kubernetes-embedded-resource": True,
                "x-kubernetes-preserve-unknown-fields": True,
            },
            ".type",
            'Invalid value: "string": must be object if x-kubernetes-embedded-resource is true',
        ),
        (
            {
                "x-kubernetes-embedded-resource": True,
                "x-kubernetes-preserve-unknown-fields": True,
            },
            ".type",
            "Required value: must be object if x-kubernetes-embedded-resource is true",
        ),
        (
            {"x-kubernetes-int-or-string": True, "x-kubernetes-preserve-unknown-fields": True},
            ".x-kubernetes-preserve-unknown-fields",
            "Invalid value: true: must be false if x-kubernetes-int-or-string is true",
        ),
        (
            {"type": "object", "anyOf": [{"type": "object"}]},
            ".anyOf[0].type",
            "Forbidden: must be empty to be structural",
        ),
        (
            {
                "type": "object",
                "properties": {"a": STRING},
                "anyOf": [{"properties": {"a": {"default": "x"}}}],
            },
            ".anyOf[0].properties[a].default",
            "Forbidden: must be undefined to be structural",
        ),
        (
            {"type": "object", "allOf": [{"nullable": True}]},
            ".allOf[0].nullable",
            "Forbidden: must be false to be structural",
        ),
        (
            {"type": "array", "items": STRING, "not": {"items": {"description": "d"}}},
            ".not.items.description",
            "Forbidden: must be empty to be structural",
        ),
        (
            {"type": "object", "oneOf": [{"properties": {"b": {"minLength": 1}}}]},
            ".properties[b]",
            f"Required value: because it is defined in {AT}.oneOf[0].properties[b]",
        ),
        (
            {"type": "object", "oneOf": [{"allOf": [{"items": {"minLength": 1}}]}]},
            ".items",
            f"Required value: because it is defined in {AT}.oneOf[0].allOf[0].items",
        ),
    ],
)
def test_what_is_not_structural_is_refused(spec: dict[str, Any], path: str, message: str) -> None:
    assert problems(spec) == [(path, message)]


def test_branches_may_restrict_entries_and_items() -> None:
    entries = {"type": "object", "additionalProperties": STRING}
    branch = {"properties": {"any": {"minLength": 1}}}
    items = {"type": "array", "items": STRING, "anyOf": [{"items": {"minLength": 1}}]}

    assert problems({**entries, "anyOf": [branch]}) == []
    assert problems(items) == []


LIST_TYPE, MAP_KEYS = "x-kubernetes-list-type", "x-kubernetes-list-map-keys"


def keyed(items: Any = None, keys: Any = ("k",), **more: Any) -> dict[str, Any]:
    found = {"type": "array", LIST_TYPE: "map", **more}
    if items is not None:
        found["items"] = items
    return {**found, MAP_KEYS: list(keys)} if keys else found


OPTIONAL = "this property is in x-kubernetes-list-map-keys, so it"


@pytest.mark.parametrize(
    ("spec", "path", "message"),
    [
        (
            {"type": "string", LIST_TYPE: "set"},
            ".type",
            f'Invalid value: "string": must be array if {LIST_TYPE} is specified',
        ),
        (
            {LIST_TYPE: "set", "x-kubernetes-preserve-unknown-fields": True},
            ".type",
            f"Required value: must be array if {LIST_TYPE} is specified",
        ),
        (
            {"type": "array", "items": STRING, LIST_TYPE: "bag"},
            f".{LIST_TYPE}",
            'Unsupported value: "bag": supported values: "atomic", "set", "map"',
        ),
        (
            {"type": "object", "x-kubernetes-map-type": "foo"},
            ".x-kubernetes-map-type",
            'Unsupported value: "foo": supported values: "atomic", "granular"',
        ),
        (
            {"type": "array", "items": KEYED, MAP_KEYS: ["k"]},
            f".{LIST_TYPE}",
            f"Required value: must be map if {MAP_KEYS} is non-empty",
        ),
        (
            {"type": "array", "items": STRING, MAP_KEYS: ["k"], LIST_TYPE: "set"},
            f".{LIST_TYPE}",
            f'Invalid value: "set": must be map if {MAP_KEYS} is non-empty',
        ),
        (
            keyed(KEYED, ()),
            f".{MAP_KEYS}",
            f"Required value: must not be empty if {LIST_TYPE} is map",
        ),
        (
            keyed(STRING),
            ".items.type",
            f'Invalid value: "string": must be object if parent array\'s {LIST_TYPE} is map',
        ),
        (
            keyed(KEYED, ["z"]),
            f".{MAP_KEYS}",
            'Invalid value: ["z"]: entries must all be names of item properties',
        ),
        (
            keyed(KEYED, ["k", "k"]),
            f".{MAP_KEYS}",
            'Invalid value: ["k","k"]: must not contain duplicate entries',
        ),
        (
            keyed({**KEYED, "required": []}),
            ".items.properties[k].default",
            f"Required value: {OPTIONAL} must have a default or be a required property",
        ),
        (
            keyed({**KEYED, "properties": {"k": {"type": "string", "nullable": True}}}),
            ".items.properties[k].nullable",
            f"Forbidden: {OPTIONAL} cannot be nullable",
        ),
        (
            keyed({**KEYED, "properties": {"k": {"type": "object"}}}),
            ".items.properties[k].type",
            f'Invalid value: "object": must be a scalar type if parent array\'s {LIST_TYPE} is map',
        ),
        (
            {"type": "array", "items": KEYED, LIST_TYPE: "set"},
            ".items.x-kubernetes-map-type",
            f"Invalid value: null: must be atomic as item of a list with {LIST_TYPE}=set",
        ),
        (
            {"type": "array", "items": {"type": "array", "items": STRING}, LIST_TYPE: "set"},
            f".items.{LIST_TYPE}",
            f"Invalid value: null: must be atomic as item of a list with {LIST_TYPE}=set",
        ),
        (
            {"type": "array", "items": {"type": "string", "nullable": True}, LIST_TYPE: "set"},
            ".items.nullable",
            f"Forbidden: cannot be nullable when {LIST_TYPE} is set",
        ),
    ],
)
def test_lists_that_merge_must_say_how(spec: dict[str, Any], path: str, message: str) -> None:
    assert problems(spec) == [(path, message)]


def test_a_list_must_say_what_its_items_are() -> None:
    incomplete = (".items", "Required value: must be specified")
    assert problems({"type": "array", LIST_TYPE: "set"}) == [incomplete]
    assert problems(keyed()) == [
        incomplete,
        (".items", f"Required value: must have a schema if {LIST_TYPE} is map"),
    ]


def test_what_cannot_be_compiled_is_not_judged_as_a_structure() -> None:
    ((path, message),) = problems({"$ref": "#/definitions/x"})

    assert (path, message) == (".$ref", "Forbidden: $ref is not supported")


@pytest.mark.parametrize(
    ("spec", "path", "message"),
    [
        (
            {"type": "string", "default": 5},
            ".default",
            'Invalid value: "integer":  in body must be of type string: "integer"',
        ),
        (
            {"type": "object", "properties": {"a": {**STRING, "enum": ["x"], "default": "y"}}},
            ".properties[a].default",
            'Unsupported value: "y": supported values: "x"',
        ),
        (
            {"type": "object", "default": {"zz": 1}, "properties": {"a": STRING}},
            ".default",
            'Invalid value: {"zz":1}: must not have unknown fields',
        ),
        (
            {"type": "object", "default": {"a": 1}, "properties": {"a": STRING}},
            ".default.a",
            'Invalid value: "integer": a in body must be of type string: "integer"',
        ),
        (
            {"type": "object", "additionalProperties": {"type": "integer", "default": "x"}},
            ".additionalProperties.default",
            'Invalid value: "string":  in body must be of type integer: "string"',
        ),
        (
            {"type": "array", "items": {"type": "integer", "default": "x"}},
            ".items.default",
            'Invalid value: "string":  in body must be of type integer: "string"',
        ),
        (
            {"type": "array", "items": STRING, LIST_TYPE: "set", "default": ["a", "a"]},
            ".default[1]",
            'Duplicate value: "a"',
        ),
    ],
)
def test_defaults_must_be_valid(spec: dict[str, Any], path: str, message: str) -> None:
    assert problems(spec) == [(path, message)]


def root(**properties: Any) -> list[tuple[str, str]]:
    found = structural.check({"type": "object", "properties": properties})
    return [(error.field.removeprefix(checking.ROOT), error.message) for error in found]


def test_the_root_is_an_object() -> None:
    assert [error.message for error in checking.check({"type": "string"})] == [
        'Invalid value: "string": must be object at the root'
    ]
    assert [error.message for error in checking.check({})] == [
        "Required value: must not be empty at the root"
    ]
    (error,) = checking.check({"type": "object", "additionalProperties": STRING}, "path")
    assert (error.field, error.message) == (
        "path.additionalProperties",
        "Forbidden: must not be used at the root",
    )


def test_metadata_may_only_have_its_names_restricted() -> None:
    names = {"name": {**STRING, "maxLength": 5}, "generateName": STRING}

    assert root(metadata={"type": "object", "properties": names}) == []
    assert root(metadata={"type": "object"}, kind=STRING, apiVersion=STRING) == []
    assert root(metadata={"type": "object", "properties": {"labels": {"type": "object"}}}) == [
        (
            ".properties[metadata]",
            "Forbidden: must not specify anything other than name and generateName, but metadata "
            "is implicitly specified",
        )
    ]
    assert root(metadata=STRING, kind={"type": "integer"}) == [
        (".properties[kind].type", 'Invalid value: "integer": must be string'),
        (".properties[metadata].type", 'Invalid value: "string": must be object'),
    ]


def test_metadata_holds_no_objects_of_its_own() -> None:
    embedded = {
        "type": "object",
        "x-kubernetes-embedded-resource": True,
        "x-kubernetes-preserve-unknown-fields": True,
    }
    inner = {"type": "object", "properties": {"metadata": embedded}}

    found = problems({**embedded, **inner})

    assert (
        ".properties[metadata].x-kubernetes-embedded-resource",
        "Forbidden: must not be used inside of resource meta",
    ) in found


def test_branches_say_nothing_about_metadata() -> None:
    schema = {
        "type": "object",
        "properties": {"metadata": {"type": "object"}},
        "anyOf": [{"properties": {"metadata": {"required": ["name"]}}}],
    }

    assert [error.message for error in checking.check(schema)] == [
        "Forbidden: must not be specified in a nested context"
    ]


def test_a_schema_that_nests_without_end_is_refused() -> None:
    schema: dict[str, Any] = {"type": "object"}
    for _ in range(500):
        schema = {"type": "object", "properties": {"a": schema}}

    (error,) = checking.check(schema)

    assert error.message == "Forbidden: must not nest more than 100 levels"
