"""References inside parameter schemas."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.rendering import references
from choreo_local.rendering.errors import SchemaError


def test_definitions_are_written_out_and_dropped() -> None:
    schema: dict[str, Any] = {
        "$defs": {"Port": {"type": "integer", "default": 80}},
        "properties": {
            "a": {"$ref": "#/$defs/Port", "default": 8080},
            "b": {"items": {"$ref": "#/$defs/Port"}},
            "c": {"anyOf": [{"not": {"$ref": "#/$defs/Port"}}]},
        },
    }

    assert references.resolve(schema) == {
        "properties": {
            "a": {"type": "integer", "default": 8080},
            "b": {"items": {"type": "integer", "default": 80}},
            "c": {"anyOf": [{"not": {"type": "integer", "default": 80}}]},
        }
    }
    assert "$ref" in schema["properties"]["a"]


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("https://example.com/x", "only local $ref supported"),
        ("other.json", "only local $ref supported"),
        ("#/definitions/A", "unsupported $ref path"),
        ("#/$defs/A/B", "unsupported $ref path"),
        ("#/$defs/", "unsupported $ref path"),
        ("#/$defs/None", "not found in definitions"),
        (5, "$ref must be a string, got int64"),
    ],
)
def test_reference_that_cannot_be_followed_says_why(reference: Any, message: str) -> None:
    schema = {"$defs": {"A": {}}, "properties": {"a": {"$ref": reference}}}

    with pytest.raises(SchemaError) as failure:
        references.resolve(schema)

    assert message in failure.value.message


def test_circle_is_shown() -> None:
    schema = {
        "$defs": {"A": {"$ref": "#/$defs/B"}, "B": {"items": {"$ref": "#/$defs/A"}}},
        "$ref": "#/$defs/A",
    }

    with pytest.raises(SchemaError, match="circular \\$ref: A → B → A"):
        references.resolve(schema)


def test_definitions_that_double_are_refused_in_time() -> None:
    definitions: dict[str, Any] = {"D0": {"type": "string"}}
    for level in range(1, 40):
        inner = {"$ref": f"#/$defs/D{level - 1}"}
        definitions[f"D{level}"] = {"properties": {"a": inner, "b": inner}}

    with pytest.raises(SchemaError, match="too large"):
        references.resolve({"$defs": definitions, "$ref": "#/$defs/D39"})
