"""Reads `WWW-Authenticate`. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

_LONGEST = 8192
_TOKEN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~")


@dataclass(frozen=True, slots=True)
class Challenge:
    """A way to authenticate that a server accepts; the scheme is in lower case."""

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict)


def parse(headers: Iterable[str]) -> list[Challenge]:
    """All challenges of some header lines; what cannot be understood is left out."""
    return [found for header in headers for found in _parse(header[:_LONGEST])]


def _parse(text: str) -> list[Challenge]:
    found: list[Challenge] = []
    scheme, parameters, place = "", dict[str, str](), 0
    while place < len(text):
        word, place = _word(text, place)
        if not word:
            place += 1
            continue
        if place < len(text) and text[place] == "=":
            value, place = _value(text, place + 1)
            parameters[word.lower()] = value
            continue
        if scheme:
            found.append(Challenge(scheme, parameters))
        scheme, parameters = word.lower(), {}
    return [*found, Challenge(scheme, parameters)] if scheme else found


def _word(text: str, place: int) -> tuple[str, int]:
    end = place
    while end < len(text) and text[end] in _TOKEN:
        end += 1
    return text[place:end], end


def _value(text: str, place: int) -> tuple[str, int]:
    if place >= len(text) or text[place] != '"':
        return _word(text, place)
    letters: list[str] = []
    place += 1
    while place < len(text) and text[place] != '"':
        if text[place] == "\\":
            place += 1
        letters.append(text[place : place + 1])
        place += 1
    return "".join(letters), place + 1
