"""The parameter schemas of types and traits: are they schemas, and what types do they give?

Public: `read(owner, path, …)` → `Sections`, `fault(section)`.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from choreo_local.apimachinery import fielderrors
from choreo_local.apimachinery.fielderrors import FieldError
from choreo_local.apimachinery.schema import ruletypes, structural
from choreo_local.apimachinery.schema.structural import Structural
from choreo_local.cel import types
from choreo_local.cel.types import Field, Type
from choreo_local.rendering import schema, schemashape
from choreo_local.rendering.errors import SchemaError

from . import reading, schemakeywords

_SCHEMA = "openAPIV3Schema"
# Longer schemas are read each time: kept, they would outweigh what the reading costs.
_LONGEST_KEPT = 64 * 1024
_UNDECODABLE = "failed to unmarshal schema to JSONSchemaProps: "
_TYPE_NAMES = {"parameters": "Parameters", "environmentConfigs": "EnvironmentConfigs"}
_OBJECT_FIELDS = {
    "apiVersion": types.STRING,
    "kind": types.STRING,
    "metadata": types.object_of("ObjectMeta", {"name": types.STRING, "generateName": types.STRING}),
}


@dataclass(frozen=True, slots=True)
class Sections:
    """The sections of a type or trait.

    Attributes:
        parameters: type of the variable `parameters`.
        configs: type of the variable `environmentConfigs`.
        problems: what is wrong with the sections.
    """

    parameters: Type
    configs: Type
    problems: tuple[FieldError, ...]


@dataclass(frozen=True, slots=True)
class _Section:
    type: Type
    broken: str = ""
    unknown: str = ""


def read(
    owner: Mapping[str, Any], path: str, *, strict: bool = True, loose_unions: bool = True
) -> Sections:
    """Read the sections of a spec.

    Args:
        owner: the spec.
        path: where it stands.
        strict: whether keywords that no schema has are refused, and not only passed over.
        loose_unions: whether a value without a type but with alternatives may be of any type;
            otherwise it cannot be used in expressions.
    """
    found = {
        name: _section(owner.get(name), type_name, loose_unions=loose_unions)
        for name, type_name in _TYPE_NAMES.items()
    }
    problems = []
    for name, section in found.items():
        if section.broken:
            detail = f"failed to parse {name} schema: {section.broken}"
            problems.append(_problem(f"{path}.{name}", detail))
    for name, section in found.items():
        if strict and section.unknown:
            detail = f"openAPIV3Schema contains unknown or invalid fields: {section.unknown}"
            problems.append(_problem(f"{path}.{name}", detail))
    return Sections(found["parameters"].type, found["environmentConfigs"].type, tuple(problems))


def fault(section: Any) -> str:
    """Why a section has no schema that values could be held against; empty when it has."""
    return _section(section, "", loose_unions=True).broken


def _problem(path: str, detail: str) -> FieldError:
    return fielderrors.invalid_value(path, fielderrors.OMITTED, detail)


def _section(section: Any, type_name: str, *, loose_unions: bool) -> _Section:
    raw = reading.member(section, _SCHEMA)
    if not isinstance(raw, Mapping):
        return _Section(types.object_of(type_name, {}))
    try:
        text = orjson.dumps(raw)
    except orjson.JSONEncodeError as error:
        return _Section(types.object_of(type_name, {}), f"schema cannot be read: {error}")
    read_text = _kept_section if len(text) <= _LONGEST_KEPT else _read_section
    return read_text(text, type_name, loose_unions=loose_unions)


def _read_section(text: bytes, type_name: str, *, loose_unions: bool) -> _Section:
    nothing = types.object_of(type_name, {})
    try:
        resolved = schema.resolved({_SCHEMA: orjson.loads(text)})
    except SchemaError as error:
        return _Section(nothing, error.message)
    unknown = schemakeywords.unknown(resolved)
    word = f'json: unknown field "{unknown}"' if unknown else ""
    misused = schemakeywords.misused(resolved)
    if misused:
        return _Section(nothing, f"{_UNDECODABLE}{misused}", misused)
    try:
        schemashape.check(resolved)
    except SchemaError as error:
        # The strict decoder stops at the same place with the same words.
        invalid = error.message.removeprefix(_UNDECODABLE)
        is_undecodable = invalid != error.message
        return _Section(nothing, error.message, invalid if is_undecodable else word)
    node = structural.from_crd(resolved)
    return _Section(_type_of(node, type_name, loose_unions=loose_unions) or nothing, "", word)


_kept_section = functools.lru_cache(maxsize=256)(_read_section)


def _type_of(node: Structural, name: str, *, loose_unions: bool) -> Type | None:
    """The type of values of a schema; None where it says too little to use them."""
    if not node.int_or_string and node.type == "object":
        return _object_type(node, name, loose_unions=loose_unions)
    if not node.int_or_string and node.type == "array":
        items = node.items
        if items is None:
            return None
        element = _type_of(items, f"{name}.@idx", loose_unions=loose_unions)
        return None if element is None else types.list_of(element)
    if loose_unions and not node.type and (node.one_of or node.any_of or node.all_of):
        return types.DYN
    return ruletypes.type_of(node)


def _object_type(node: Structural, name: str, *, loose_unions: bool) -> Type | None:
    additional = node.additional_properties
    if isinstance(additional, Structural):
        value = _type_of(additional, f"{name}.@elem", loose_unions=loose_unions)
        return None if value is None else types.map_of(types.STRING, value)
    fields: dict[str, Field] = {}
    for key, child in node.properties.items():
        found = _type_of(child, f"{name}.{key}", loose_unions=loose_unions)
        if found is not None:
            fields.update(_spelled(key, found))
    if node.embedded_resource:
        fields.update({key: Field(type_) for key, type_ in _OBJECT_FIELDS.items()})
    return types.ObjectType(name, fields)


def _spelled(key: str, type_: Type) -> Iterator[tuple[str, Field]]:
    """A property under its own name, and as Kubernetes escapes it, which upstream knows only."""
    for spelling in dict.fromkeys((key, *ruletypes.spellings(key))):
        yield spelling, Field(type_, key)
