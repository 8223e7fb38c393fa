"""JSON Merge Patch (RFC 7386)."""

from __future__ import annotations

from typing import Any

from choreo_local.apimachinery.copying import deep_copy
from choreo_local.apimachinery.patch.decoding import mismatch


def apply(document: Any, patch: Any) -> Any:
    """The document after the patch; neither is touched.

    Raises:
        BadRequestError: the patch is not an object.
    """
    if not isinstance(patch, dict):
        raise mismatch(patch, "map[string]interface {}")
    return _merge(document, patch)


def _merge(document: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return deep_copy(patch)
    merged = dict(document) if isinstance(document, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merge(merged.get(name), value)
    for name, value in merged.items():
        if name not in patch:
            merged[name] = deep_copy(value)
    return merged
