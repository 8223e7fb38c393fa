"""What a write does to the managers of an object, and the conflict when it may not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from choreo_local.apimachinery.patch import fieldset
from choreo_local.apimachinery.patch.comparing import Changes
from choreo_local.apimachinery.patch.fieldset import FieldSet
from choreo_local.apimachinery.patch.managed_fields import Manager, ManagerId, Managers
from choreo_local.errors import Cause, ConflictError

CONFLICT = "FieldManagerConflict"


class Conflicts(Exception):
    """Other managers own fields that an apply would change."""

    def __init__(self, fields: Mapping[ManagerId, tuple[Manager, FieldSet]]) -> None:
        super().__init__("fields are owned by others")
        self._fields = {key: fields[key] for key in sorted(fields) if fields[key][1]}

    def __bool__(self) -> bool:
        return bool(self._fields)

    def without(self, allowed: FieldSet) -> Self:
        """The conflicts about other fields than these."""
        return type(self)(
            {
                key: (manager, fieldset.difference(fields, allowed))
                for key, (manager, fields) in self._fields.items()
            }
        )

    def to_error(self) -> ConflictError:
        """The answer of the API."""
        found = {
            str(manager): [fieldset.text(path) for path in sorted(fieldset.paths(fields))]
            for manager, fields in self._fields.values()
        }
        causes = [
            Cause(CONFLICT, f"conflict with {manager}", path)
            for manager, paths in found.items()
            for path in paths
        ]
        return ConflictError(_message(found, causes), causes=causes)


def _message(found: Mapping[str, list[str]], causes: list[Cause]) -> str:
    if len(causes) == 1:
        return f"Apply failed with 1 conflict: {causes[0].message}: {causes[0].field}"
    lines = []
    for manager in sorted(found):
        lines.append(f"conflicts with {manager}:")
        lines += [f"- {path}" for path in found[manager]]
    return f"Apply failed with {len(causes)} conflicts: " + "\n".join(lines)


def release(managers: Managers, us: ManagerId, changes: Changes, *, force: bool) -> Managers:
    """The managers after a write: what it changed or removed, the others own no longer.

    Raises:
        Conflicts: it changed what others own, and `force` is not set.
    """
    taken = {
        key: (manager, shared)
        for key, manager in managers.items()
        if key != us and (shared := fieldset.intersection(manager.fields, changes.changed))
    }
    if taken and not force:
        raise Conflicts(taken)
    left: Managers = {}
    for key, manager in managers.items():
        fields = manager.fields
        if key != us:
            if key in taken:
                fields = fieldset.difference(fields, changes.changed)
            fields = fieldset.difference(fields, changes.removed)
        if fields is manager.fields:
            left[key] = manager
        elif fields:
            left[key] = manager.owning(fields)
    return left
