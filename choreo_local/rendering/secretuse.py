"""Which SecretReferences the variables and files of a component need; pure.

Checked before rendering, so that a missing secret is named instead of rendered as nothing.

Public: `collect(workload, overrides, found)` → `SecretUse`, `used(workload, overrides)`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Manifest = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SecretUse:
    """The references in the order in which they are used, and what is wrong with the first."""

    names: list[str]
    problem: str


def collect(workload: Manifest, overrides: Manifest, found: Mapping[str, Manifest]) -> SecretUse:
    """Check every secret that the workload, with its overrides, takes a value from.

    `found` are the SecretReferences of the namespace by name.
    """
    names: list[str] = []
    for name, key in used(workload, overrides):
        if name not in names:
            names.append(name)
        problem = _problem(name, key, found.get(name))
        if problem:
            return SecretUse(names, f"Failed to collect SecretReferences: {problem}")
    return SecretUse(names, "")


def _problem(name: str, key: str, reference: Manifest | None) -> str:
    if reference is None:
        return (
            f'failed to get SecretReference "{name}": SecretReference.openchoreo.dev "{name}" '
            "not found"
        )
    available = [entry["secretKey"] for entry in reference["spec"]["data"]]
    if key not in available:
        listed = " ".join(available)
        return f'key "{key}" not found in SecretReference "{name}"; available keys: [{listed}]'
    return ""


def used(workload: Manifest, overrides: Manifest) -> Iterator[tuple[str, str]]:
    """Name and key of each secret that is used; what an override replaces is not."""
    base = workload.get("container") or {}
    over = overrides.get("container") or {}
    for section in ("env", "files"):
        yield from _references(over.get(section) or ())
    for section in ("env", "files"):
        replaced = {entry["key"] for entry in over.get(section) or ()}
        kept = [entry for entry in base.get(section) or () if entry["key"] not in replaced]
        yield from _references(kept)


def _references(entries: Sequence[Manifest]) -> Iterator[tuple[str, str]]:
    for entry in entries:
        reference = (entry.get("valueFrom") or {}).get("secretKeyRef") or {}
        if reference.get("name"):
            yield reference["name"], reference["key"]
