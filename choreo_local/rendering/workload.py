"""The workload as templates see it: `workload` and `configurations`; pure.

Public: `merged(workload, binding)`, `data(workload)`, `configurations(workload, secrets)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Manifest = Mapping[str, Any]


def merged(spec: Manifest, overrides: Manifest | None) -> dict[str, Any]:
    """A workload's spec with a binding's `workloadOverrides`: environment variables and files."""
    result = dict(spec)
    container = dict(spec.get("container") or {})
    changes = (overrides or {}).get("container") or {}
    for field in ("env", "files"):
        if changes.get(field):
            container[field] = _overridden(container.get(field) or (), changes[field])
    result["container"] = container
    return result


def data(spec: Manifest) -> dict[str, Any]:
    """The variable `workload`."""
    container = spec.get("container") or {}
    return {
        "container": {
            field: container[field]
            for field in ("image", "command", "args")
            if container.get(field)
        },
        "endpoints": {
            name: _endpoint(endpoint) for name, endpoint in (spec.get("endpoints") or {}).items()
        },
    }


def configurations(spec: Manifest, secret_references: Mapping[str, Manifest]) -> dict[str, Any]:
    """The variable `configurations`: variables and files, apart by whether they are secret."""
    container = spec.get("container") or {}
    result: dict[str, Any] = {
        "configs": {"envs": [], "files": []},
        "secrets": {"envs": [], "files": []},
    }
    for entry in container.get("env") or ():
        _place(result, "envs", _env(entry), entry=entry, references=secret_references)
    for entry in container.get("files") or ():
        _place(result, "files", _file(entry), entry=entry, references=secret_references)
    return result


def _overridden(base: Iterable[Manifest], overrides: Iterable[Manifest]) -> list[Manifest]:
    base, overrides = list(base), list(overrides)
    latest = {entry.get("key"): entry for entry in overrides}
    known = {entry.get("key") for entry in base}
    replaced = [latest.get(entry.get("key"), entry) for entry in base]
    return replaced + [entry for entry in overrides if entry.get("key") not in known]


def _endpoint(endpoint: Manifest) -> dict[str, Any]:
    port = endpoint.get("port") or 0
    result: dict[str, Any] = {
        "type": endpoint.get("type", ""),
        "port": port,
        "targetPort": endpoint.get("targetPort") or port,
        "visibility": list(dict.fromkeys(["project", *(endpoint.get("visibility") or ())])),
    }
    for field in ("displayName", "basePath"):
        if endpoint.get(field):
            result[field] = endpoint[field]
    return result


def _env(entry: Manifest) -> dict[str, Any]:
    return {"name": entry.get("key", ""), "value": entry.get("value") or ""}


def _file(entry: Manifest) -> dict[str, Any]:
    return {
        "name": entry.get("key", ""),
        "mountPath": entry.get("mountPath") or "",
        "value": entry.get("value") or "",
    }


def _place(
    result: dict[str, Any],
    kind: str,
    item: dict[str, Any],
    *,
    entry: Manifest,
    references: Mapping[str, Manifest],
) -> None:
    reference = (entry.get("valueFrom") or {}).get("secretKeyRef")
    if not reference:
        if entry.get("valueFrom"):
            item["value"] = ""
        result["configs"][kind].append(item)
        return
    remote = _remote(reference, references)
    # The controller refuses a binding with a key that cannot be found, so this is a stale one.
    if remote is not None:
        result["secrets"][kind].append(item | {"value": "", "remoteRef": remote})


def _remote(reference: Manifest, references: Mapping[str, Manifest]) -> dict[str, Any] | None:
    found = references.get(reference.get("name", ""))
    for entry in ((found or {}).get("spec") or {}).get("data") or ():
        if entry.get("secretKey") == reference.get("key"):
            remote = entry.get("remoteRef") or {}
            optional = {f: remote[f] for f in ("property", "version") if remote.get(f)}
            return {"key": remote.get("key", ""), **optional}
    return None
