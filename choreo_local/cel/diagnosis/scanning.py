"""Text to tokens, with a complaint about each piece that is none."""

from __future__ import annotations

import re
from dataclasses import dataclass

from choreo_local.cel import lexer
from choreo_local.cel.errors import Issue
from choreo_local.cel.lexer import Token

_PARTIAL_ESCAPE = r"(?:\\(?:[xX][0-9a-fA-F]?|u[0-9a-fA-F]{0,3}|U[0-9a-fA-F]{0,7}|[0-3][0-7]?)?)?"
# The longest beginning of a token in text that does not become one.
_BEGINNING = re.compile(
    rf"\"(?:[^\\\"\n\r]|{lexer.ESCAPE})*{_PARTIAL_ESCAPE}"
    rf"|'(?:[^\\'\n\r]|{lexer.ESCAPE})*{_PARTIAL_ESCAPE}"
    r"|`[A-Za-z0-9_.\-/ ]*"
    r"|[=&|]"
    r"|"
)


@dataclass(frozen=True, slots=True)
class Scanned:
    """The tokens of a text, with those that the grammar does not see, and the complaints."""

    tokens: list[Token]
    issues: list[Issue]


def scan(text: str) -> Scanned:
    """Read all tokens; a piece that is none ends with the character that spoilt it."""
    tokens: list[Token] = []
    issues: list[Issue] = []
    position = 0
    while position < len(text):
        token = lexer.token_at(text, position)
        if token is None:
            beginning = _BEGINNING.match(text, position)
            assert beginning is not None
            end = min(beginning.end() + 1, len(text))
            issues.append(Issue(position, f"token recognition error at: '{text[position:end]}'"))
            position = end
            continue
        tokens.append(token)
        position += len(token.text)
    tokens.append(Token(lexer.END, lexer.END, len(text)))
    return Scanned(tokens, issues)


def escaped(text: str) -> str:
    """Line ends and tabs made visible."""
    return text.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
