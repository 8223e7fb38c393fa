"""Objects inside of objects (`x-kubernetes-embedded-resource`): they have a type and metadata."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from choreo_local.apimachinery import fielderrors, names
from choreo_local.apimachinery.fielderrors import FieldError
from choreo_local.apimachinery.schema import walker
from choreo_local.apimachinery.schema.node import Structural
from choreo_local.apimachinery.schema.objectmeta import OBJECT_META

_EMPTY = "must not be empty"


def has_any(schema: Structural) -> bool:
    """Whether there are such objects at or below a node."""
    found = schema.derived.get("embedded objects")
    if found is None:
        found = schema.any_below(lambda node: node.embedded_resource)
        schema.derived["embedded objects"] = found
    return bool(found)


def validate(schema: Structural, value: Any, path: str = "") -> Iterator[FieldError]:
    """The problems of all embedded objects in a value."""
    if not has_any(schema):
        return
    if isinstance(value, dict):
        if schema.embedded_resource:
            yield from _object(value, path)
        for name, item in value.items():
            child = schema.property(name)
            if child is not None:
                below = f"{path}.{name}" if path else name
                declared = name in schema.properties
                yield from validate(child, item, below if declared else f"{path}[{name}]")
    elif isinstance(value, list) and schema.items is not None:
        for index, item in enumerate(value):
            yield from validate(schema.items, item, f"{path}[{index}]")


def _object(value: dict[str, Any], path: str) -> Iterator[FieldError]:
    for name, check in (("apiVersion", _version_problem), ("kind", _kind_problem)):
        where = f"{path}.{name}"
        if name not in value:
            yield fielderrors.required(where, _EMPTY)
        elif not isinstance(value[name], str):
            yield fielderrors.invalid_value(where, value[name], "must be a string")
        else:
            problem = check(value[name]) if value[name] else _EMPTY
            if problem:
                yield fielderrors.invalid_value(where, value[name], problem)
    metadata = value.get("metadata")
    if isinstance(metadata, dict):
        yield from _metadata(metadata, f"{path}.metadata")


def _version_problem(version: str) -> str:
    return f"unexpected GroupVersion string: {version}" if version.count("/") > 1 else ""


def _kind_problem(kind: str) -> str:
    problems = names.dns1035_label(kind.lower())
    if not problems:
        return ""
    return f"may have mixed case, but should otherwise match: {','.join(problems)}"


def _metadata(given: dict[str, Any], path: str) -> Iterator[FieldError]:
    # Null and absent are the same in metadata, e.g. `creationTimestamp: null`.
    metadata = {name: value for name, value in given.items() if value is not None}
    misfits = walker.validate(OBJECT_META, metadata)
    if misfits:
        yield fielderrors.invalid_value(path, metadata, misfits[0].text("metadata"))
        return
    for name in ("name", "generateName"):
        for problem in names.path_segment(metadata.get(name) or ""):
            yield fielderrors.invalid_value(f"{path}.{name}", metadata[name], problem)
    if metadata.get("namespace"):
        for problem in names.dns1123_label(metadata["namespace"]):
            yield fielderrors.invalid_value(f"{path}.namespace", metadata["namespace"], problem)
    yield from names.label_errors(metadata.get("labels") or {}, f"{path}.labels")
    yield from names.annotation_errors(metadata.get("annotations") or {}, f"{path}.annotations")
    for index, finalizer in enumerate(metadata.get("finalizers") or ()):
        for problem in names.qualified_name(finalizer):
            where = f"{path}.finalizers[{index}]"
            yield fielderrors.invalid_value(where, finalizer, problem)
