"""The last steps of the component pipeline: labels, resource hash, checks, order; pure.

Public: `finish(resources, …)`, `check_identity(manifest, subject)`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from choreo_local.api import labels as keys

from . import hashing, targets, values
from .errors import RenderError
from .targets import RenderedResource

_MAIN_KINDS: Mapping[str, str] = {"deployment": "Deployment", "statefulset": "StatefulSet"}


def finish(
    resources: Sequence[RenderedResource],
    *,
    labels: Mapping[str, str],
    workload_type: str,
) -> list[RenderedResource]:
    """Plain JSON manifests with labels and hash, in the order of their kinds and names.

    Raises:
        RenderError: a manifest lacks what every Kubernetes object has.
    """
    for number, resource in enumerate(resources):
        _add_labels(resource.manifest, number, labels)
    _add_resource_hash(resources, workload_type)
    for number, resource in enumerate(resources):
        check_identity(resource.manifest, f"resource #{number}", with_kind=True)
    return [
        RenderedResource(values.as_manifest(resource.manifest), resource.target_plane)
        for resource in sorted(resources, key=_order)
    ]


def check_identity(manifest: Mapping[str, Any], subject: str, *, with_kind: bool = False) -> None:
    """Refuse a manifest that could never be applied.

    Raises:
        RenderError: it has no kind, apiVersion, metadata or name; names the first of them.
    """
    kind = manifest.get("kind")
    title = f"{subject} ({kind})" if with_kind and kind else subject
    for field in ("kind", "apiVersion"):
        if not manifest.get(field) or not isinstance(manifest[field], str):
            raise RenderError(f"{title} missing {field}")
    metadata = manifest.get("metadata")
    if not isinstance(metadata, dict):
        raise RenderError(f"{title} missing metadata")
    if not metadata.get("name") or not isinstance(metadata["name"], str):
        raise RenderError(f"{title} missing metadata.name")


def _add_labels(manifest: dict[str, Any], number: int, labels: Mapping[str, str]) -> None:
    metadata = manifest.get("metadata")
    if not isinstance(metadata, dict):
        raise RenderError(f"resource #{number} ({manifest.get('kind', '')}) missing metadata")
    metadata["labels"] = {**values.members(metadata.get("labels")), **labels}


def _add_resource_hash(resources: Sequence[RenderedResource], workload_type: str) -> None:
    """Let pods roll when what stands beside their workload changes, e.g. a ConfigMap."""
    main_kind = _MAIN_KINDS.get(workload_type)
    on_plane = [found for found in resources if found.target_plane == targets.DATA_PLANE]
    main = next((f.manifest for f in on_plane if f.manifest.get("kind") == main_kind), None)
    others = [found for found in on_plane if found.manifest.get("kind") != main_kind]
    if main_kind is None or main is None or not others:
        return
    hashed = [
        {key: value for key, value in found.manifest.items() if key != "metadata"}
        for found in sorted(others, key=_order)
    ]
    if not isinstance(main.get("spec"), dict):
        raise RenderError(f"{main_kind} missing spec")
    place: Any = main["spec"]
    for key in ("template", "metadata", "annotations"):
        if not isinstance(place.get(key), dict):
            place[key] = {}
        place = place[key]
    place[keys.RESOURCE_HASH] = hashing.compute_objects(hashed)


def _order(resource: RenderedResource) -> tuple[str, ...]:
    manifest = resource.manifest
    metadata = values.members(manifest.get("metadata"))
    return (
        str(manifest.get("kind") or ""),
        str(manifest.get("apiVersion") or ""),
        str(metadata.get("namespace") or ""),
        str(metadata.get("name") or ""),
    )
