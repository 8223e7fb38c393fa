"""Objects inside of custom resources: their metadata takes the shape that all metadata has.

`strategy` calls this when it decodes a custom resource; what does not fit is refused as a body that
cannot be read, before anything is validated.
"""

from __future__ import annotations

from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.apimachinery.schema import embedded
from choreo_local.apimachinery.schema.structural import Structural
from choreo_local.embedded.kubeapi import typed


def shape(schema: Structural, obj: dict[str, Any]) -> list[str]:
    """Shape the metadata of all embedded objects, in place.

    Returns:
        The paths of unknown fields, which are gone.

    Raises:
        ShapeError: a value is of the wrong type.
    """
    unknown: list[str] = []
    if embedded.has_any(schema):
        _shape(schema, obj, "", unknown)
    return unknown


def _shape(schema: Structural, value: Any, path: str, unknown: list[str]) -> None:
    if isinstance(value, dict):
        if schema.embedded_resource:
            _object(value, path, unknown)
        for name, item in value.items():
            child = schema.property(name)
            if child is not None:
                below = f"{path}.{name}" if path else name
                declared = name in schema.properties
                _shape(child, item, below if declared else f"{path}[{name}]", unknown)
    elif isinstance(value, list) and schema.items is not None:
        for index, item in enumerate(value):
            _shape(schema.items, item, f"{path}[{index}]", unknown)


def _object(value: dict[str, Any], path: str, unknown: list[str]) -> None:
    for name in ("apiVersion", "kind"):
        if name in value and not isinstance(value[name], str):
            raise _misfit(f"{path}.{name}", value[name], "must be a string")
    given = value.get("metadata")
    try:
        unknown += [f"{path}.{field}" for field in typed.shape_metadata(value)]
    except typed.ShapeError as error:
        raise _misfit(f"{path}.metadata", given, str(error)) from None


def _misfit(path: str, value: Any, why: str) -> typed.ShapeError:
    problem = fielderrors.invalid_value(path, value, why)
    return typed.ShapeError(f"{problem.field}: {problem.message}")
