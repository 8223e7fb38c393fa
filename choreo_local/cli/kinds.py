"""What a person calls a kind → the kind of the OpenChoreo API."""

from __future__ import annotations

from typing import Any

from choreo_local.api import labels, registry

# The OpenChoreo API has no paths for these: what controllers make for themselves.
_NOT_IN_API = frozenset({"RenderedRelease", "ObservabilityAlertRule"})
_NAMESPACE = registry.ApiKind(registry.NAMESPACE, "", ("ns",))


def of_api(name: str) -> registry.ApiKind | None:
    """The kind of the OpenChoreo API that a name means; None when it is another API's."""
    if name.lower() in {_NAMESPACE.singular, _NAMESPACE.resource.plural, *_NAMESPACE.short_names}:
        return _NAMESPACE
    found = registry.find(name)
    return found if found is not None and found.kind not in _NOT_IN_API else None


def of_manifest(manifest: dict[str, Any]) -> registry.ApiKind | None:
    """The kind of the OpenChoreo API that a manifest is of; None when it is another API's."""
    group = manifest["apiVersion"].rpartition("/")[0]
    if manifest["kind"] == "Namespace" and group == "":
        return _NAMESPACE
    known = registry.KINDS.get(manifest["kind"]) if group == labels.GROUP else None
    return known if known is not None and known.kind not in _NOT_IN_API else None
