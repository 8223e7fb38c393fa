"""Secret stores of the planes: where values come from there, and which entries are needed. Pure.

On this machine all planes share one store. An installation has one in each cluster, so each is
filled with what the objects ask for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from choreo_local.embedded.addons import stores
from choreo_local.export.state import File, Left, Manifest, State

ENTRIES = "secrets"
_SUFFIX = ".json"
_STEP = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,200}")
_MOST_STEPS = 10
_NAMESPACE = "openbao"
_ACCOUNT = "external-secrets-openbao"


def manifests(name: str) -> list[dict[str, Any]]:
    """A secret store of a plane, on the vault that upstream's installation sets up."""
    account = {"name": _ACCOUNT, "namespace": _NAMESPACE}
    kubernetes = {
        "mountPath": "kubernetes",
        "role": "openchoreo-secret-writer-role",
        "serviceAccountRef": account,
    }
    vault = {
        "server": "http://openbao.openbao.svc:8200",
        "path": "secret",
        "version": "v2",
        "auth": {"kubernetes": kubernetes},
    }
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _NAMESPACE}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account},
        {
            "apiVersion": "external-secrets.io/v1",
            "kind": "ClusterSecretStore",
            "metadata": {"name": name},
            "spec": {"provider": {"vault": vault}},
        },
    ]


def needed(state: State) -> dict[str, list[str]]:
    """Key of the store → its properties: what SecretReferences name, and what the store has."""
    found: dict[str, set[str]] = {}
    for obj in state.of_kind("SecretReference"):
        for entry in (obj.get("spec") or {}).get("data") or ():
            remote = entry["remoteRef"]
            found.setdefault(remote["key"], set()).add(remote.get("property") or "value")
    for secret in _stored(state):
        found.setdefault(stores.key_of(secret), set()).update(secret.get("data") or {})
    return {key: sorted(found[key]) for key in sorted(found)}


def entries(state: State) -> tuple[list[File], list[Left]]:
    """A file for each entry of the store, with its values; and the entries that fit in none."""
    files, left = [], []
    contents = stores.contents({"spec": {}}, _stored(state))
    for key in sorted(contents):
        try:
            values = {name: value.decode() for name, value in sorted(contents[key].items())}
        except UnicodeDecodeError:
            left.append(_unfit(key, "it holds bytes that are no text"))
            continue
        if not _is_path(key):
            left.append(_unfit(key, "its name cannot be that of a file"))
            continue
        text = json.dumps(values, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        files.append(File(f"{ENTRIES}/{key}{_SUFFIX}", text, private=True))
    return files, left


def key_of_file(path: str) -> str | None:
    """The key of the entry that a file holds; None when it holds none."""
    if not path.startswith(f"{ENTRIES}/") or not path.endswith(_SUFFIX):
        return None
    return path.removeprefix(f"{ENTRIES}/").removesuffix(_SUFFIX)


def parsed(text: str) -> Mapping[str, str]:
    """The values of an entry; ValueError when they are none."""
    content = json.loads(text)
    if not isinstance(content, dict) or not all(isinstance(v, str) for v in content.values()):
        raise ValueError("it must be an object of texts")
    return content


def _stored(state: State) -> Iterable[Manifest]:
    return [
        obj
        for obj in state.of_kind("Secret")
        if obj["metadata"].get("namespace") == stores.NAMESPACE
    ]


def _is_path(key: str) -> bool:
    steps = key.split("/")
    return len(steps) <= _MOST_STEPS and all(_STEP.fullmatch(step) for step in steps)


def _unfit(key: str, why: str) -> Left:
    return Left(f'entry "{key}" of the secret store', why, "Write it into each store by hand")
