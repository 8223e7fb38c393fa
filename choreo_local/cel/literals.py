"""The values of literal tokens, for the parser."""

from __future__ import annotations

import re

from choreo_local.cel.values import INT_MAX, INT_MIN, UINT_MAX, Uint

_ESCAPE = re.compile(r"\\(x..|X..|u.{4}|U.{8}|[0-3][0-7][0-7]|.)", re.DOTALL)
_SIMPLE = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
}
_SURROGATES = range(0xD800, 0xE000)


class LiteralError(Exception):
    """A literal stands for no value; internal, the parser adds the position."""


def integer(text: str) -> int:
    """The value of an integer literal with an optional sign."""
    value = _number(text)
    if not INT_MIN <= value <= INT_MAX:
        raise LiteralError("invalid int literal")
    return value


def unsigned(text: str) -> Uint:
    """The value of an unsigned literal."""
    value = _number(text[:-1])
    if value > UINT_MAX:
        raise LiteralError("invalid uint literal")
    return Uint(value)


def double(text: str) -> float:
    """The value of a floating-point literal with an optional sign."""
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise LiteralError("invalid double literal")
    return value


def string(text: str) -> str:
    """The value of a string literal."""
    body, raw = _body(text)
    if raw or "\\" not in body:
        return body
    return _ESCAPE.sub(lambda match: chr(_code(match[1])), body)


def binary(text: str) -> bytes:
    """The value of a bytes literal; escapes of one byte stand for the byte."""
    body, raw = _body(text[1:])
    if raw or "\\" not in body:
        return body.encode("utf-8", "surrogatepass")
    parts: list[bytes] = []
    end = 0
    for match in _ESCAPE.finditer(body):
        parts.append(body[end : match.start()].encode("utf-8", "surrogatepass"))
        if match[1][0] in "uU":
            raise LiteralError("unable to unescape string")
        parts.append(bytes((_code(match[1]),)))
        end = match.end()
    parts.append(body[end:].encode("utf-8", "surrogatepass"))
    return b"".join(parts)


def _number(text: str) -> int:
    # Python refuses to read very long decimals; none of them fits 64 bits.
    if len(text) > 1000:
        return UINT_MAX + 1
    return int(text, 16) if "x" in text else int(text)


def _body(text: str) -> tuple[str, bool]:
    raw = text[0] in "rR"
    quoted = text[1:] if raw else text
    # Line ends are newlines, whatever the file was written with.
    quoted = quoted.replace("\r\n", "\n").replace("\r", "\n")
    width = 3 if quoted[:3] in ('"""', "'''") and len(quoted) >= 6 else 1
    return quoted[width:-width], raw


def _code(escape: str) -> int:
    head = escape[0]
    if head in _SIMPLE:
        return ord(_SIMPLE[head])
    if head in "xXuU":
        code = int(escape[1:], 16)
    elif head.isdigit():
        code = int(escape, 8)
    else:
        return ord(head)
    if code > 0x10FFFF or code in _SURROGATES:
        raise LiteralError("invalid unicode code point")
    return code
