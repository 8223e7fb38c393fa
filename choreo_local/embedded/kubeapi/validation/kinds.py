"""Which rules hold for which kind: names, the rules of the object, the rules of changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from choreo_local.apimachinery.gvk import GroupVersionKind
from choreo_local.embedded.kubeapi.validation import metadata, names
from choreo_local.embedded.kubeapi.validation.metadata import Problems
from choreo_local.embedded.kubeapi.validation.names import Check

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of a kind.

    Attributes:
        name: of names.
        namespaced: it has a namespace.
        create: of a new object, beside its metadata.
        update: of a changed object, beside its metadata.
        status: of a changed status.
    """

    name: Check = names.dns_subdomain
    namespaced: bool = True
    create: Callable[[Manifest], Problems] | None = None
    update: Callable[[Manifest, Manifest], Problems] | None = None
    status: Callable[[Manifest, Manifest], Problems] | None = None


_RULES: dict[tuple[str, str], Rules] = {}
# Requests that are answered and not stored.
_TRANSIENT = "Review"


def validate_create(gvk: GroupVersionKind, obj: Manifest) -> Problems:
    """The problems of a new object."""
    rules = _RULES.get((gvk.group, gvk.kind))
    if rules is None:
        return
    yield from metadata.validate(obj["metadata"], namespaced=rules.namespaced, name=rules.name)
    if rules.create is not None:
        yield from rules.create(obj)


def validate_update(
    gvk: GroupVersionKind, new: Manifest, old: Manifest, *, subresource: str
) -> Problems:
    """The problems of a changed object."""
    rules = _RULES.get((gvk.group, gvk.kind))
    if rules is None:
        return
    yield from metadata.validate_update(new["metadata"], old["metadata"])
    if subresource == "status":
        if rules.status is not None:
            yield from rules.status(new, old)
    elif rules.update is not None:
        yield from rules.update(new, old)
