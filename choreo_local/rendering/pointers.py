"""Extended patch paths: `/spec/containers[?(@.name=='app')]/env/-` to plain JSON pointers; pure.

A path is expanded against the document it will be applied to; filters and wildcards then stand for
as many pointers as there are matches. Used by patches alone.

Public: `expand`, `split`, `is_selective`, `APPEND`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from . import printing
from .errors import PatchError

APPEND = "-"
MAX_MATCHES = 65536
MAX_STEPS = 64

_INDEX = re.compile(r"[+-]?[0-9]{1,18}\Z", re.ASCII)
_FILTER = re.compile(r"@\.([A-Za-z0-9_.-]+)\s*==\s*['\"](.*)['\"]\Z", re.ASCII | re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Place:
    """A place in the document that the path led to so far."""

    pointer: tuple[str, ...]
    value: Any

    def child(self, key: str, value: Any) -> _Place:
        return _Place((*self.pointer, key), value)

    def __str__(self) -> str:
        return _joined(self.pointer)


def expand(document: Any, path: str) -> list[str]:
    """The pointers that a path stands for in a document, in ascending order.

    Raises:
        PatchError: the path is malformed, or a step does not fit the document.
    """
    places = [_Place((), document)]
    for segment in path.removeprefix("/").split("/"):
        if not segment:
            continue
        for token in _tokens(segment.replace("~1", "/").replace("~0", "~")):
            places = [found for place in places for found in _step(place, token)]
            if len(places) > MAX_MATCHES:
                raise PatchError(f"path {printing.quoted(path)} matches too many elements")
            if places and len(places[0].pointer) > MAX_STEPS:
                raise PatchError(f"path has more than {MAX_STEPS} steps")
    return [str(place) for place in places]


def split(pointer: str) -> list[str]:
    """The keys and indexes of a JSON pointer."""
    parts = pointer.removeprefix("/").split("/")
    return [part.replace("~1", "/").replace("~0", "~") for part in parts]


def index(segment: str) -> int | None:
    """The array index that a segment writes, or None."""
    return int(segment) if _INDEX.match(segment) else None


def is_selective(path: str) -> bool:
    """Does the path hold a filter or a wildcard, so that no match at all is worth an error?"""
    return "[?(" in path or "[*]" in path


def _joined(pointer: tuple[str, ...]) -> str:
    if not pointer:
        return ""
    return "/" + "/".join(part.replace("~", "~0").replace("/", "~1") for part in pointer)


def _tokens(segment: str) -> Iterator[str]:
    """`name[0][*]` → `name`, `[0]`, `[*]`."""
    start = 0
    while start < len(segment):
        opening = segment.find("[", start)
        if opening != start:
            yield segment[start:] if opening < 0 else segment[start:opening]
            start = len(segment) if opening < 0 else opening
            continue
        closing = segment.find("]", opening)
        if closing < 0:
            raise PatchError(f"unclosed bracket segment in {printing.quoted(segment)}")
        yield segment[opening : closing + 1]
        start = closing + 1


def _step(place: _Place, token: str) -> Iterator[_Place]:
    if not token.startswith("["):
        return _plain(place, token)
    inner = token[1:-1]
    if inner == "*":
        return _every(place)
    if inner == APPEND:
        return iter((place.child(APPEND, None),))
    if inner.startswith("?(") and inner.endswith(")"):
        return _matching(place, inner[2:-1])
    position = index(inner)
    if position is None:
        raise PatchError(f"unsupported array index {printing.quoted(inner)}")
    return _element(place, position)


def _plain(place: _Place, token: str) -> Iterator[_Place]:
    if token == APPEND:
        yield place.child(APPEND, None)
        return
    position = index(token)
    if position is not None:
        yield from _element(place, position)
    elif place.value is None:
        yield place.child(token, None)
    elif isinstance(place.value, dict):
        yield place.child(token, place.value.get(token))
    else:
        kind = printing.type_name(place.value)
        raise PatchError(f"path segment {printing.quoted(token)} expects an object, got {kind}")


def _element(place: _Place, position: int) -> Iterator[_Place]:
    if not isinstance(place.value, list):
        kind = printing.type_name(place.value)
        raise PatchError(f"path segment expects an array, got {kind}")
    if not 0 <= position < len(place.value):
        raise PatchError(f"array index {position} out of bounds")
    yield place.child(str(position), place.value[position])


def _every(place: _Place) -> Iterator[_Place]:
    for position, value in enumerate(_array(place, "wildcard [*]")):
        yield place.child(str(position), value)


def _matching(place: _Place, expression: str) -> Iterator[_Place]:
    items = _array(place, "filter")
    match = _FILTER.match(expression)
    if match is None:
        raise PatchError(f"unsupported filter expression: {expression}")
    field, wanted = match.groups()
    for position, value in enumerate(items):
        if _field_text(value, field) == wanted:
            yield place.child(str(position), value)


def _array(place: _Place, what: str) -> list[Any]:
    if not isinstance(place.value, list):
        kind = printing.type_name(place.value)
        raise PatchError(f"{what} expects an array, got {kind} at {place}")
    return place.value


def _field_text(value: Any, field: str) -> str | None:
    for key in field.split("."):
        if not isinstance(value, dict) or key not in value:
            return None
        value = value[key]
    return "" if value is None else printing.plain_text(value)
