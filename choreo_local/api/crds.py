"""CustomResourceDefinitions, written from the models and the registry.

`generate` puts them into the core bundle; export and tests read them from here.
"""

from __future__ import annotations

from typing import Any

from choreo_local.api import labels, registry, v1alpha1
from choreo_local.api.registry import ApiKind, Column
from choreo_local.api.schema import Schema, structural_schema

_API_VERSION = "Schema version of the object: group and version."
_KIND = "Type of the object."


def manifests() -> list[dict[str, Any]]:
    """The CRDs of all kinds, sorted by name."""
    written = [manifest(entry) for entry in registry.KINDS.values()]
    return sorted(written, key=lambda crd: str(crd["metadata"]["name"]))


def manifest(entry: ApiKind) -> dict[str, Any]:
    """The CRD of one kind."""
    kind = entry.resource
    names: dict[str, Any] = {
        "kind": kind.kind,
        "listKind": f"{kind.kind}List",
        "plural": kind.plural,
        "singular": entry.singular,
    }
    if entry.short_names:
        names["shortNames"] = list(entry.short_names)
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": kind.group_resource},
        "spec": {
            "group": kind.group,
            "names": names,
            "scope": "Namespaced" if kind.namespaced else "Cluster",
            "versions": [_version(entry)],
        },
    }


def _version(entry: ApiKind) -> dict[str, Any]:
    version: dict[str, Any] = {
        "name": labels.VERSION,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema(entry)},
        "subresources": {"status": {}} if entry.status else {},
    }
    if entry.columns:
        version["additionalPrinterColumns"] = [_column(column) for column in entry.columns]
    return version


def _column(column: Column) -> dict[str, str]:
    return {"name": column.name, "jsonPath": column.json_path, "type": column.type}


def schema(entry: ApiKind) -> Schema:
    """The structural schema of a kind; what the API server fills in stays open, as it must."""
    written = structural_schema(v1alpha1.model(entry.kind))
    properties: Schema = {
        "apiVersion": {"type": "string", "description": _API_VERSION},
        "kind": {"type": "string", "description": _KIND},
        "metadata": {"type": "object"},
    }
    for part in ("spec", "status"):
        if part in written["properties"]:
            properties[part] = written["properties"][part]
    result = {
        "type": "object",
        "description": written["description"],
        "properties": properties,
    }
    if entry.spec_required:
        result["required"] = ["spec"]
    return result
