"""Objects of OpenChoreo as tables, with the columns that their kinds have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from choreo_local.api import registry
from choreo_local.cli import ages, output

Object = Mapping[str, Any]
# A heading, and how an object fills the column below it.
Column = tuple[str, Callable[[Object], str]]

_DATE = "date"


def of_kind(kind: registry.ApiKind) -> list[Column]:
    """The columns that the kube API would show, but for the age."""
    return [
        (column.name.upper(), _reader(column))
        for column in kind.columns
        if column.name.lower() != "age"
    ]


def print_objects(
    objects: Sequence[Object],
    form: str,
    columns: Sequence[Column],
    *,
    single: bool = False,
    everywhere: bool = False,
) -> None:
    """Print objects in any of `output.FORMATS`.

    Args:
        objects: in the order in which they are shown.
        form: of the output.
        columns: between name and age.
        single: whether one object was asked for by name.
        everywhere: whether they are of several namespaces.
    """
    heads = [*(["NAMESPACE"] if everywhere else []), "NAME"]

    def row(obj: Object) -> list[str]:
        metadata = obj["metadata"]
        place = [str(metadata.get("namespace", ""))] if everywhere else []
        cells = [read(obj) for _, read in columns]
        return [*place, metadata["name"], *cells, ages.age(metadata.get("creationTimestamp"))]

    output.objects(
        objects,
        form,
        columns=[*heads, *(name for name, _ in columns), "AGE"],
        row=row,
        single=single,
    )


def _reader(column: registry.Column) -> Callable[[Object], str]:
    from choreo_local.embedded.kubeapi.jsonpath import JsonPath, PathError

    path = JsonPath(column.json_path)

    def read(obj: Object) -> str:
        try:
            values = path.find(obj)
        except PathError:
            values = []
        if column.type == _DATE:
            return ages.age(str(values[0]) if values else None)
        return ",".join(str(value) for value in values) or "<none>"

    return read
