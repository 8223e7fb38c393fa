"""Adopt and release dependants until the cache shows exactly those that an owner has."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.embedded.controllermanager import references
from choreo_local.embedded.controllermanager.objects import Objects
from choreo_local.embedded.controllermanager.plans import Manifest
from choreo_local.embedded.controllermanager.selectors import Selector


async def claimed(
    objects: Objects,
    owner: Manifest,
    candidates: Callable[[], Sequence[Manifest]],
    *,
    owner_kind: ResourceKind,
    kind: ResourceKind,
    selector: Selector,
) -> tuple[Manifest, ...]:
    """The dependants of `owner`, after adoption and release.

    `candidates` reads the cache and is called again after writes.
    """
    while True:
        found = references.claim(
            owner, candidates(), owner_kind=owner_kind, kind=kind, selector=selector
        )
        if not found.writes:
            return found.owned
        for write in found.writes:
            await objects.write(write)
