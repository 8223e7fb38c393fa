"""Rendered manifests with their plane, and how patches, removes and rules select them; pure.

Public: `RenderedResource`, `matching(resources, target, plane)`, `is_selected(scope, target, …)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from . import controlflow, values
from .template import Scope

DATA_PLANE = "dataplane"
OBSERVABILITY_PLANE = "observabilityplane"


@dataclass(frozen=True, slots=True)
class RenderedResource:
    """A manifest and the plane it goes to; patches change the manifest in place while rendering."""

    manifest: dict[str, Any]
    target_plane: str = DATA_PLANE

    @property
    def title(self) -> str:
        """Kind and name, for messages."""
        name = values.members(self.manifest.get("metadata")).get("name", "")
        return f"{self.manifest.get('kind', '')}/{name}"


def matching(
    resources: Iterable[RenderedResource], target: Mapping[str, Any], plane: str
) -> list[RenderedResource]:
    """The resources of a plane, group, version and kind; whatever is empty matches all.

    An empty group therefore does not mean the core group; existing traits rely on that.
    """
    return [
        resource
        for resource in resources
        if (not plane or resource.target_plane == plane) and _is_of(resource.manifest, target)
    ]


def is_selected(scope: Scope, target: Mapping[str, Any], resource: RenderedResource) -> bool:
    """Does the target's `where`, if any, hold for this resource?

    Raises:
        NotBooleanError: it is neither true nor false.
    """
    where = target.get("where")
    if not where:
        return True
    return controlflow.holds(scope.bound(resource=resource.manifest), where)


def _is_of(manifest: Mapping[str, Any], target: Mapping[str, Any]) -> bool:
    before, slash, after = str(manifest.get("apiVersion") or "").partition("/")
    group, version = (before, after) if slash else ("", before)
    actual = {"group": group, "version": version, "kind": manifest.get("kind") or ""}
    return all(not target.get(key) or target[key] == value for key, value in actual.items())
