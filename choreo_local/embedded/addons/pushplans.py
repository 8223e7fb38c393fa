"""PushSecret + its Secret → what shall be in the store, and status. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from choreo_local.embedded.addons import stores

Manifest = Mapping[str, Any]

FINALIZER = "pushsecret.externalsecrets.io/finalizer"
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_WHOLE = "value"


class PushError(ValueError):
    """The values cannot be brought to the store; the text says which."""


def entries(push: Manifest, secret: Manifest | None) -> dict[str, dict[str, str]]:
    """Key of the store → its properties, base64; PushError names what is missing."""
    name = secret_name(push)
    if secret is None:
        raise PushError(f'Secret "{name}" does not exist')
    data: Mapping[str, str] = secret.get("data") or {}
    found: dict[str, dict[str, str]] = {}
    for match in _matches(push):
        key, remote = match.get("secretKey"), match["remoteRef"]
        properties = found.setdefault(remote["remoteKey"], {})
        if not key:
            properties |= data
        elif key in data:
            properties[remote.get("property") or _WHOLE] = data[key]
        else:
            raise PushError(f'Secret "{name}" has no key "{key}"')
    return found


def secret_name(push: Manifest) -> str:
    """The name of the Secret."""
    selector = push["spec"].get("selector") or {}
    return str((selector.get("secret") or {}).get("name") or "")


def store_secret(
    key: str, properties: Mapping[str, str], existing: Iterable[Manifest], *, namespace: str
) -> dict[str, Any]:
    """The Secret of the local store that holds a key, with these properties in place of others."""
    found = next((each for each in existing if stores.key_of(each) == key), None)
    if found is not None:
        return {**found, "data": dict(properties)}
    metadata: dict[str, Any] = {"name": key, "namespace": namespace}
    if _NAME.fullmatch(key) is None:
        digest = hashlib.sha256(key.encode()).hexdigest()
        metadata |= {"name": f"key-{digest[:32]}", "annotations": {stores.KEY: key}}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "type": "Opaque",
        "data": dict(properties),
    }


def replaces(push: Manifest) -> bool:
    """Whether values that the store has already are replaced."""
    return bool(push["spec"].get("updatePolicy", "Replace") == "Replace")


def removes(push: Manifest) -> bool:
    """Whether the values leave the store with the PushSecret."""
    return bool(push["spec"].get("deletionPolicy") == "Delete")


def keys(push: Manifest) -> set[str]:
    """The keys of the store that it writes."""
    return {match["remoteRef"]["remoteKey"] for match in _matches(push)}


def synced_keys(push: Manifest) -> set[str]:
    """The keys that it wrote so far, by its status."""
    synced = (push.get("status") or {}).get("syncedPushSecrets") or {}
    return {
        str(entry["match"]["remoteRef"]["remoteKey"])
        for store in synced.values()
        for entry in store.values()
    }


def status(push: Manifest, problem: str, moment: str) -> dict[str, Any]:
    """The status after a push; `problem` says why it failed."""
    before = push.get("status") or {}
    ready = {
        "type": "Ready",
        "status": "False" if problem else "True",
        "reason": "Errored" if problem else "Synced",
        "message": problem or "PushSecret synced successfully",
    }
    old: Manifest = next(
        (each for each in before.get("conditions") or () if each["type"] == "Ready"), {}
    )
    is_same = {name: old.get(name) for name in ready} == ready
    ready["lastTransitionTime"] = old["lastTransitionTime"] if is_same else moment
    made = {**before, "conditions": [ready]}
    if problem:
        return made
    version = str(push["metadata"].get("generation", 1))
    if before.get("syncedResourceVersion") != version or not is_same:
        made["refreshTime"] = moment
    return {**made, "syncedResourceVersion": version, "syncedPushSecrets": _synced(push)}


def _synced(push: Manifest) -> dict[str, Any]:
    found = {}
    for reference in push["spec"].get("secretStoreRefs") or ():
        name = f"{reference.get('kind', 'SecretStore')}/{reference.get('name', '')}"
        found[name] = {_title(entry["match"]): entry for entry in push["spec"].get("data") or ()}
    return found


def _title(match: Mapping[str, Any]) -> str:
    remote = match["remoteRef"]
    parts = (remote["remoteKey"], remote.get("property"))
    return "/".join(part for part in parts if part)


def _matches(push: Manifest) -> list[Mapping[str, Any]]:
    return [entry["match"] for entry in push["spec"].get("data") or ()]
