"""ExternalSecret + values of its store → Secret and status. Pure."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import re2

from choreo_local import clock
from choreo_local.embedded.addons import gotemplates
from choreo_local.embedded.addons.gotemplates import TemplateError

Manifest = Mapping[str, Any]

API_VERSION = "external-secrets.io/v1"
DATA_HASH = "reconcile.external-secrets.io/data-hash"
MANAGED = "reconcile.external-secrets.io/managed"
_DURATION = re2.compile(r"([0-9]+(?:\.[0-9]+)?)(ns|us|µs|ms|s|m|h)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


class SyncError(ValueError):
    """The values cannot be had; the text names the key."""


# The properties of a key, or None when the store has no such key.
Lookup = Callable[[str], Mapping[str, bytes] | None]


@dataclass(frozen=True, slots=True)
class Store:
    """Where values come from.

    Attributes:
        keys: all keys, for searches.
        generate: makes the values of a generator reference.
    """

    lookup: Lookup
    keys: Sequence[str]
    generate: Callable[[Mapping[str, Any]], Mapping[str, bytes]]


def values(spec: Mapping[str, Any], store: Store) -> dict[str, bytes]:
    """All values of an ExternalSecret by the key in the Secret; SyncError names what is missing."""
    found: dict[str, bytes] = {}
    for entry in spec.get("dataFrom") or ():
        found |= _many(entry, store)
    for entry in spec.get("data") or ():
        found[entry["secretKey"]] = _single(entry["remoteRef"], store)
    return found


def _many(entry: Mapping[str, Any], store: Store) -> Mapping[str, bytes]:
    generator = (entry.get("sourceRef") or {}).get("generatorRef")
    if generator:
        return store.generate(generator)
    if entry.get("extract"):
        return _extracted(entry["extract"], store)
    if entry.get("find"):
        return _searched(entry["find"], store)
    raise SyncError("an entry of dataFrom names neither extract, find nor a generator")


def _properties(reference: Mapping[str, Any], store: Store) -> Mapping[str, bytes]:
    found = store.lookup(reference["key"])
    if found is None:
        raise SyncError(f'key "{reference["key"]}" does not exist in the secret store')
    return found


def _single(reference: Mapping[str, Any], store: Store) -> bytes:
    found = _properties(reference, store)
    name = reference.get("property")
    if name:
        if name not in found:
            raise SyncError(f'key "{reference["key"]}" has no property "{name}"')
        return found[name]
    if set(found) == {"value"}:
        return found["value"]
    texts = {key: value.decode(errors="replace") for key, value in found.items()}
    return json.dumps(texts, sort_keys=True, separators=(",", ":")).encode()


def _extracted(reference: Mapping[str, Any], store: Store) -> Mapping[str, bytes]:
    found = _properties(reference, store)
    name = reference.get("property")
    if not name:
        return found
    text = _single(reference, store)
    try:
        inner = json.loads(text)
    except ValueError:
        inner = None
    if not isinstance(inner, dict):
        message = f'property "{name}" of key "{reference["key"]}" holds no JSON object'
        raise SyncError(message)
    return {key: _bytes(value) for key, value in inner.items()}


def _bytes(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()


def _searched(query: Mapping[str, Any], store: Store) -> Mapping[str, bytes]:
    pattern = (query.get("name") or {}).get("regexp")
    if not pattern:
        raise SyncError("find needs name.regexp")
    try:
        compiled = re2.compile(pattern)
    except re2.error as error:
        raise SyncError(f"bad regular expression {pattern!r}: {error}") from None
    matching = [key for key in store.keys if compiled.search(key)]
    return {key.replace("/", "_"): _single({"key": key}, store) for key in matching}


def target_name(external: Manifest) -> str:
    """The name of the Secret."""
    target = external["spec"].get("target") or {}
    return str(target.get("name") or external["metadata"]["name"])


def build_secret(
    external: Manifest, found: Mapping[str, bytes], current: Manifest | None
) -> dict[str, Any] | None:
    """The Secret as it shall be; None when the ExternalSecret wants none written."""
    target: Mapping[str, Any] = external["spec"].get("target") or {}
    policy = target.get("creationPolicy", "Owner")
    if policy == "None":
        return None
    if policy == "Merge" and current is None:
        raise SyncError(f'Secret "{target_name(external)}" to merge into does not exist')
    template = target.get("template") or {}
    data = _templated(template, found)
    if policy == "Merge" and current is not None:
        return _merged(current, data)
    return _owned(external, template, data, current)


def _templated(template: Mapping[str, Any], found: Mapping[str, bytes]) -> dict[str, bytes]:
    texts = template.get("data")
    if not texts:
        return dict(found)
    known = {key: value.decode(errors="replace") for key, value in found.items()}
    try:
        made = {key: gotemplates.render(text, known).encode() for key, text in texts.items()}
    except TemplateError as error:
        raise SyncError(f"cannot evaluate the template: {error}") from None
    return {**found, **made} if template.get("mergePolicy") == "Merge" else made


def _encoded(data: Mapping[str, bytes]) -> dict[str, str]:
    return {key: base64.b64encode(value).decode() for key, value in sorted(data.items())}


def _merged(current: Manifest, data: Mapping[str, bytes]) -> dict[str, Any]:
    return {**current, "data": {**(current.get("data") or {}), **_encoded(data)}}


def _owned(
    external: Manifest,
    template: Mapping[str, Any],
    data: Mapping[str, bytes],
    current: Manifest | None,
) -> dict[str, Any]:
    own = external["metadata"]
    metadata = template.get("metadata") or {}
    encoded = _encoded(data)
    made: dict[str, Any] = {
        **({} if current is None else current["metadata"]),
        "name": target_name(external),
        "namespace": own["namespace"],
        "labels": {
            **(metadata.get("labels") or own.get("labels") or {}),
            MANAGED: "true",
        },
        "annotations": {
            **(metadata.get("annotations") or {}),
            DATA_HASH: _hash(encoded),
        },
    }
    if (external["spec"].get("target") or {}).get("creationPolicy", "Owner") == "Owner":
        made["ownerReferences"] = [_owner(external)]
    secret: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": made,
        "type": template.get("type") or (current or {}).get("type") or "Opaque",
        "data": encoded,
    }
    if (external["spec"].get("target") or {}).get("immutable"):
        secret["immutable"] = True
    return secret


def _owner(external: Manifest) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": "ExternalSecret",
        "name": external["metadata"]["name"],
        "uid": external["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def _hash(data: Mapping[str, str]) -> str:
    text = json.dumps(data, sort_keys=True, separators=(",", ":"))
    return hashlib.sha3_224(text.encode()).hexdigest()


def is_same(one: Manifest | None, other: Manifest) -> bool:
    """Whether a Secret has the content that it shall have."""
    if one is None:
        return False
    fields = ("data", "type", "immutable")
    metadata = ("labels", "annotations", "ownerReferences")
    return all(one.get(each) == other.get(each) for each in fields) and all(
        one["metadata"].get(each) == other["metadata"].get(each) for each in metadata
    )


def version(external: Manifest) -> str:
    """What a sync belongs to: generation, labels and annotations of the ExternalSecret."""
    metadata = external["metadata"]
    marks = {"annotations": metadata.get("annotations"), "labels": metadata.get("labels")}
    digest = hashlib.sha3_224(json.dumps(marks, sort_keys=True).encode()).hexdigest()
    return f"{metadata.get('generation', 1)}-{digest}"


def interval(external: Manifest) -> float:
    """`refreshInterval` in seconds, one hour if absent; 0 is once."""
    text = str(external["spec"].get("refreshInterval", "1h"))
    return sum(float(count) * _SECONDS[unit] for count, unit in _DURATION.findall(text))


def refresh_in(external: Manifest, current: Manifest | None, now: datetime) -> float | None:
    """Seconds until the values are to be read again; 0 for now, None for never."""
    status = external.get("status") or {}
    policy = external["spec"].get("refreshPolicy", "Periodic")
    if not status.get("refreshTime") or not _is_intact(external, current):
        return 0.0
    if policy == "CreatedOnce":
        return None
    if status.get("syncedResourceVersion") != version(external):
        return 0.0
    seconds = interval(external)
    if policy == "OnChange" or seconds <= 0:
        return None
    last = clock.parse_timestamp(status["refreshTime"])
    return max(0.0, (last + timedelta(seconds=seconds) - now).total_seconds())


def _is_intact(external: Manifest, current: Manifest | None) -> bool:
    policy = (external["spec"].get("target") or {}).get("creationPolicy", "Owner")
    if policy in ("None", "Merge"):
        return policy == "None" or current is not None
    if current is None:
        return False
    annotations = current["metadata"].get("annotations") or {}
    return bool(annotations.get(DATA_HASH) == _hash(current.get("data") or {}))


def status(external: Manifest, problem: str, now: datetime) -> dict[str, Any]:
    """The status after a sync; `problem` says why it failed."""
    before = external.get("status") or {}
    state = "False" if problem else "True"
    made = {
        "type": "Ready",
        "status": state,
        "reason": "SecretSyncedError" if problem else "SecretSynced",
        "message": problem or "secret synced",
    }
    old = next((each for each in before.get("conditions") or () if each["type"] == "Ready"), None)
    same = old is not None and old["status"] == state
    moment = old.get("lastTransitionTime") if old and same else None
    conditions = [each for each in before.get("conditions") or () if each["type"] != "Ready"]
    conditions.append({**made, "lastTransitionTime": moment or clock.timestamp(now)})
    if problem:
        return {**before, "conditions": conditions}
    return {
        **before,
        "conditions": conditions,
        "refreshTime": clock.timestamp(now),
        "syncedResourceVersion": version(external),
        "binding": {"name": target_name(external)},
    }
