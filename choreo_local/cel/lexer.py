"""Text to tokens, for the parser."""

from __future__ import annotations

import re
from typing import NamedTuple

END = "<EOF>"
IDENTIFIER = "IDENTIFIER"
ESCAPED = "ESC_IDENTIFIER"
FLOAT = "NUM_FLOAT"
INTEGER = "NUM_INT"
UNSIGNED = "NUM_UINT"
STRING = "STRING"
BYTES = "BYTES"
SPACE = "SPACE"

ESCAPE = (
    r"\\(?:[abfnrtv\"'\\?`]|[0-3][0-7][0-7]|[xX][0-9a-fA-F]{2}"
    r"|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})"
)
_STRING = (
    rf"(?:\"\"\"(?:[^\\\"]|{ESCAPE}|\"(?!\"\"))*\"\"\""
    rf"|'''(?:[^\\']|{ESCAPE}|'(?!''))*'''"
    rf"|\"(?:[^\\\"\n\r]|{ESCAPE})*\"|'(?:[^\\'\n\r]|{ESCAPE})*'"
    r"|[rR](?:\"\"\"(?:[^\"]|\"(?!\"\"))*\"\"\"|'''(?:[^']|'(?!''))*'''"
    r"|\"[^\"\n\r]*\"|'[^'\n\r]*'))"
)
# The order stands for the rule of the longest match, where two tokens begin alike.
_TOKEN = re.compile(
    r"(?P<SPACE>(?:[\t \r\n\f]+|//[^\n]*)+)"
    rf"|(?P<BYTES>[bB]{_STRING})"
    rf"|(?P<STRING>{_STRING})"
    r"|(?P<IDENTIFIER>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<NUM_FLOAT>(?:[0-9]+(?:\.[0-9]+(?:[eE][+-]?[0-9]+)?|[eE][+-]?[0-9]+)"
    r"|\.[0-9]+(?:[eE][+-]?[0-9]+)?))"
    r"|(?P<NUM_UINT>(?:0x[0-9a-fA-F]+|[0-9]+)[uU])"
    r"|(?P<NUM_INT>0x[0-9a-fA-F]+|[0-9]+)"
    r"|(?P<OPERATOR>[=!<>]=|&&|\|\||[<>\[\]{}().,\-!?:+*/%])"
    r"|(?P<ESC_IDENTIFIER>`[A-Za-z0-9_.\-/ ]+`)"
    r"|(?P<ERROR>.)",
    re.DOTALL,
)
_KEYWORDS = frozenset({"in", "true", "false", "null"})
# Identifiers to the lexer, but no names of variables or functions.
RESERVED = frozenset(
    {"as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop"}
    | {"namespace", "package", "return", "var", "void", "while"}
)


class Token(NamedTuple):
    """A token.

    Attributes:
        kind: one of the constants above; of operators and keywords the text.
        text: as written.
        position: code points before it.
    """

    kind: str
    text: str
    position: int


class LexerError(Exception):
    """A character begins no token; internal, the parser words it."""


def token_at(text: str, position: int) -> Token | None:
    """The token at a position, of kind SPACE for what is between others; None for no token."""
    match = _TOKEN.match(text, position)
    assert match is not None
    kind = match.lastgroup
    if kind == "ERROR" or kind is None:
        return None
    return Token(_kind(kind, match[0]), match[0], position)


def _kind(group: str, word: str) -> str:
    is_its_own = group == "OPERATOR" or (group == IDENTIFIER and word in _KEYWORDS)
    return word if is_its_own else group


def tokens(text: str) -> tuple[list[str], list[str], list[int]]:
    """Kinds, texts and positions of the tokens of a text, the last of kind END."""
    kinds: list[str] = []
    texts: list[str] = []
    positions: list[int] = []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        if kind == SPACE:
            continue
        word = match[0]
        if kind == "OPERATOR" or word in _KEYWORDS:
            kind = word
        elif kind == "ERROR" or kind is None:
            raise LexerError
        kinds.append(kind)
        texts.append(word)
        positions.append(match.start())
    kinds.append(END)
    texts.append(END)
    positions.append(len(text))
    return kinds, texts, positions
