"""Who owns the replicas: managedFields of an object as those of its Scale, and back. Pure.

An apply to a scale asks who else has set the replicas of the object. Used by `scaling`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from choreo_local.apimachinery.copying import deep_copy

Entry = dict[str, Any]

SCALE_VERSION = "autoscaling/v1"
_IN_SCALE: dict[str, Any] = {"f:spec": {"f:replicas": {}}}


def of_scale(entries: Iterable[Entry], path: str) -> list[Entry]:
    """The entries of the Scale: those of the object that own its replicas.

    Args:
        entries: managedFields of the object.
        path: of the replicas in the object, e.g. `.spec.replicas`.
    """
    steps = _steps(path)
    return [
        {**entry, "apiVersion": SCALE_VERSION, "fieldsV1": deep_copy(_IN_SCALE)}
        for entry in entries
        if _owns(entry.get("fieldsV1") or {}, steps)
    ]


def of_object(
    entries: Iterable[Entry], scale: Iterable[Entry], path: str, *, api_version: str
) -> list[Entry]:
    """The entries of the object after those of its Scale have changed."""
    steps = _steps(path)
    left = {_who(entry): entry for entry in scale}
    return [*_kept(entries, left, steps), *_added(left.values(), steps, api_version)]


def _kept(
    entries: Iterable[Entry], left: dict[tuple[str, ...], Entry], steps: Sequence[str]
) -> Iterator[Entry]:
    for entry in entries:
        owner = left.pop(_who(entry), None)
        fields = deep_copy(entry.get("fieldsV1") or {})
        if owner is None and _owns(fields, steps):
            _remove(fields, steps)
        elif owner is not None:
            _put(fields, steps)
        if fields:
            yield {**entry, "fieldsV1": fields}


def _added(entries: Iterable[Entry], steps: Sequence[str], api_version: str) -> Iterator[Entry]:
    for entry in entries:
        fields: dict[str, Any] = {}
        _put(fields, steps)
        yield {**entry, "apiVersion": api_version, "fieldsV1": fields}


def _who(entry: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(entry.get(name, "")) for name in ("manager", "operation", "subresource"))


def _steps(path: str) -> list[str]:
    return [f"f:{step}" for step in path.strip(".").split(".")]


def _owns(fields: Mapping[str, Any], steps: Sequence[str]) -> bool:
    found: Any = fields
    for step in steps:
        found = found.get(step) if isinstance(found, Mapping) else None
    return found is not None


def _put(fields: dict[str, Any], steps: Sequence[str]) -> None:
    for step in steps:
        fields = fields.setdefault(step, {})


def _remove(fields: dict[str, Any], steps: Sequence[str]) -> None:
    step, *rest = steps
    if rest:
        _remove(fields[step], rest)
    if not rest or not fields[step]:
        del fields[step]
