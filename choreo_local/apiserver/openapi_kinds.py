"""Schemas of the objects of every kind, made of the models that the CRDs are made of; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from choreo_local.api import crds, registry
from choreo_local.apiserver.openapi_schemas import TEXT, Schema, list_of, record, reference
from choreo_local.services import kinds

_ANYTHING = "x-kubernetes-preserve-unknown-fields"
_INT_OR_STRING = "x-kubernetes-int-or-string"
# A schema of that name says what permissions are asked of.
_NAMES = {"Resource": "ResourceInstance"}
# What the API itself fills in where it is missing.
_FILLED = {"Project": frozenset({"deploymentPipelineRef", "type"})}
# Only shown, as a part of other answers.
_SHOWN = ("RenderedRelease",)


def name(kind: str) -> str:
    """The name of the schema of a kind."""
    return _NAMES.get(kind, kind)


def schemas() -> dict[str, Schema]:
    """Name → schema of every kind, its parts and its lists."""
    served = [kind for kind in kinds.BY_KIND if kind in registry.KINDS]
    found: dict[str, Schema] = {}
    for kind in (*served, *_SHOWN):
        found |= dict(_of_kind(kind))
    for kind in kinds.BY_KIND:
        items = list_of(reference(name(kind)))
        found[f"{name(kind)}List"] = record({"items": items, "pagination": reference("Pagination")})
    return found


def _of_kind(kind: str) -> Iterator[tuple[str, Schema]]:
    properties = crds.schema(registry.KINDS[kind])["properties"]
    parts = {part: _plain(properties[part]) for part in ("spec", "status") if part in properties}
    filled = _FILLED.get(kind, frozenset())
    if filled:
        needed = [each for each in parts["spec"].pop("required", ()) if each not in filled]
        parts["spec"] |= {"required": needed} if needed else {}
    words = {"spec": "Spec", "status": "Status"}
    for part, schema in parts.items():
        yield f"{name(kind)}{words[part]}", schema
    members: dict[str, Schema] = {
        "apiVersion": {**TEXT, "readOnly": True},
        "kind": {**TEXT, "readOnly": True},
    }
    if "spec" in parts:
        members["spec"] = reference(f"{name(kind)}Spec")
    if "status" in parts:
        status = reference(f"{name(kind)}Status")
        members["status"] = {"allOf": [status], "readOnly": True}
    yield name(kind), record({"metadata": reference("ObjectMeta")}, **members)


def _plain(schema: Mapping[str, Any]) -> Schema:
    """A schema of a CRD without the words that only Kubernetes knows."""
    found = {key: value for key, value in schema.items() if not key.startswith("x-")}
    if schema.get(_INT_OR_STRING):
        return {key: value for key, value in found.items() if key == "description"}
    if "properties" in found:
        found["properties"] = {key: _plain(value) for key, value in schema["properties"].items()}
    for part in ("items", "additionalProperties"):
        if isinstance(found.get(part), Mapping):
            found[part] = _plain(found[part])
    if schema.get(_ANYTHING) and found.get("type") == "object":
        found["additionalProperties"] = True
    return found
