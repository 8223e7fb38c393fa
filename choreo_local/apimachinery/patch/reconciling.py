"""Brings what managers own in line with a schema that has changed since they wrote it.

Only custom resources change like that. Where a list or map has become atomic, who owned a part of
it owns the whole. The other way round needs nothing: the owner keeps the field itself.
"""

from __future__ import annotations

from choreo_local.apimachinery.patch import atoms
from choreo_local.apimachinery.patch.atoms import Atom, Relation
from choreo_local.apimachinery.patch.fieldset import FieldSet
from choreo_local.apimachinery.patch.managed_fields import Managers


def reconcile(atom: Atom, managers: Managers) -> Managers:
    """The managers with the fields that the schema knows now."""
    if atom.typed:
        return managers
    return {
        key: manager if fields is manager.fields else manager.owning(fields)
        for key, manager in managers.items()
        for fields in (_reconciled(atom, manager.fields),)
    }


def _reconciled(atom: Atom, fields: FieldSet) -> FieldSet:
    """The set itself when it needs no change."""
    changed: FieldSet = {}
    for element, node in fields.items():
        if element == "." or not node:
            continue
        child, _ = atoms.below(atom, element)
        if not child.typed:
            below = {} if _is_atomic(child) else _reconciled(child, node)
            if below is not node:
                changed[element] = below
    return {**fields, **changed} if changed else fields


def _is_atomic(atom: Atom) -> bool:
    # A place that takes lists as well as maps takes anything; the schema says nothing about it.
    if atom.list is not None and atom.map is not None:
        return False
    return Relation.ATOMIC in (atom.list, atom.map)
