"""What kube-apiserver refuses in builtin objects, with its texts. Pure.

`strategy` asks on every write of a builtin object, after defaulting. An object has the shape of its
type already. Problems come in no particular order.
"""

from __future__ import annotations

from typing import Any

from choreo_local.apimachinery.fielderrors import FieldError
from choreo_local.apimachinery.gvk import GroupVersionKind
from choreo_local.embedded.kubeapi.validation import kinds, metadata, names


def validate_metadata(found: dict[str, Any], *, namespaced: bool) -> list[FieldError]:
    """The problems of metadata of a kind without a rule for names, e.g. a custom one."""
    return list(metadata.validate(found, namespaced=namespaced, name=names.dns_subdomain))


def validate_create(gvk: GroupVersionKind, obj: dict[str, Any]) -> list[FieldError]:
    """The problems of a new object."""
    return list(kinds.validate_create(gvk, obj))


def validate_update(
    gvk: GroupVersionKind, new: dict[str, Any], old: dict[str, Any], *, subresource: str = ""
) -> list[FieldError]:
    """The problems of a change, those of the metadata's own rules for changes left out."""
    return list(kinds.validate_update(gvk, new, old, subresource=subresource))
