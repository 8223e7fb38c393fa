"""What is wrong with a custom object: metadata, schema, and what its scale reads. Pure.

A change of the status is judged by the schema of the status alone, and its problems are worded
from there. Used by `strategy`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from choreo_local.apimachinery import fielderrors, gotext
from choreo_local.apimachinery.fielderrors import FieldError
from choreo_local.embedded.kubeapi import validation
from choreo_local.embedded.kubeapi.core import Manifest
from choreo_local.embedded.kubeapi.registry import Collection
from choreo_local.errors import Cause

_STATUS = "status."
_MOST_REPLICAS = (1 << 31) - 1


def check(
    collection: Collection, new: Manifest, old: Manifest | None = None, *, subresource: str = ""
) -> list[Cause]:
    """The problems of a new object, or of a changed one.

    Args:
        collection: the resource.
        new: the object, defaulted and pruned.
        old: the object as it is stored, for an update.
        subresource: through which it is changed.
    """
    namespaced = collection.kind.namespaced
    causes: list[Cause] = []
    causes += validation.validate_metadata(new["metadata"], namespaced=namespaced)
    if collection.validator is not None:
        found = collection.validator.validate(new, old, known=causes)
        causes += map(_from_status, found) if subresource == "status" else found
    scale = collection.served.scale
    if scale is not None:
        causes += _check_scale(new, scale, of_status=subresource == "status")
    return causes


def _from_status(error: FieldError) -> FieldError:
    inside = error.field.removeprefix(_STATUS) if error.field.startswith(_STATUS) else ""
    prefix = f"{error.field} in body"
    if not (inside or error.field == "status") or not error.detail.startswith(prefix):
        return error
    detail = f"{inside} in body{error.detail.removeprefix(prefix)}"
    return replace(error, detail=detail, message=error.message.replace(error.detail, detail))


def _check_scale(
    obj: Manifest, scale: Mapping[str, Any], *, of_status: bool
) -> Iterator[FieldError]:
    if not of_status:
        yield from _check_replicas(obj, scale["specReplicasPath"])
    yield from _check_replicas(obj, scale["statusReplicasPath"])
    path = scale.get("labelSelectorPath")
    if path:
        value, problem = _nested(obj, path, str)
        if problem:
            yield fielderrors.invalid_value(path, value, problem)


def _check_replicas(obj: Manifest, path: str) -> Iterator[FieldError]:
    value, problem = _nested(obj, path, int)
    if not problem and value < 0:
        problem = "should be a non-negative integer"
    elif not problem and value > _MOST_REPLICAS:
        problem = f"should be less than or equal to {_MOST_REPLICAS}"
    if problem:
        yield fielderrors.invalid_value(path, value, problem)


def _nested(obj: Any, path: str, wanted: type[int] | type[str]) -> tuple[Any, str]:
    """The value at a path, or its zero and why there is none of the type that is wanted."""
    steps = path.strip(".").split(".")
    type_name = "int64" if wanted is int else "string"
    for step in steps:
        if not isinstance(obj, Mapping):
            return wanted(), _mismatch(steps, obj, "map[string]interface{}")
        if step not in obj:
            return wanted(), ""
        obj = obj[step]
    if not isinstance(obj, wanted) or isinstance(obj, bool):
        return wanted(), _mismatch(steps, obj, type_name)
    return obj, ""


def _mismatch(steps: list[str], value: Any, wanted: str) -> str:
    found = gotext.plain(value)
    return (
        f".{'.'.join(steps)} accessor error: {found} is of the type {gotext.type_name(value)},"
        f" expected {wanted}"
    )
