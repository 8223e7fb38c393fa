"""Objects as `meta.k8s.io/v1` Tables: what `kubectl get` and k9s print. Pure.

Builtin kinds have printers in `columns`; custom ones name JSON paths in their CRD; the rest shows
name and creation time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson

from choreo_local import clock
from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi import columns, jsonpath
from choreo_local.embedded.kubeapi.columns import cells, fields
from choreo_local.embedded.kubeapi.columns.printer import AGE, CREATED_AT, NAME, Printer, column
from choreo_local.embedded.kubeapi.resources import PrinterColumn, ServedResource
from choreo_local.errors import BadRequestError

Object = Mapping[str, Any]
_LIST_KEYS = ("resourceVersion", "continue", "remainingItemCount")
_MAX_INTEGER = 2**63
_INCLUDES = {"": "Metadata", "Metadata": "Metadata", "Object": "Object", "None": "None"}

_DEFAULT_COLUMNS = (NAME, CREATED_AT)
_CUSTOM_AGE = PrinterColumn("Age", "date", AGE.description, json_path=".metadata.creationTimestamp")
_SCALE_COUNTS = (
    column("Desired", "Replicas that are wanted.", type="integer"),
    column("Available", "Replicas that exist.", type="integer"),
)
_BUILTIN_SCALE = (column("Name", NAME.description), *_SCALE_COUNTS, AGE)
_CUSTOM_SCALE = (NAME, *_SCALE_COUNTS, PrinterColumn("Age", "date", AGE.description))


def render(
    resource: ServedResource,
    objects: Sequence[Object],
    *,
    list_metadata: Mapping[str, Any] | None = None,
    include_object: str = "",
    version: str = "v1",
    now: datetime | None = None,
) -> dict[str, Any]:
    """A Table of objects.

    Args:
        resource: their type.
        objects: one for a single object or a watch event, or the items of a list.
        list_metadata: of the answer: resourceVersion, continue, remainingItemCount.
        include_object: what a row carries: "Metadata" (or ""), "Object" or "None".
        version: `v1`, or `v1beta1` for old clients.
        now: the moment that ages are counted to; the present one by default.

    Raises:
        BadRequestError: `include_object` is something else.
    """
    include = _include(include_object)
    moment = now or clock.now()
    rows = [_row(resource, obj, moment, include, version) for obj in objects]
    return {
        "kind": "Table",
        "apiVersion": f"meta.k8s.io/{version}",
        "metadata": {key: value for key in _LIST_KEYS if (value := (list_metadata or {}).get(key))},
        "columnDefinitions": _definitions(resource, objects),
        # Kinds without a printer of their own have no rows where others have an empty list.
        "rows": rows or ([] if resource.custom or _printer(resource) else None),
    }


def partial(obj: Object, *, version: str = "v1") -> dict[str, Any]:
    """An object as `PartialObjectMetadata`: nothing but its metadata."""
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": f"meta.k8s.io/{version}",
        "metadata": obj.get("metadata") or {},
    }


def _printer(resource: ServedResource) -> Printer | None:
    return None if resource.custom else columns.find(resource.kind.group, resource.kind.kind)


def _include(text: str) -> str:
    found = _INCLUDES.get(text)
    if found is None:
        raise BadRequestError(
            f"Unable to convert to Table as requested: includeObject: Invalid value: "
            f"{fielderrors.quote(text)}: must be 'Metadata', 'Object', 'None', or empty"
        )
    return found


def _columns(resource: ServedResource, objects: Sequence[Object]) -> tuple[PrinterColumn, ...]:
    if objects and objects[0].get("kind") == "Scale":
        return _CUSTOM_SCALE if resource.custom else _BUILTIN_SCALE
    if resource.custom:
        return (NAME, *(resource.columns or (_CUSTOM_AGE,)))
    printer = _printer(resource)
    return printer.columns if printer else _DEFAULT_COLUMNS


def _definitions(resource: ServedResource, objects: Sequence[Object]) -> list[dict[str, Any]]:
    is_scale = bool(objects) and objects[0].get("kind") == "Scale"
    # A column of somebody's own means what its author says.
    kind = "Scale" if is_scale else "" if resource.custom else resource.kind.kind
    return [_definition(kind, one) for one in _columns(resource, objects)]


def _definition(kind: str, shown: PrinterColumn) -> dict[str, Any]:
    own = shown.json_path and shown is not _CUSTOM_AGE
    description = "" if own else fields.describe(kind, shown.name)
    description = description or shown.description
    if not description and shown.json_path:
        description = f"Custom resource definition column (in JSONPath format): {shown.json_path}"
    return {
        "name": shown.name,
        "type": shown.type,
        "format": shown.format,
        "description": description,
        "priority": shown.priority,
    }


def _row(
    resource: ServedResource, obj: Object, now: datetime, include: str, version: str
) -> dict[str, Any]:
    printer = _printer(resource)
    row: dict[str, Any] = {"cells": _cells(resource, printer, obj, now)}
    if printer is not None and printer.conditions is not None:
        marks = printer.conditions(obj)
        if marks:
            row["conditions"] = marks
    row["object"] = None if include == "None" else obj
    if include == "Metadata":
        row["object"] = partial(obj, version=version)
    return row


def _cells(
    resource: ServedResource, printer: Printer | None, obj: Object, now: datetime
) -> list[Any]:
    if obj.get("kind") == "Scale":
        counts = [cells.get(obj, f"{part}.replicas", 0) for part in ("spec", "status")]
        return [cells.name(obj), *counts, cells.age(obj, now)]
    if printer is not None:
        return printer.cells(obj, now)
    if resource.custom:
        shown = resource.columns or (_CUSTOM_AGE,)
        return [cells.name(obj), *(_custom_cell(one, obj, now) for one in shown)]
    return [cells.name(obj), cells.get(obj, "metadata.creationTimestamp")]


def _custom_cell(shown: PrinterColumn, obj: Object, now: datetime) -> Any:
    try:
        found = jsonpath.compile_path(shown.json_path).find(obj)
    except jsonpath.PathError:
        return None
    if not found:
        return None
    value = found[0]
    if shown.type == "string":
        return _text(value)
    if value is None:
        return None
    return _typed_cell(shown.type, value, now)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return "<no value>"
    is_huge = isinstance(value, int) and abs(value) >= _MAX_INTEGER
    if isinstance(value, float) or is_huge:
        return _float_text(float(value))
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _float_text(value: float) -> str:
    """The shortest text, with an exponent from a million; whole numbers that fit are integers."""
    if value.is_integer() and abs(value) < _MAX_INTEGER:
        return str(int(value))
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    power = len(digits) + int(exponent) - 1
    if -5 < power < 6:
        return f"{Decimal(repr(value)).normalize():f}"
    mantissa = "".join(map(str, digits))
    fraction = f".{mantissa[1:]}" if len(mantissa) > 1 else ""
    return f"{'-' if sign else ''}{mantissa[0]}{fraction}e{power:+03d}"


def _typed_cell(type_: str, value: Any, now: datetime) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if type_ == "integer":
        return int(value) if is_number else None
    if type_ == "number":
        return value if is_number else None
    if type_ == "boolean":
        return value if isinstance(value, bool) else None
    if type_ == "date" and isinstance(value, str):
        return _age(value, now)
    return None


def _age(text: str, now: datetime) -> str:
    if text in ("", "null"):
        return cells.UNKNOWN
    try:
        moment = clock.parse_timestamp(text)
        return cells.human_duration((now - moment).total_seconds())
    except (ValueError, TypeError):
        return "<invalid>"
