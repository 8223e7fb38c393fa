"""Defaults of builtin kinds, and what creators and updaters have no say in. Pure.

`apply` fills in what is absent; `prepare_create` and `prepare_update` reset what belongs to the
system. `strategy` calls them on every write of a builtin object.
"""

from __future__ import annotations

from typing import Any

from choreo_local.apimachinery.gvk import GroupVersionKind
from choreo_local.embedded.kubeapi import definitions
from choreo_local.embedded.kubeapi.defaults import (  # noqa: F401 - they register themselves
    core,
    engine,
    pods,
    policies,
    strategies,
    workloads,
)


def apply(gvk: GroupVersionKind, obj: dict[str, Any]) -> None:
    """Fill in the defaults of a kind, in place; the object has the shape of its type already."""
    engine.apply(definitions.name_of(gvk), obj)


def prepare_create(gvk: GroupVersionKind, obj: dict[str, Any]) -> None:
    """Reset what a creator has no say in, e.g. the status; in place."""
    strategies.prepare_create(gvk, obj)


def prepare_update(
    gvk: GroupVersionKind, new: dict[str, Any], old: dict[str, Any], *, subresource: str = ""
) -> None:
    """Reset what an updater has no say in; in place."""
    strategies.prepare_update(gvk, new, old, subresource=subresource)
