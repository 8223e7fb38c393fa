"""Hashes that end up in names and annotations; pure.

Upstream dumps a Go value as text, takes FNV-32a of it and writes the decimal digits in an alphabet
without vowels. The dump of plain JSON values is reproducible and done here; the dump of its Go
structs is not, so releases hash canonical JSON in the same alphabet.

Public: `compute` (the dump of a value), `canonical` (releases), `fnv32a`, `fnv_hex`, `dump`.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from . import printing

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_OFFSET = 2166136261
_PRIME = 16777619
_MASK = 0xFFFFFFFF


def fnv32a(data: bytes) -> int:
    """The 32-bit FNV-1a hash."""
    state = _OFFSET
    for byte in data:
        state = ((state ^ byte) * _PRIME) & _MASK
    return state


@functools.lru_cache(maxsize=4096)
def fnv_hex(text: str) -> str:
    """FNV-1a of a text as eight hexadecimal digits."""
    return f"{fnv32a(text.encode('utf-8', 'surrogateescape')):08x}"


def compute(value: Any, *, collisions: int | None = None) -> str:
    """The hash of a value of strings, numbers, booleans, lists and objects."""
    return _encoded(dump(value), collisions)


def compute_objects(objects: Sequence[Mapping[str, Any]], *, collisions: int | None = None) -> str:
    """The hash of a list of objects, which upstream types more closely than a list of values."""
    return _encoded(dump_objects(objects), collisions)


def canonical(value: Any) -> str:
    """A hash that changes when the JSON value does; its form is that of `compute`."""
    # A release holds whole types: FNV byte by byte would take milliseconds in Python.
    digest = hashlib.sha256(_canonical_text(value)).digest()
    return safe_encoded(str(int.from_bytes(digest[:4], "big")))


def dump(value: Any) -> str:
    """The text of a value with the type of every part: `(map[string]interface {})map[a:…]`."""
    if value is None:
        return "<nil>"
    return f"({printing.type_name(value)}){_body(value)}"


def dump_objects(objects: Sequence[Mapping[str, Any]]) -> str:
    """The text of a list of objects."""
    return f"([]map[string]interface {{}})[{' '.join(map(_object, objects))}]"


def safe_encoded(digits: str) -> str:
    """Text in an alphabet that spells no words."""
    return "".join(_ALPHABET[ord(char) % len(_ALPHABET)] for char in digits)


def _canonical_text(value: Any) -> bytes:
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        # Numbers beyond 64 bits; no object from a cluster holds them, one from a file may.
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _body(value: Any) -> str:
    if isinstance(value, dict):
        return _object(value)
    if isinstance(value, list):
        return f"[{' '.join(map(dump, value))}]"
    if isinstance(value, int) and not isinstance(value, bool):
        return str(int(value))
    return printing.plain_text(value)


def _object(value: Mapping[str, Any]) -> str:
    return f"map[{' '.join(f'{key}:{dump(value[key])}' for key in sorted(value))}]"


def _encoded(text: str, collisions: int | None) -> str:
    data = text.encode("utf-8", "surrogateescape")
    if collisions is not None:
        data += collisions.to_bytes(4, "little") + bytes(4)
    return safe_encoded(str(fnv32a(data)))
