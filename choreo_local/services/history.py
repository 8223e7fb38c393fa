"""Which releases an environment has had: an annotation of its ReleaseBinding; pure.

The cluster keeps only the release that is bound now. For a roll-back we note the ones before,
oldest first.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

ANNOTATION: Final = "choreo.dev/release-history"
_LENGTH: Final = 10
# What anybody can write into an annotation is read up to this size only.
_LONGEST: Final = 16_384

Manifest = Mapping[str, Any]


class Entry(NamedTuple):
    """A release and when it was bound."""

    release: str
    at: str


def read(binding: Manifest) -> list[Entry]:
    """The history of a binding, ending in the release that is bound now."""
    noted = _parse((binding["metadata"].get("annotations") or {}).get(ANNOTATION))
    current = (binding.get("spec") or {}).get("releaseName")
    if current and (not noted or noted[-1].release != current):
        noted.append(Entry(str(current), _bound_at(binding)))
    return noted


def advanced(entries: Sequence[Entry], release: str, *, now: str) -> list[Entry]:
    """The history after `release` was bound."""
    if entries and entries[-1].release == release:
        return list(entries)
    return [*entries, Entry(release, now)][-_LENGTH:]


def returned(entries: Sequence[Entry], release: str, *, now: str) -> list[Entry]:
    """The history after going back to `release`: what came after it is forgotten.

    So going back twice goes back two releases.
    """
    for index in reversed(range(len(entries))):
        if entries[index].release == release:
            return [*entries[:index], Entry(release, now)]
    return advanced(entries, release, now=now)


def previous(entries: Sequence[Entry]) -> str | None:
    """The release before the one that is bound now."""
    if not entries:
        return None
    current = entries[-1].release
    return next((entry.release for entry in reversed(entries) if entry.release != current), None)


def text(entries: Sequence[Entry]) -> str:
    """The value of the annotation."""
    content = [{"release": entry.release, "at": entry.at} for entry in entries]
    return json.dumps(content, separators=(",", ":"))


def age(release: Manifest) -> tuple[str, int]:
    """Sorts releases by when they were cut; those of one second by the cluster's revision."""
    metadata = release["metadata"]
    revision = str(metadata.get("resourceVersion") or "0")
    return str(metadata.get("creationTimestamp") or ""), int(revision if revision.isdigit() else 0)


def _parse(value: Any) -> list[Entry]:
    if not isinstance(value, str) or len(value) > _LONGEST:
        return []
    try:
        content = json.loads(value)
    except (ValueError, RecursionError):
        return []
    if not isinstance(content, list):
        return []
    return [
        Entry(entry["release"], str(entry.get("at") or ""))
        for entry in content
        if isinstance(entry, dict) and isinstance(entry.get("release"), str) and entry["release"]
    ][-_LENGTH:]


def _bound_at(binding: Manifest) -> str:
    changed = (binding.get("status") or {}).get("lastSpecUpdateTime")
    return str(changed or binding["metadata"].get("creationTimestamp") or "")
