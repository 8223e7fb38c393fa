"""What is not a schema is refused."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.rendering import schemashape
from choreo_local.rendering.errors import SchemaError

_DECODE = "failed to unmarshal schema to JSONSchemaProps: json: cannot unmarshal "
_STRUCTURAL = "failed to build structural schema: OpenAPIV3Schema "


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        (
            {"type": 5},
            f"{_DECODE}number into Go struct field JSONSchemaProps.type of type string",
        ),
        (
            {"required": "a"},
            f"{_DECODE}string into Go struct field JSONSchemaProps.required of type []string",
        ),
        (
            {"nullable": "yes"},
            f"{_DECODE}string into Go struct field JSONSchemaProps.nullable of type bool",
        ),
        (
            {"allOf": {}},
            f"{_DECODE}object into Go struct field JSONSchemaProps.allOf of type "
            "[]v1.JSONSchemaProps",
        ),
        (
            {"anyOf": [{"not": {"maxLength": True}}]},
            f"{_DECODE}bool into Go struct field JSONSchemaProps.anyOf.not.maxLength of type int64",
        ),
        (
            {"required": [1]},
            f"{_DECODE}number into Go struct field JSONSchemaProps.required of type string",
        ),
        ({"patternProperties": {"a": {}}}, f"{_STRUCTURAL}'patternProperties' is not supported"),
        ({"properties": {"a": {"id": "x"}}}, f"{_STRUCTURAL}'id' is not supported"),
        (
            {"properties": {"a": {"items": [{}]}}},
            f"{_STRUCTURAL}'items' must be a schema, but is an array",
        ),
    ],
)
def test_broken_schema_is_refused_in_upstreams_words(schema: Any, message: str) -> None:
    with pytest.raises(SchemaError) as failure:
        schemashape.check(schema)

    assert failure.value.message == message


def test_unknown_keywords_and_booleans_where_allowed_are_fine() -> None:
    schemashape.check(
        {
            "const": 1,
            "examples": [1],
            "type": "object",
            "additionalProperties": True,
            "title": None,
            "properties": {"a": {"minimum": 1, "enum": [1], "x-kubernetes-list-type": "set"}},
        }
    )
