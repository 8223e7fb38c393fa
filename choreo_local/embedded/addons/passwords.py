"""Passwords as the generator kind `Password` describes them."""

from __future__ import annotations

import secrets
import string
from collections.abc import Mapping
from typing import Any

_SYMBOLS = '~!@#$%^&*()_+`-={}|[]\\:"<>?,./'
_LONGEST = 1024


class PasswordError(ValueError):
    """No password can fulfil the description."""


def generate(spec: Mapping[str, Any]) -> str:
    """A random password with the wanted numbers of digits and symbols."""
    length = min(int(spec.get("length", 24)), _LONGEST)
    digits = int(spec["digits"]) if spec.get("digits") is not None else length // 4
    symbols = int(spec["symbols"]) if spec.get("symbols") is not None else length // 4
    letters = string.ascii_lowercase if spec.get("noUpper") else string.ascii_letters
    if digits + symbols > length:
        raise PasswordError(f"{digits} digits and {symbols} symbols do not fit into {length}")
    repeat = bool(spec.get("allowRepeat"))
    parts = (
        _chosen(string.digits, digits, repeat=repeat),
        _chosen(spec.get("symbolCharacters") or _SYMBOLS, symbols, repeat=repeat),
        _chosen(letters, length - digits - symbols, repeat=repeat),
    )
    chars = [char for part in parts for char in part]
    secrets.SystemRandom().shuffle(chars)
    return "".join(chars)


def _chosen(alphabet: str, count: int, *, repeat: bool) -> list[str]:
    if repeat:
        return [secrets.choice(alphabet) for _ in range(count)]
    if count > len(set(alphabet)):
        raise PasswordError(f"{count} different characters of {len(set(alphabet))} are impossible")
    return secrets.SystemRandom().sample(sorted(set(alphabet)), count)
