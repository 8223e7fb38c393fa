"""Workload descriptor, as it lies beside a component's source → Workload; pure but for `read`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from choreo_local.api import labels
from choreo_local.errors import UsageError
from choreo_local.gitops.index import Manifest

# A path relative to the descriptor → the text of that file.
Read = Callable[[str], str]

_SCHEMA_TYPES = {"HTTP": "openapi", "gRPC": "proto", "GraphQL": "graphql"}
_ENDPOINT_VISIBILITIES = frozenset({"project", "namespace", "internal", "external"})
_DEPENDENCY_VISIBILITIES = frozenset({"project", "namespace"})


def workload(*, namespace: str, project: str, component: str, spec: Mapping[str, Any]) -> Manifest:
    """The Workload of a component."""
    return {
        "apiVersion": labels.API_VERSION,
        "kind": "Workload",
        "metadata": {"name": f"{component}-workload", "namespace": namespace},
        "spec": {**spec, "owner": {"projectName": project, "componentName": component}},
    }


def plain_spec(image: str) -> Manifest:
    """What an image alone says."""
    return {"container": {"image": image}}


def with_image(current: Manifest, image: str) -> Manifest:
    """An existing Workload with another image; only what a Workload must have is kept."""
    spec = current["spec"]
    kept = {name: spec[name] for name in ("endpoints", "dependencies", "owner") if name in spec}
    metadata = current["metadata"]
    named = {name: metadata[name] for name in ("name", "namespace") if name in metadata}
    container = {**(spec.get("container") or {}), "image": image}
    return {
        "apiVersion": labels.API_VERSION,
        "kind": "Workload",
        "metadata": named,
        "spec": {**kept, "container": container},
    }


def spec_of(descriptor: Any, *, image: str, read: Read) -> Manifest:
    """The spec that a descriptor describes; UsageError names what is wrong in it."""
    if not isinstance(descriptor, Mapping):
        raise UsageError("failed to convert workload descriptor: it is no mapping")
    configurations = _mapping(descriptor, "configurations")
    container: Manifest = {"image": image}
    env = [_env(entry, read) for entry in _list(configurations, "env")]
    files = [_file(entry, read) for entry in _list(configurations, "files")]
    container |= {"env": env} if env else {}
    container |= {"files": files} if files else {}
    found: Manifest = {"container": container}
    endpoints = {
        _text(entry, "name", "endpoints"): _endpoint(entry, read)
        for entry in _list(descriptor, "endpoints")
    }
    found |= {"endpoints": endpoints} if endpoints else {}
    dependencies = _dependencies(_mapping(descriptor, "dependencies"))
    return found | ({"dependencies": dependencies} if dependencies else {})


def _endpoint(entry: Mapping[str, Any], read: Read) -> Manifest:
    kind = _text(entry, "type", "endpoints")
    found = {
        name: entry[name]
        for name in ("displayName", "port", "targetPort", "basePath", "visibility")
        if entry.get(name)
    }
    for visibility in _list(entry, "visibility", of=str):
        if visibility not in _ENDPOINT_VISIBILITIES:
            raise UsageError(f'endpoint {entry["name"]}: unknown visibility "{visibility}"')
    found["type"] = kind
    if entry.get("schemaFile"):
        content = read(_text(entry, "schemaFile", "endpoints"))
        schema_type = _SCHEMA_TYPES.get(kind)
        found["schema"] = {
            "content": content,
            **({"type": schema_type} if schema_type else {}),
        }
    return found


def _env(entry: Mapping[str, Any], read: Read) -> Manifest:
    return {"key": _text(entry, "name", "configurations.env"), **_value(entry, read)}


def _file(entry: Mapping[str, Any], read: Read) -> Manifest:
    found = {"key": _text(entry, "name", "configurations.files")}
    found["mountPath"] = _text(entry, "mountPath", "configurations.files")
    return {**found, **_value(entry, read)}


def _value(entry: Mapping[str, Any], read: Read) -> Manifest:
    source = _mapping(entry, "valueFrom")
    if source.get("secretKeyRef"):
        return {"valueFrom": {"secretKeyRef": _mapping(source, "secretKeyRef")}}
    if source.get("path"):
        return {"value": read(str(source["path"]))}
    return {"value": str(entry.get("value", ""))}


def _dependencies(given: Mapping[str, Any]) -> Manifest:
    found: Manifest = {}
    endpoints = [dict(entry) for entry in _list(given, "endpoints")]
    for entry in endpoints:
        if entry.get("visibility") not in _DEPENDENCY_VISIBILITIES:
            name = entry.get("name", "")
            raise UsageError(f"dependency {name}: visibility must be project or namespace")
    found |= {"endpoints": endpoints} if endpoints else {}
    resources = [dict(entry) for entry in _list(given, "resources")]
    return found | ({"resources": resources} if resources else {})


def _text(entry: Mapping[str, Any], name: str, where: str) -> str:
    value = entry.get(name)
    if not isinstance(value, str) or not value:
        raise UsageError(f"failed to convert workload descriptor: {where}: {name} is required")
    return value


def _mapping(entry: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = entry.get(name)
    if value is not None and not isinstance(value, Mapping):
        raise UsageError(f"failed to convert workload descriptor: {name} must be a mapping")
    return value or {}


def _list(entry: Mapping[str, Any], name: str, *, of: type = dict) -> Sequence[Any]:
    value = entry.get(name)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, of) for item in value):
        raise UsageError(f"failed to convert workload descriptor: {name} must be a list of objects")
    return value
