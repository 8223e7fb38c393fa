"""What a SecretStore or ClusterSecretStore holds, on this machine. Pure.

Values live in Secrets of the namespace `openchoreo-secret-store`: one Secret a key, one entry of
its data a property. A key that is no legal name, e.g. `prod/db`, is in the annotation
`choreo.dev/secret-key`; the name of its Secret does not matter then. The providers `kubernetes` and
`fake` are read as the real operator reads them; any other provider stands for this local store, so
that manifests written for a vault work unchanged.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from typing import Any

Manifest = Mapping[str, Any]

NAMESPACE = "openchoreo-secret-store"
KEY = "choreo.dev/secret-key"


def namespace_of(store: Manifest) -> str:
    """The namespace whose Secrets hold the values of a store."""
    provider = store["spec"].get("provider") or {}
    if "kubernetes" in provider:
        return str((provider["kubernetes"] or {}).get("remoteNamespace") or "default")
    return NAMESPACE


def contents(store: Manifest, secrets: Iterable[Manifest]) -> dict[str, dict[str, bytes]]:
    """Keys and their properties; `secrets` are those of the store's namespace."""
    provider = store["spec"].get("provider") or {}
    if "fake" in provider:
        return _fake((provider["fake"] or {}).get("data") or ())
    found: dict[str, dict[str, bytes]] = {}
    for secret in secrets:
        found[key_of(secret)] = _decoded(secret.get("data") or {})
    return found


def key_of(secret: Manifest) -> str:
    """The key that a Secret of the local store holds."""
    metadata = secret["metadata"]
    return str((metadata.get("annotations") or {}).get(KEY) or metadata["name"])


def _decoded(data: Mapping[str, str]) -> dict[str, bytes]:
    found = {}
    for key, value in data.items():
        try:
            found[key] = base64.b64decode(value, validate=True)
        except binascii.Error:
            continue
    return found


def _fake(entries: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, bytes]]:
    found: dict[str, dict[str, bytes]] = {}
    for entry in entries:
        text = str(entry.get("value", ""))
        properties = {"value": text.encode()}
        try:
            inner = json.loads(text)
        except ValueError:
            inner = None
        if isinstance(inner, dict):
            properties = {key: str(value).encode() for key, value in inner.items()}
        found[entry["key"]] = properties
    return found


def status(store: Manifest, moment: str) -> dict[str, Any]:
    """The status of a store: it can be used."""
    before = store.get("status") or {}
    known: Mapping[str, Any] = next(
        (each for each in before.get("conditions") or () if each["type"] == "Ready"), {}
    )
    since = known.get("lastTransitionTime") if known.get("status") == "True" else None
    ready = {
        "type": "Ready",
        "status": "True",
        "reason": "Valid",
        "message": "store validated",
        "lastTransitionTime": since or moment,
    }
    return {**before, "capabilities": "ReadWrite", "conditions": [ready]}
