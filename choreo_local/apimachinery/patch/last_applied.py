"""The bridge between `kubectl apply` on the client and on the server.

Client-side apply notes what it applied in an annotation. When the same user changes to server-side
apply, what kubectl itself had set is no conflict, and the annotation is kept up to date.
"""

from __future__ import annotations

import json
from typing import Any

from choreo_local.apimachinery.copying import deep_copy
from choreo_local.apimachinery.patch import comparing, fieldset, typechecking
from choreo_local.apimachinery.patch.atoms import Atom
from choreo_local.apimachinery.patch.fieldset import FieldSet

KUBECTL = "kubectl"
ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"
# All annotations of an object together may not be larger.
_MAX_BYTES = 256 * 1024


def owned_fields(atom: Atom, live: dict[str, Any]) -> FieldSet:
    """The fields that client-side apply set and that still have its values."""
    text = _annotations(live).get(ANNOTATION)
    try:
        configuration = json.loads(text) if text else None
    except ValueError:
        return {}
    if not isinstance(configuration, dict) or not configuration.get("apiVersion"):
        return {}
    if typechecking.problems(atom, configuration):
        return {}
    changes = comparing.compare(atom, configuration, live)
    owned = comparing.field_set(atom, configuration)
    return fieldset.difference(fieldset.difference(owned, changes.changed), changes.removed)


def refresh(obj: dict[str, Any], applied: dict[str, Any]) -> None:
    """Note what was applied, in place, where a note exists."""
    annotations = _annotations(obj)
    if ANNOTATION not in annotations:
        return
    configuration = deep_copy(applied)
    configuration.get("metadata", {}).pop("managedFields", None)
    _annotations(configuration).pop(ANNOTATION, None)
    text = json.dumps(configuration, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    annotations[ANNOTATION] = text + "\n"
    if sum(len(f"{key}{value}".encode()) for key, value in annotations.items()) > _MAX_BYTES:
        del annotations[ANNOTATION]


def _annotations(obj: dict[str, Any]) -> dict[str, str]:
    return (obj.get("metadata") or {}).get("annotations") or {}
