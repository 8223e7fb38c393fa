"""Namespaces: their finalizers and phases."""

from __future__ import annotations

from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi.validation import checks, metadata, names
from choreo_local.embedded.kubeapi.validation.metadata import Problems

Manifest = dict[str, Any]


def validate(obj: Manifest) -> Problems:
    """The problems of a new namespace."""
    for finalizer in obj["spec"].get("finalizers") or ():
        yield from _finalizer("spec.finalizers", finalizer)


def validate_finalizers(new: Manifest, _old: Manifest) -> Problems:
    """The problems of changed finalizers."""
    for index, finalizer in enumerate(new["spec"].get("finalizers") or ()):
        yield from _finalizer(f"spec.finalizers[{index}]", finalizer)


def _finalizer(path: str, finalizer: str) -> Problems:
    yield from checks.fits(path, finalizer, names.qualified_name)
    yield from metadata.kube_finalizer(path, finalizer)


def validate_status(new: Manifest, _old: Manifest) -> Problems:
    """The problems of a changed status: the phase follows the deletion."""
    phase = (new.get("status") or {}).get("phase") or ""
    deleting = bool(new["metadata"].get("deletionTimestamp"))
    expected = "Terminating" if deleting else "Active"
    if phase != expected:
        state = "not empty" if deleting else "empty"
        yield fielderrors.invalid_value(
            "status.Phase", phase, f"may only be '{expected}' if `deletionTimestamp` is {state}"
        )
