"""What a component gets from other components and from OpenChoreo Resources; pure.

The ReleaseBinding controller resolves the declared dependencies and hands the items made here to
the component pipeline, which offers them to templates as `dependencies`.

Public: `connection_items(declared, resolved, …)`, `resource_item(declared, outputs)`,
`PendingOutputError`, `FileOutputError`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from choreo_local.errors import ChoreoError

from . import endpoints, hashing

Manifest = Mapping[str, Any]


class PendingOutputError(ChoreoError):
    """A declared output is not there yet; the dependency may become ready later."""


class FileOutputError(ChoreoError):
    """A plain value was asked for as a file; the declaration has to change."""


def connection_items(
    declared: Iterable[Manifest] | None,
    resolved: Iterable[Manifest] | None,
    *,
    namespace: str,
    project: str,
) -> list[dict[str, Any]]:
    """One item for each declared endpoint dependency; without variables while it is unresolved.

    Args:
        declared: `workload.dependencies.endpoints` of the release.
        resolved: `status.resolvedConnections` of the binding.
        namespace: of the binding, where all providers are.
        project: of the component, where a dependency without a project points.
    """
    urls = {_connection_key(entry): entry.get("url") for entry in resolved or ()}
    items = []
    for dependency in declared or ():
        item = {
            "namespace": namespace,
            "project": dependency.get("project") or project,
            "component": dependency.get("component", ""),
            "endpoint": dependency.get("name", ""),
            "visibility": dependency.get("visibility", ""),
        }
        url = urls.get(_connection_key(item))
        env_vars = endpoints.env_vars(dependency.get("envBindings"), url) if url else []
        items.append(item | {"envVars": env_vars})
    return items


def resource_item(declared: Manifest, outputs: Iterable[Manifest] | None) -> dict[str, Any]:
    """The item of one declared resource dependency, complete or not at all.

    Args:
        declared: an entry of `workload.dependencies.resources`.
        outputs: `status.outputs` of the provider's ResourceReleaseBinding.

    Raises:
        PendingOutputError: an output that the declaration names is not resolved.
        FileOutputError: an output without a Secret or ConfigMap behind it is bound to a file.
    """
    available = {output["name"]: output for output in outputs or ()}
    ref = str(declared.get("ref", ""))
    env_bindings = declared.get("envBindings") or {}
    env_vars = [
        _env_var(env_bindings[name], _output(available, name)) for name in sorted(env_bindings)
    ]
    mounts, volumes = [], {}
    file_bindings = declared.get("fileBindings") or {}
    for name in sorted(file_bindings):
        kind, source = _file_source(_output(available, name))
        volume = f"r-{hashing.fnv_hex(':'.join((ref, kind, source['name'])))}"
        mounts.append({"name": volume, "mountPath": file_bindings[name], "subPath": source["key"]})
        volumes[kind, source["name"]] = _volume(volume, kind, source["name"])
    return {
        "ref": ref,
        "envVars": env_vars,
        "volumeMounts": mounts,
        "volumes": [volumes[key] for key in sorted(volumes)],
    }


def _connection_key(entry: Manifest) -> tuple[Any, ...]:
    fields = ("namespace", "project", "component", "endpoint", "visibility")
    return tuple(entry.get(field, "") for field in fields)


def _output(available: Mapping[str, Manifest], name: str) -> Manifest:
    if name not in available:
        raise PendingOutputError(f"output not resolved on resource release binding: {name}")
    return available[name]


def _env_var(variable: str, output: Manifest) -> dict[str, Any]:
    for key in ("secretKeyRef", "configMapKeyRef"):
        if output.get(key):
            reference = {"name": output[key].get("name", ""), "key": output[key].get("key", "")}
            return {"name": variable, "valueFrom": {key: reference}}
    value = output.get("value", "")
    return {"name": variable} | ({"value": value} if value else {})


def _file_source(output: Manifest) -> tuple[str, Manifest]:
    if output.get("secretKeyRef"):
        return "secret", output["secretKeyRef"]
    if output.get("configMapKeyRef"):
        return "configmap", output["configMapKeyRef"]
    raise FileOutputError(f"output kind cannot be mounted as file: {output['name']}")


def _volume(name: str, kind: str, source: str) -> dict[str, Any]:
    if kind == "secret":
        return {"name": name, "secret": {"secretName": source}}
    return {"name": name, "configMap": {"name": source}}
