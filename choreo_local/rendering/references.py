"""`$ref` resolution of parameter schemas; pure.

Only `#/$defs/<Name>` of the same schema can be referred to. Used by `schema` and by what shows
schemas to users.

Public: `resolve(schema)`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from . import printing
from .errors import SchemaError

_PREFIX = "#/$defs/"
_MAX_DEPTH = 64
_MAPS = ("properties", "patternProperties")
_SINGLE = ("items", "additionalProperties", "not", "if", "then", "else")
_LISTS = ("allOf", "oneOf", "anyOf")

# Definitions that refer to others twice over grow exponentially when they are written out.
_MAX_NODES = 50_000


def resolve(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a schema with every reference written out and without `$defs`.

    Raises:
        SchemaError: a reference is not local, unknown or circular.
    """
    resolved: dict[str, Any] = _Resolver(schema.get("$defs") or {}).node(schema, (), 0)
    if schema.get("$defs"):
        resolved.pop("$defs", None)
    return resolved


class _Resolver:
    def __init__(self, definitions: Any) -> None:
        self._definitions = definitions if isinstance(definitions, Mapping) else {}
        self._nodes = 0

    def node(self, schema: Any, trail: tuple[str, ...], depth: int) -> Any:
        """A schema node, on the way to which the definitions of `trail` were entered."""
        if not isinstance(schema, Mapping):
            return schema
        self._nodes += 1
        if depth > _MAX_DEPTH or self._nodes > _MAX_NODES:
            raise SchemaError(f"schema is nested deeper than {_MAX_DEPTH} levels or too large")
        if "$ref" in schema:
            name, merged = self._target(schema, trail)
            return self.node(merged, (*trail, name), depth + 1)
        result = dict(schema)
        for key in _MAPS:
            self._replace(result, key, dict, lambda m: self._map(m, trail, depth))
        for key in _SINGLE:
            self._replace(result, key, dict, lambda n: self.node(n, trail, depth + 1))
        for key in _LISTS:
            self._replace(result, key, list, lambda n: self._list(n, trail, depth))
        return result

    def _replace(
        self, result: dict[str, Any], key: str, kind: type, resolved: Callable[[Any], Any]
    ) -> None:
        if isinstance(result.get(key), kind):
            result[key] = resolved(result[key])

    def _map(self, members: dict[str, Any], trail: tuple[str, ...], depth: int) -> Any:
        return {name: self.node(member, trail, depth + 1) for name, member in members.items()}

    def _list(self, members: list[Any], trail: tuple[str, ...], depth: int) -> Any:
        return [self.node(member, trail, depth + 1) for member in members]

    def _target(
        self, schema: Mapping[str, Any], trail: tuple[str, ...]
    ) -> tuple[str, dict[str, Any]]:
        """The referred definition with the reference's siblings laid over it."""
        reference = schema["$ref"]
        if not isinstance(reference, str):
            raise SchemaError(f"$ref must be a string, got {printing.type_name(reference)}")
        name = _name(reference)
        if not self._definitions:
            raise SchemaError(
                f"$ref {printing.quoted(reference)} not found: no definitions available"
            )
        if name not in self._definitions:
            shown = printing.quoted(reference)
            raise SchemaError(f"$ref {shown} not found in definitions")
        if name in trail:
            circle = " → ".join([*trail[trail.index(name) :], name])
            raise SchemaError(f"circular $ref: {circle}")
        definition = self._definitions[name]
        if not isinstance(definition, Mapping):
            shown = printing.quoted(reference)
            raise SchemaError(f"$ref {shown} target is not an object")
        siblings = {key: value for key, value in schema.items() if key != "$ref"}
        return name, {**definition, **siblings}


def _name(reference: str) -> str:
    shown = printing.quoted(reference)
    if not reference.startswith("#/"):
        raise SchemaError(f"only local $ref supported, got {shown}")
    name = reference.removeprefix(_PREFIX)
    if not reference.startswith(_PREFIX) or not name or "/" in name:
        raise SchemaError(f"unsupported $ref path {shown}: expected #/$defs/Name")
    return name
