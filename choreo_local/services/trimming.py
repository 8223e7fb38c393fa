"""What watch caches keep of an object: a platform has thousands, and most of each is never read.

For `kubeclient.trimming.Trimmed`, which stands between an informer and its client. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from choreo_local.kubeclient.interfaces import Manifest

_METADATA = (
    "name",
    "namespace",
    "uid",
    "generation",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
    "labels",
    "annotations",
)
_COUNTED = {"Deployment": "replicas", "StatefulSet": "replicas", "Job": "completions"}


def metadata_only(obj: Mapping[str, Any]) -> Manifest:
    """The object with the metadata that is read; everything else stays."""
    found = obj["metadata"]
    return {**obj, "metadata": {key: found[key] for key in _METADATA if key in found}}


def release(obj: Mapping[str, Any]) -> Manifest:
    """A ComponentRelease: whose it is, without the types it froze."""
    owner = (obj.get("spec") or {}).get("owner") or {}
    return {**metadata_only(obj), "spec": {"owner": owner}}


def rendered_release(obj: Mapping[str, Any]) -> Manifest:
    """A RenderedRelease: whose it is, and how many pods its workloads have and want."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    kept = {key: value for key, value in spec.items() if key != "resources"}
    workloads = [
        {"id": item["id"], "object": _counts(item["object"])}
        for item in spec.get("resources") or ()
        if item["object"].get("kind") in _COUNTED
    ]
    ids = {item["id"] for item in workloads}
    live = [entry for entry in status.get("resources") or () if entry.get("id") in ids]
    return {
        **metadata_only(obj),
        "spec": {**kept, "resources": workloads},
        "status": {**status, "resources": live},
    }


def _counts(manifest: Mapping[str, Any]) -> Manifest:
    field = _COUNTED[manifest["kind"]]
    spec = manifest.get("spec") or {}
    return {"kind": manifest["kind"], "spec": {field: spec[field]} if field in spec else {}}


def pod(obj: Mapping[str, Any]) -> Manifest:
    """A Pod: its labels, the names of its containers, its status."""
    containers = (obj.get("spec") or {}).get("containers") or ()
    names = [{"name": container.get("name", "")} for container in containers]
    return {**metadata_only(obj), "spec": {"containers": names}}
