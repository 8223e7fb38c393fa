"""Objects of OpenChoreo as tables, with the columns that their kinds have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from choreo_local.api import registry
from choreo_local.cli import ages, output

_AGE = registry.Column("Age", ".metadata.creationTimestamp", "date")


def print_objects(
    kind: registry.ApiKind,
    objects: Sequence[Mapping[str, Any]],
    form: str,
    *,
    single: bool = False,
    everywhere: bool = False,
    columns: Sequence[registry.Column] | None = None,
) -> None:
    """Print objects in any of `output.FORMATS`.

    Args:
        kind: of the objects.
        objects: in the order in which they are shown.
        form: of the output.
        single: whether one object was asked for by name.
        everywhere: whether they are of several namespaces.
        columns: other ones than those of the kind.
    """
    own = kind.columns if columns is None else columns
    shown = [*(column for column in own if column.name != _AGE.name), _AGE]
    heads = [*(["NAMESPACE"] if everywhere else []), "NAME"]

    def row(obj: Mapping[str, Any]) -> list[str]:
        metadata = obj["metadata"]
        place = [str(metadata.get("namespace", ""))] if everywhere else []
        return [*place, metadata["name"], *(cell(obj, column) for column in shown)]

    output.objects(
        objects,
        form,
        columns=[*heads, *(column.name.upper() for column in shown)],
        row=row,
        single=single,
    )


def cell(obj: Mapping[str, Any], column: registry.Column) -> str:
    """What a column shows of an object."""
    from choreo_local.embedded.kubeapi.jsonpath import JsonPath, PathError

    if column.type == "date":
        return ages.age(obj["metadata"].get("creationTimestamp"))
    try:
        values = JsonPath(column.json_path).find(obj)
    except PathError:
        values = []
    return ",".join(str(value) for value in values) or "<none>"
