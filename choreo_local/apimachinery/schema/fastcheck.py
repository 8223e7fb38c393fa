"""Says in a microsecond that a value is valid; only if it cannot, the walker has to look.

A compiled JSON Schema answers "yes" or "perhaps not". It may never say yes to what the walker
would refuse, so keywords that the two understand differently make a schema unfit for this.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jsonschema_rs

from choreo_local.apimachinery.schema import formats, patterns
from choreo_local.apimachinery.schema.node import Structural

Check = Callable[[Any], bool]

_INT64 = (-(2**63), 2**63 - 1)
# JSON Schema's own formats are not the ones that we mean.
_PREFIX = "kube-"


class _UnfitError(Exception):
    """The schema uses what JSON Schema reads differently."""


def compile_check(schema: Structural) -> Check:
    """A function that says whether a value is certainly valid."""
    try:
        converted = _convert(schema)
        validator = jsonschema_rs.Draft7Validator(
            converted,
            formats={_PREFIX + name: _format_check(name) for name in formats.NAMES},
            validate_formats=True,
            pattern_options=jsonschema_rs.RegexOptions(),
        )
    except (_UnfitError, ValueError):
        return _never
    return validator.is_valid


def _never(_: Any) -> bool:
    return False


def _format_check(name: str) -> Callable[[str], bool]:
    return lambda text: formats.is_valid(name, text)


def _convert(schema: Structural) -> dict[str, Any]:
    if schema.not_ is not None or schema.one_of or schema.multiple_of is not None:
        # In a negation our "perhaps not" would become a "yes"; multiples of floats are rounded.
        raise _UnfitError
    converted: dict[str, Any] = {}
    _add_type(schema, converted)
    _add_limits(schema, converted)
    if schema.properties:
        converted["properties"] = {
            name: _convert(child) for name, child in schema.properties.items()
        }
    additional = schema.additional_properties
    if isinstance(additional, Structural):
        converted["additionalProperties"] = _convert(additional)
    elif additional is False:
        converted["additionalProperties"] = False
    if schema.items is not None:
        converted["items"] = _convert(schema.items)
    for keyword, branches in (("anyOf", schema.any_of), ("allOf", schema.all_of)):
        if branches:
            converted[keyword] = [_convert(branch) for branch in branches]
    return converted


def _add_type(schema: Structural, converted: dict[str, Any]) -> None:
    types = list(schema.types)
    if types:
        converted["type"] = [*types, "null"] if schema.nullable else types
    if schema.enum is not None:
        converted["enum"] = list(schema.enum)
    if formats.is_known(schema.format):
        if types != ["string"]:
            raise _UnfitError
        converted["format"] = _PREFIX + schema.format


def _add_limits(schema: Structural, converted: dict[str, Any]) -> None:
    low, high = schema.minimum, schema.maximum
    if schema.type == "integer":
        lowest, highest = _INT64
        low = lowest if low is None else max(low, lowest)
        high = highest if high is None else min(high, highest)
    limits: dict[str, Any] = {
        "minLength": schema.min_length,
        "maxLength": schema.max_length,
        "minItems": schema.min_items,
        "maxItems": schema.max_items,
        "uniqueItems": schema.unique_items or None,
        "minProperties": schema.min_properties,
        "maxProperties": schema.max_properties,
        "required": list(schema.required) or None,
        "exclusiveMinimum" if schema.exclusive_minimum else "minimum": low,
        "exclusiveMaximum" if schema.exclusive_maximum else "maximum": high,
    }
    if schema.pattern:
        # What RE2 refuses is a problem of every value, which only the walker reports.
        patterns.compiled(schema.pattern)
        limits["pattern"] = schema.pattern
    converted |= {keyword: limit for keyword, limit in limits.items() if limit is not None}
