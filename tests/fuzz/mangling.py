"""Odd values, odd texts and broken bytes, chosen by a random generator with a seed."""

from __future__ import annotations

import json
import random
from typing import Any

DEEP = 20_000
ODD_TEXTS = (
    "",
    " ",
    "a" * 300,
    "x" * 70_000,
    "\x00",
    "é☃𝄞",
    "..",
    "../../etc",
    "a/b",
    "A_B",
    "-",
    "%2e%2e",
    "{{}}",
    "${x}",
    "1e999",
    "null",
    "\u202e",
    "\ufeff",
)
ODD_NUMBERS = (0, -1, 1, 2**31, 2**31 - 1, -(2**31), 2**53 + 1, 2**63, 2**64, -(2**63), 0.5, 1e308)


def value(dice: random.Random, depth: int = 0) -> Any:
    """Any JSON value."""
    kind = dice.randrange(8 if depth < 4 else 5)
    if kind == 0:
        return dice.choice(ODD_TEXTS)
    if kind == 1:
        return dice.choice(ODD_NUMBERS)
    if kind == 2:
        return dice.choice([True, False, None])
    if kind in (3, 4):
        return dice.choice(["a", "b", "red", 5, 80, "TCP", "1", "10Mi"])
    if kind == 5:
        return [value(dice, depth + 1) for _ in range(dice.randrange(4))]
    names = ["metadata", "name", "spec", "data", "a", "labels", "$patch", "kind", "items", ""]
    return {dice.choice(names): value(dice, depth + 1) for _ in range(dice.randrange(4))}


def changed(dice: random.Random, tree: Any) -> Any:
    """The same tree with one place replaced, removed or added."""
    if isinstance(tree, dict) and tree and dice.random() < 0.85:
        name = dice.choice(list(tree))
        if dice.random() < 0.1:
            return {key: found for key, found in tree.items() if key != name}
        if dice.random() < 0.1:
            return {**tree, dice.choice(["foo", name.upper(), "x-y"]): value(dice)}
        return {**tree, name: changed(dice, tree[name])}
    if isinstance(tree, list) and tree and dice.random() < 0.85:
        place = dice.randrange(len(tree))
        if dice.random() < 0.2:
            return [*tree, tree[place]]
        return [*tree[:place], changed(dice, tree[place]), *tree[place + 1 :]]
    return value(dice)


def encoded(tree: Any) -> bytes:
    """As JSON; lone surrogates and the like travel as escapes."""
    return json.dumps(tree).encode()


def broken(dice: random.Random, text: bytes) -> bytes:
    """Bytes that are probably not what they were."""
    place = dice.randrange(len(text) + 1)
    pieces = (b"\x00", b"\xff\xfe", b'"', b"{", b"]", b",", b"\\ud800", b"NaN", b"1e9999", b"\xc3")
    match dice.randrange(9):
        case 0:
            return text[:place]
        case 1:
            return text[:place] + dice.choice(pieces) + text[place:]
        case 2:
            return text[:place] + bytes([dice.randrange(256)]) + text[place + 1 :]
        case 3:
            return dice.choice(
                [b"", b"null", b"[]", b'"x"', b"1", b"true", b"{}", b"\xef\xbb\xbf{}"]
            )
        case 4:
            return dice.choice([b"[", b'{"a":', b'{"metadata":']) * dice.choice([10, DEEP])
        case 5:
            return b"[" * 500 + b"]" * 500
        case 6:
            return text + text
        case 7:
            return text.replace(b'"name"', b'"name":"twice","name"')
        case _:
            return bytes(dice.randrange(256) for _ in range(dice.randrange(200)))
