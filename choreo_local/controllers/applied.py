"""What was applied to a plane, and whether an object there still says so. Pure.

A server may store a value in other words than it was given (`1000m` as `1`). What it answered is
remembered with the manifest, so that this is not taken for somebody else's change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from choreo_local.controllers import identity

Path = tuple[str | int, ...]
_MISSING = object()


@dataclass(frozen=True, slots=True)
class Applied:
    """A manifest as it was applied.

    Attributes:
        digest: of the manifest.
        worded: where the answer differed from the manifest, and what it said there.
    """

    digest: bytes
    worded: Mapping[Path, Any] = field(default_factory=dict)

    def is_current(self, live: Mapping[str, Any], manifest: Mapping[str, Any]) -> bool:
        """Whether it was this very manifest, and all that it says is still true of the object."""
        return self.digest == identity.digest(manifest) and all(
            path in self.worded and self.worded[path] == value
            for path, value in _differences(manifest, live, ())
        )


def of(manifest: Mapping[str, Any], answer: Mapping[str, Any]) -> Applied:
    """What to remember of an apply."""
    return Applied(identity.digest(manifest), dict(_differences(manifest, answer, ())))


def _differences(wanted: Any, live: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """Where a live object does not say what a manifest does, and what it says there."""
    if isinstance(wanted, Mapping) and isinstance(live, Mapping):
        for name, value in wanted.items():
            if name in live:
                yield from _differences(value, live[name], (*path, name))
            elif value is not None:
                yield (*path, name), _MISSING
    elif isinstance(wanted, list) and isinstance(live, list) and len(live) >= len(wanted):
        for index, value in enumerate(wanted):
            yield from _differences(value, live[index], (*path, index))
    elif wanted != live:
        yield path, live
