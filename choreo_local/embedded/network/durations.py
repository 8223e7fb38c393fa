"""Gateway API durations (GEP-2257) and those of Go. Pure."""

from __future__ import annotations

import re2

_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
# Some thirty years; Envoy's durations have an end, too.
_LONGEST = 1e9
_PART = re2.compile(r"([0-9]{1,5})(h|ms|m|s)")
_GO_PART = re2.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)(h|ms|us|µs|ns|m|s)")


def seconds(text: str | None) -> float | None:
    """`1h30m`, `500ms` → seconds; None for nothing and for what cannot be read."""
    return _total(text, _PART)


def go_seconds(text: str | None) -> float | None:
    """The same with fractions and finer units, as policies have them: `1.5s`."""
    return 0.0 if text == "0" else _total(text, _GO_PART)


def _total(text: str | None, part: re2._Regexp[str]) -> float | None:
    if not text:
        return None
    total, end = 0.0, 0
    for found in part.finditer(text):
        if found.start() != end:
            return None
        total += float(found.group(1)) * _SECONDS[found.group(2)]
        end = found.end()
    return min(total, _LONGEST) if end == len(text) else None
