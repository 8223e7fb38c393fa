"""What to say about a text that does not follow the grammar."""

from __future__ import annotations

from choreo_local.cel.errors import Issue


def issues(text: str) -> list[Issue]:
    """The complaints about a text that the parser refused."""
    return [Issue(0, "Syntax error: invalid expression")]
