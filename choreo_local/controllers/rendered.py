"""The RenderedRelease that a binding wants, against the one that is there. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from choreo_local.api import labels
from choreo_local.apimachinery import owners
from choreo_local.controllers.observed import Manifest

Item = Mapping[str, Any]


class Change(Enum):
    """What writing the wanted release would mean."""

    CREATED = "created"
    UPDATED = "updated"
    NONE = "none"
    CONFLICT = "conflict"  # a release of that name belongs to somebody else


@dataclass(frozen=True, slots=True)
class WantedRelease:
    """A RenderedRelease as its binding wants it."""

    manifest: Mapping[str, Any]
    change: Change


def wanted(
    binding: Manifest,
    existing: Manifest | None,
    *,
    name: str,
    release_labels: Mapping[str, str],
    owner: Mapping[str, str],
    target_plane: str,
    resources: Sequence[Item],
    carries_restart: bool = False,
) -> WantedRelease:
    """The release of a binding; `existing` is the one of that name, if there is one.

    `resources` are `{id, object}` in order; `carries_restart` copies the restart annotation.
    """
    annotations = {}
    restarted_at = (binding["metadata"].get("annotations") or {}).get(labels.RESTARTED_AT)
    if carries_restart and restarted_at:
        annotations[labels.RESTARTED_AT] = restarted_at
    manifest = {
        "apiVersion": labels.API_VERSION,
        "kind": "RenderedRelease",
        "metadata": {
            "name": name,
            "namespace": binding["metadata"]["namespace"],
            "labels": dict(release_labels),
            "ownerReferences": [owners.controller_reference(binding)],
            **({"annotations": annotations} if annotations else {}),
        },
        "spec": {
            "owner": dict(owner),
            "environmentName": binding["spec"]["environment"],
            "targetPlane": target_plane,
            "resources": list(resources),
        },
    }
    return WantedRelease(manifest, _change(binding, existing, manifest))


def _change(binding: Manifest, existing: Manifest | None, manifest: Mapping[str, Any]) -> Change:
    if existing is None:
        return Change.CREATED
    if not owners.is_controlled_by(existing, binding["metadata"]["uid"]):
        return Change.CONFLICT
    metadata, found = manifest["metadata"], existing["metadata"]
    restarted = (found.get("annotations") or {}).get(labels.RESTARTED_AT)
    same = (
        {key: existing["spec"].get(key) for key in manifest["spec"]} == manifest["spec"]
        and (found.get("labels") or {}) == metadata["labels"]
        and restarted == metadata.get("annotations", {}).get(labels.RESTARTED_AT)
    )
    return Change.NONE if same else Change.UPDATED


def current_condition(release: Manifest, condition_type: str) -> Mapping[str, Any] | None:
    """A condition of a release that speaks of its current generation."""
    generation = release["metadata"].get("generation")
    for condition in (release.get("status") or {}).get("conditions") or ():
        if condition["type"] == condition_type and condition["observedGeneration"] == generation:
            found: Mapping[str, Any] = condition
            return found
    return None
