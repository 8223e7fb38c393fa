"""Read, set and drop values at paths such as `spec.ports[0].port`; used by the conformance cases.

A path may also say `items.#` (how many) and `items[*].metadata.name` (of each), and quotes keys
that have dots in them: `metadata.labels['a/b.c']`.
"""

from __future__ import annotations

import re
from typing import Any

Part = str | int
_PART = re.compile(r"\[(\d+)\]|\[(\*)\]|\['([^']*)'\]|([^.\[\]]+)")


def parts(path: str) -> list[Part]:
    """The keys and positions of a path."""
    found: list[Part] = []
    for index, star, quoted, plain in _PART.findall(path):
        found.append(int(index) if index else star or quoted or plain)
    return found


def read(value: Any, path: str) -> Any:
    """What is at a path; None when nothing is."""
    return _read(value, parts(path))


def _read(value: Any, path: list[Part]) -> Any:
    if not path:
        return value
    head, rest = path[0], path[1:]
    if head == "#":
        return len(value) if isinstance(value, list | dict) else None
    if head == "*":
        return [_read(each, rest) for each in value] if isinstance(value, list) else None
    if isinstance(head, int):
        if isinstance(value, list) and head < len(value):
            return _read(value[head], rest)
        return None
    return _read(value.get(head), rest) if isinstance(value, dict) else None


def put(value: Any, path: str, new: Any) -> None:
    """Set a value, making the objects on the way; a position after the end appends."""
    *way, last = found = parts(path)
    for part, following in zip(way, found[1:], strict=True):
        value = _enter(value, part, [] if isinstance(following, int) else {})
    if isinstance(value, list) and isinstance(last, int) and last >= len(value):
        value.append(new)
    else:
        value[last] = new


def _enter(value: Any, part: Part, fresh: Any) -> Any:
    if isinstance(value, list) and isinstance(part, int):
        if part >= len(value):
            value.append(fresh)
        return value[part]
    return value.setdefault(part, fresh)


def drop(value: Any, path: str) -> None:
    """Remove what is at a path."""
    *way, last = parts(path)
    for part in way:
        value = value[part]
    del value[last]
