"""Gateway API durations (GEP-2257). Pure."""

from __future__ import annotations

import re2

_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_PART = re2.compile(r"([0-9]{1,5})(h|ms|m|s)")


def seconds(text: str | None) -> float | None:
    """`1h30m`, `500ms` → seconds; None for nothing and for what cannot be read."""
    if not text:
        return None
    total, end = 0.0, 0
    for found in _PART.finditer(text):
        if found.start() != end:
            return None
        total += int(found.group(1)) * _SECONDS[found.group(2)]
        end = found.end()
    return total if end == len(text) else None
