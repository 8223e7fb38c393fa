"""Digests of contents, `sha256:…`. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Protocol

from choreo_local.images.failures import InvalidContent

_LENGTHS = {"sha256": 64, "sha512": 128}
_HEX = frozenset("0123456789abcdef")


class Hasher(Protocol):
    """What `hashlib` makes."""

    def update(self, data: bytes, /) -> None: ...

    def hexdigest(self) -> str: ...


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """The name of a content by what it is; safe as part of a path."""

    algorithm: str
    hex: str

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"

    def hasher(self) -> Hasher:
        """An empty hash of its algorithm."""
        return hashlib.new(self.algorithm)


def is_digest(text: str) -> bool:
    """Whether it is a digest of an algorithm that is registered by the image specification."""
    algorithm, _, value = text.partition(":")
    return len(value) == _LENGTHS.get(algorithm) and set(value) <= _HEX


def parse(text: str) -> Digest:
    """Read a digest; InvalidContent when it is none."""
    if not isinstance(text, str) or not is_digest(text):
        raise InvalidContent(f"invalid digest {str(text)[:160]!r}: must be sha256:… or sha512:…")
    algorithm, _, value = text.partition(":")
    return Digest(algorithm, value)


def of(content: bytes) -> Digest:
    """The sha256 of a content."""
    return Digest("sha256", hashlib.sha256(content).hexdigest())


def of_nothing() -> Hasher:
    """An empty sha256."""
    return hashlib.sha256()
