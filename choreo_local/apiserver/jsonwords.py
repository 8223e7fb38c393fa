"""What is wrong with a text that is not JSON, in the words of Go's decoder; pure.

Clients show them, and tests compare them. Only asked for once a faster parser has said no.
"""

from __future__ import annotations

import json

# Deeper nesting is refused before this module is asked.
_WHITESPACE = " \t\r\n"


def problem(text: str) -> str:
    """The first problem; empty texts are for the caller."""
    text = text.lstrip(_WHITESPACE)
    try:
        _, end = json.JSONDecoder().raw_decode(text)
    except RecursionError:
        return "exceeded max depth"
    except json.JSONDecodeError as error:
        return _words(text, error.pos, error.msg)
    rest = text[end:].lstrip(_WHITESPACE)
    if rest:
        return f"invalid character {_quoted(rest[0])} after top-level value"
    return "invalid JSON"


def _words(text: str, position: int, message: str) -> str:
    while position < len(text) and text[position] in _WHITESPACE:
        position += 1
    if position >= len(text) or message.startswith("Unterminated string"):
        return "unexpected EOF"
    character = _quoted(text[position])
    if message == "Expecting value":
        misspelt = _misspelt(text[position:])
        return misspelt or f"invalid character {character} looking for beginning of value"
    if message.startswith("Expecting property name"):
        return f"invalid character {character} looking for beginning of object key string"
    if message == "Expecting ':' delimiter":
        return f"invalid character {character} after object key"
    if message == "Expecting ',' delimiter":
        inside = "object key:value pair" if _is_in_object(text[:position]) else "array element"
        return f"invalid character {character} after {inside}"
    return f"invalid character {character} in string literal"


def _misspelt(text: str) -> str:
    """What is wrong with a word that begins like true, false or null; "" for other texts."""
    literal = next((word for word in ("true", "false", "null") if word[0] == text[0]), "")
    for index, expected in enumerate(literal):
        if index >= len(text):
            return "unexpected EOF"
        if text[index] != expected:
            found = _quoted(text[index])
            return f"invalid character {found} in literal {literal} (expecting {_quoted(expected)})"
    return ""


def _is_in_object(before: str) -> bool:
    """Whether the innermost bracket that is open at the end of a text is a brace."""
    opened: list[str] = []
    is_quoted = is_escaped = False
    for character in before:
        if is_quoted:
            is_quoted = is_escaped or character != '"'
            is_escaped = not is_escaped and character == "\\"
        elif character == '"':
            is_quoted = True
        elif character in "{[":
            opened.append(character)
        elif character in "}]" and opened:
            opened.pop()
    return opened[-1:] == ["{"]


def _quoted(character: str) -> str:
    return {"'": r"'\''", "\\": r"'\\'"}.get(character, f"'{character}'")
