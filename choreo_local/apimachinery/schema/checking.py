"""Which OpenAPI schemas a CustomResourceDefinition may carry.

Two sets of rules, as upstream: what the schema language of CRDs allows at all (`_Language`), and
what makes a schema structural (`structure`). Defaults and rules are checked only when both hold,
since they need a schema that can be compiled.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.apimachinery.fielderrors import FieldError
from choreo_local.apimachinery.schema import (
    checkeddefaults,
    listchecks,
    patterns,
    rulechecks,
    rulecosts,
    structure,
)
from choreo_local.apimachinery.schema.node import MAX_DEPTH, Structural

Schema = Mapping[str, Any]

# Where the kube API looks for the schema of a CRD with one version.
ROOT = "spec.validation.openAPIV3Schema"

_TYPES = ("array", "boolean", "integer", "number", "object", "string")
_UNSUPPORTED = ("id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref")
_BELOW = ("items", "additionalProperties", "not", "allOf", "anyOf", "oneOf")
_META_FIELDS = ("apiVersion", "kind", "metadata")


def check(openapi_v3_schema: Schema, path: str = ROOT) -> list[FieldError]:
    """The problems that forbid a CRD with this schema, sorted by field unless they are of cost.

    Args:
        openapi_v3_schema: the schema of a version.
        path: where it stands in the object.
    """
    too_deep = depth(openapi_v3_schema) > MAX_DEPTH
    if too_deep:
        return [fielderrors.forbidden(path, f"must not nest more than {MAX_DEPTH} levels")]
    found = [*_language(openapi_v3_schema, path, in_metadata=False, is_root=True)]
    if not _has_unsupported(openapi_v3_schema):
        found += structure.check(openapi_v3_schema, path)
    compiled = Structural(openapi_v3_schema)
    if not found:
        found += checkeddefaults.check(compiled, path)
    if not found:
        broken = sorted(rulechecks.compile_errors(compiled, path), key=_place)
        return [*broken, *rulecosts.check(compiled, path)]
    return sorted(found, key=_place)


def _place(error: FieldError) -> tuple[str, str]:
    return error.field, error.message


def depth(schema: Any) -> int:
    """How deep schemas nest in a schema, counted no further than it matters."""
    level, deepest = [schema], 0
    # From one schema to the next there is a map or list of schemas in between.
    while level and deepest <= 2 * (MAX_DEPTH + 1):
        deepest += 1
        level = [
            child
            for value in level
            for child in (value.values() if isinstance(value, Mapping) else value)
            if isinstance(child, Mapping | list)
        ]
    return deepest // 2


def _has_unsupported(schema: Any) -> bool:
    """Whether a keyword stands anywhere with which the real server cannot compile the schema."""
    if isinstance(schema, list):
        return any(map(_has_unsupported, schema))
    if not isinstance(schema, Mapping):
        return False
    if any(schema.get(keyword) for keyword in _UNSUPPORTED):
        return True
    below = [schema.get(keyword) for keyword in _BELOW]
    below += (schema.get("properties") or {}).values()
    return any(map(_has_unsupported, below))


def _language(
    schema: Schema, path: str, *, in_metadata: bool, is_root: bool
) -> Iterator[FieldError]:
    yield from _keywords(schema, path, in_metadata=in_metadata)
    yield from listchecks.check(schema, path)
    yield from rulechecks.check(schema, path)
    is_object = is_root or schema.get("x-kubernetes-embedded-resource") is True
    for name, child in (schema.get("properties") or {}).items():
        below = in_metadata or (is_object and name in _META_FIELDS)
        where = f"{path}.properties[{name}]"
        yield from _language(child, where, in_metadata=below, is_root=False)
    for keyword in ("additionalProperties", "items", "not"):
        child = schema.get(keyword)
        if isinstance(child, Mapping):
            where = f"{path}.{keyword}"
            yield from _language(child, where, in_metadata=in_metadata, is_root=False)
    for keyword in ("allOf", "anyOf", "oneOf"):
        for index, child in enumerate(schema.get(keyword) or ()):
            where = f"{path}.{keyword}[{index}]"
            yield from _language(child, where, in_metadata=in_metadata, is_root=False)


def _keywords(schema: Schema, path: str, *, in_metadata: bool) -> Iterator[FieldError]:
    kind = schema.get("type") or ""
    if kind == "null":
        detail = "type cannot be set to null, use nullable as an alternative"
        yield fielderrors.forbidden(f"{path}.type", detail)
    elif kind and kind not in _TYPES:
        yield fielderrors.not_supported(f"{path}.type", kind, _TYPES)
    for keyword in _UNSUPPORTED:
        if schema.get(keyword):
            yield fielderrors.forbidden(f"{path}.{keyword}", f"{keyword} is not supported")
    if isinstance(schema.get("items"), list):
        detail = "items must be a schema object and not an array"
        yield fielderrors.forbidden(f"{path}.items", detail)
    if schema.get("uniqueItems"):
        detail = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        yield fielderrors.forbidden(f"{path}.uniqueItems", detail)
    if schema.get("properties") and schema.get("additionalProperties") not in (None, True):
        detail = "additionalProperties and properties are mutual exclusive"
        yield fielderrors.forbidden(f"{path}.additionalProperties", detail)
    yield from _pattern(schema.get("pattern"), path)
    if schema.get("x-kubernetes-preserve-unknown-fields") is False:
        keyword = "x-kubernetes-preserve-unknown-fields"
        detail = "must be true or undefined"
        yield fielderrors.invalid_value(f"{path}.{keyword}", value=False, detail=detail)
    if in_metadata and schema.get("x-kubernetes-embedded-resource"):
        keyword = "x-kubernetes-embedded-resource"
        yield fielderrors.forbidden(f"{path}.{keyword}", "must not be used inside of resource meta")


def _pattern(pattern: Any, path: str) -> Iterator[FieldError]:
    if not pattern:
        return
    try:
        patterns.compiled(pattern)
    except ValueError as error:
        detail = f"must be a valid regular expression, but isn't: {error}"
        yield fielderrors.invalid_value(f"{path}.pattern", pattern, detail)
