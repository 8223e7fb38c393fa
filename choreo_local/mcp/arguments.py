"""Arguments of tools: a notation for their JSON schemas, and what is wrong with some; pure.

`"name! limit:int cursor"` are a text that must be given, and a number and a text that need not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]
Arguments = Mapping[str, Any]

NAMESPACE, CLUSTER = "namespace", "cluster"
SCOPE = "scope"
SCOPED = f"{SCOPE}:scope namespace_name"
PAGE = "limit:int cursor"
DESCRIBED = "display_name description"

_REFERENCES: Schema = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"name": {"type": "string"}},
        "required": ["name"],
    },
}
_PATHS: Schema = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "source_environment_ref": {"type": "string"},
            "target_environment_refs": _REFERENCES,
        },
        "required": ["source_environment_ref", "target_environment_refs"],
    },
}
_TYPES: Mapping[str, Schema] = {
    "": {"type": "string"},
    "int": {"type": "integer"},
    "seconds": {"type": "integer", "minimum": 0},
    "bool": {"type": "boolean"},
    "object": {"type": "object"},
    "objects": {"type": "array", "items": {"type": "object"}},
    "questions": {"type": "array", "items": {"type": "object"}, "minItems": 1},
    "paths": _PATHS,
    "plane": {"type": "string", "enum": ["DataPlane", "ClusterDataPlane"]},
    SCOPE: {"type": "string", "enum": [NAMESPACE, CLUSTER], "default": NAMESPACE},
}
_CLASSES: Mapping[str, type[Any] | tuple[type[Any], ...]] = {
    "string": str,
    "integer": int,
    "boolean": bool,
    "object": dict,
    "array": list,
}


def schema(text: str) -> Schema:
    """The JSON schema that a notation stands for."""
    properties: dict[str, Schema] = {}
    required: list[str] = []
    for word in text.split():
        name, _, kind = word.partition(":")
        bare = name.removesuffix("!")
        properties[bare] = _TYPES[kind.removesuffix("!")]
        if word.endswith("!"):
            required.append(bare)
    found: Schema = {"type": "object", "properties": properties}
    return {**found, "required": required} if required else found


def problem(known: Schema, given: Arguments) -> str:
    """What is wrong with arguments; "" when nothing is. Those that are not known do no harm."""
    missing = [name for name in known.get("required", ()) if name not in given]
    if missing:
        names = " ".join(json.dumps(name) for name in missing)
        return f"validating root: required: missing properties: [{names}]"
    for name, expected in known["properties"].items():
        if name in given and (found := _problem(expected, given[name])):
            return f"validating root: validating /properties/{name}: {found}"
    return ""


def exact(known: Schema, given: Arguments) -> Arguments:
    """Arguments without problem, whole numbers as such: JSON has but one kind of numbers."""
    whole = {name for name, each in known["properties"].items() if each["type"] == "integer"}
    return {name: int(value) if name in whole else value for name, value in given.items()}


def _problem(expected: Schema, value: Any) -> str:
    kind = _kind(value)
    if kind != expected["type"]:
        shown = json.dumps(value)[:100]
        return f'type: {shown} has type "{kind}", want "{expected["type"]}"'
    if "enum" in expected and value not in expected["enum"]:
        return f"enum: {value} does not equal any of: [{' '.join(expected['enum'])}]"
    if value is not None and "minimum" in expected and value < expected["minimum"]:
        return f"minimum: {value} is less than {expected['minimum']}"
    if len(value if isinstance(value, list) else "?") < expected.get("minItems", 0):
        return f"minItems: array length {len(value)} is less than {expected['minItems']}"
    return _problem_within(expected, value)


def _problem_within(expected: Schema, value: Any) -> str:
    if isinstance(value, list):
        for index, item in enumerate(value):
            found = _problem(expected["items"], item)
            if found:
                return f"validating /items/{index}: {found}"
    if isinstance(value, dict) and "properties" in expected:
        return problem(expected, value)
    return ""


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if value is None:
        return "null"
    if isinstance(value, float):
        return "integer" if value.is_integer() else "number"
    return next(name for name, cls in _CLASSES.items() if isinstance(value, cls))
