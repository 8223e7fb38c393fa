"""How a kind is printed: its columns, and a function from an object to cells."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from choreo_local.embedded.kubeapi.resources import PrinterColumn

Object = Mapping[str, Any]
CellsOf = Callable[[Object, datetime], list[Any]]
ConditionsOf = Callable[[Object], list[dict[str, str]]]


@dataclass(frozen=True, slots=True)
class Printer:
    """Columns and cells of a kind.

    Attributes:
        columns: in order; those with a priority are shown by `-o wide`.
        cells: one value a column, of an object at a moment.
        conditions: marks of a row, e.g. that a pod has completed.
    """

    columns: tuple[PrinterColumn, ...]
    cells: CellsOf
    conditions: ConditionsOf | None = None


def column(name: str, description: str, **options: Any) -> PrinterColumn:
    """A text column; `type`, `format` and `priority` may differ."""
    return PrinterColumn(name, options.pop("type", "string"), description, **options)


def wide(name: str, description: str, **options: Any) -> PrinterColumn:
    """A text column that only `-o wide` shows."""
    return column(name, description, priority=1, **options)


NAME = column("Name", "Name of the object, unique among its kind and namespace.", format="name")
AGE = column("Age", "Time since the object was created.")
CREATED_AT = column("Created At", "When the object was created.", type="date")
CONTAINERS = wide("Containers", "Names of the containers of the pod template.")
IMAGES = wide("Images", "Images of the containers of the pod template.")
SELECTOR = wide("Selector", "Labels of the pods that belong to the object.")
