"""The hash of a Pod template that names ReplicaSets and labels their Pods. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from choreo_local import clock
from choreo_local.embedded.controllermanager import godump

POD_TEMPLATE_HASH = "pod-template-hash"

_OFFSET = 2166136261
_PRIME = 16777619


def fnv32a(data: bytes) -> int:
    """32-bit FNV-1a."""
    value = _OFFSET
    for byte in data:
        value = ((value ^ byte) * _PRIME) & 0xFFFFFFFF
    return value


def fnv32(data: bytes) -> int:
    """32-bit FNV-1."""
    value = _OFFSET
    for byte in data:
        value = ((value * _PRIME) & 0xFFFFFFFF) ^ byte
    return value


def safe_encode(text: str) -> str:
    """Text in the alphabet of generated names."""
    alphabet = clock.SUFFIX_ALPHABET
    return "".join(alphabet[ord(char) % len(alphabet)] for char in text)


def template_hash(template: Mapping[str, Any], collisions: int | None = None) -> str:
    """The hash of a template; `collisions` makes another one for the same template."""
    data = godump.pod_template(template).encode()
    if collisions is not None:
        data += collisions.to_bytes(8, "little")
    return safe_encode(str(fnv32a(data)))


def without_hash(template: Mapping[str, Any]) -> dict[str, Any]:
    """The template as its author wrote it, for comparisons."""
    metadata = dict(template.get("metadata") or {})
    labels = {
        key: value
        for key, value in (metadata.pop("labels", None) or {}).items()
        if key != POD_TEMPLATE_HASH
    }
    cleaned = {key: value for key, value in metadata.items() if value}
    if labels:
        cleaned["labels"] = labels
    return {"metadata": cleaned, "spec": template.get("spec")}


def same_template(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two templates differ in nothing but the hash label."""
    return without_hash(one) == without_hash(other)
