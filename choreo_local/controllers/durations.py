"""Durations as manifests write them. Pure."""

from __future__ import annotations

import re
from datetime import timedelta

_UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?) *(ms|s|m|h|d) *")
# Longer texts are no durations.
_LONGEST = 64


def parse(text: str) -> timedelta | None:
    """A duration such as `1m30s` or `1d 12h`; None when the text is none."""
    position, seconds = 0, 0.0
    if not text or len(text) > _LONGEST:
        return None
    while position < len(text):
        part = _PART.match(text, position)
        if part is None:
            return None
        seconds += float(part[1]) * _UNIT_SECONDS[part[2]]
        position = part.end()
    try:
        return timedelta(seconds=seconds)
    except OverflowError:
        return None
