"""Defaults in schemas of CRDs: they must be known to the schema and valid by it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.apimachinery.copying import deep_copy
from choreo_local.apimachinery.fielderrors import FieldError
from choreo_local.apimachinery.schema import defaulting, listtypes, problems, pruning, walker
from choreo_local.apimachinery.schema.node import MISSING, Structural


def check(schema: Structural, path: str) -> Iterator[FieldError]:
    """The problems of all defaults in a schema."""
    if schema.default is not MISSING and schema.default is not None:
        yield from _default(schema, schema.default, f"{path}.default")
    for name, child in schema.properties.items():
        if not (path.endswith("openAPIV3Schema") and name == "metadata"):
            yield from check(child, f"{path}.properties[{name}]")
    if isinstance(schema.additional_properties, Structural):
        yield from check(schema.additional_properties, f"{path}.additionalProperties")
    if schema.items is not None:
        yield from check(schema.items, f"{path}.items")


def _default(schema: Structural, value: Any, path: str) -> Iterator[FieldError]:
    pruned = deep_copy(value)
    if pruning.prune_value(schema, pruned):
        yield fielderrors.invalid_value(path, value, "must not have unknown fields")
        return
    completed = deep_copy(value)
    defaulting.apply(schema, completed)
    for problem in walker.validate(schema, completed, every_format=False):
        yield problems.field_error(problem, parent=path)
    yield from listtypes.validate(schema, completed, path)
