"""Drop from an object what only this machine knows; find what people wrote about it. Pure.

Public: `cleaned(obj)`, `machine_texts(obj, …)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from choreo_local.api import labels
from choreo_local.export.state import Manifest

_KEPT = ("name", "namespace")
_OURS = ("choreo.dev/", "choreo.local/")
_BOOKKEEPING = frozenset(
    {"kubectl.kubernetes.io/last-applied-configuration", "kubernetes.io/metadata.name"}
)
# What a new cluster numbers anew.
_UIDS = frozenset(
    {labels.PROJECT_UID, labels.COMPONENT_UID, labels.RESOURCE_UID, labels.ENVIRONMENT_UID}
)
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_LOCAL_DOMAINS = (".openchoreoapis.localhost", ".openchoreo.localhost")
_MOST_TEXTS = 20


def cleaned(obj: Manifest) -> dict[str, Any]:
    """The object as a person would have written it."""
    metadata = obj["metadata"]
    kept: dict[str, Any] = {name: metadata[name] for name in _KEPT if metadata.get(name)}
    for field in ("labels", "annotations"):
        marks = {key: value for key, value in (metadata.get(field) or {}).items() if _moves(key)}
        if marks:
            kept[field] = marks
    rest = {
        name: value
        for name, value in obj.items()
        if name not in ("apiVersion", "kind", "metadata", "status")
    }
    if obj["kind"] == "Namespace":
        rest.pop("spec", None)
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": kept, **rest}


def _moves(key: str) -> bool:
    return not key.startswith(_OURS) and key not in _BOOKKEEPING and key not in _UIDS


def machine_texts(
    obj: Manifest, *, ports: Iterable[int], folders: Iterable[str]
) -> list[tuple[str, str]]:
    """Where an object speaks of this machine: path of the field, and what gives it away."""
    signs = [f"{host}:{port}" for host in _LOOPBACK for port in sorted(ports)]
    signs += [*_LOCAL_DOMAINS, *folders]
    found = []
    for path, text in _texts(obj, ""):
        sign = next((sign for sign in signs if sign in text), None)
        if sign is not None:
            found.append((path, sign))
        if len(found) >= _MOST_TEXTS:
            break
    return found


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key in sorted(value, key=str):
            yield from _texts(value[key], f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _texts(item, f"{path}[{index}]")
