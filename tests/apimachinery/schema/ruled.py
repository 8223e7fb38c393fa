"""Schemas with rules, as the tests of rules use them."""

from __future__ import annotations

from typing import Any

STRING, INTEGER = {"type": "string"}, {"type": "integer"}
OBJECT = {
    "type": "object",
    "properties": {
        "kind": STRING,
        "min": INTEGER,
        "a-b": STRING,
        "if": STRING,
        "in": STRING,
        "x y": STRING,
        "size": {"type": "number"},
        "free": {"x-kubernetes-preserve-unknown-fields": True},
        "list": {"type": "array", "items": {"x-kubernetes-preserve-unknown-fields": True}},
        "map": {
            "type": "object",
            "additionalProperties": {"x-kubernetes-preserve-unknown-fields": True},
        },
        "embedded": {
            "type": "object",
            "x-kubernetes-embedded-resource": True,
            "x-kubernetes-preserve-unknown-fields": True,
        },
    },
}


def ruled(schema: dict[str, Any], *rule: str | dict[str, Any]) -> dict[str, Any]:
    written = [{"rule": one} if isinstance(one, str) else one for one in rule]
    return {**schema, "x-kubernetes-validations": written}
