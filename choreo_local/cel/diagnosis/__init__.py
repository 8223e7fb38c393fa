"""What to say about a text that does not follow the grammar, in the words of cel-go.

Others compare these texts, and they depend on how ANTLR predicts and recovers. So the grammar is
run here as an automaton with ANTLR's strategy; good texts never come this way.
"""

from __future__ import annotations

import re

from choreo_local.cel.diagnosis.recovery import Recognizer
from choreo_local.cel.diagnosis.scanning import scan
from choreo_local.cel.errors import Issue

# Longer texts get a plain complaint: recovery looks far ahead, again and again.
_MOST_TOKENS = 2000
_MOST_ISSUES = 100
_KEYWORD_AFTER_DOT = re.compile(r"no viable alternative at input '\.(true|false|null)'")


def issues(text: str) -> list[Issue]:
    """The complaints about a text that the parser refused."""
    scanned = scan(text)
    found = list(scanned.issues)
    if len(scanned.tokens) <= _MOST_TOKENS:
        recognizer = Recognizer(scanned.tokens)
        recognizer.run()
        found += recognizer.issues
    found = found or [Issue(0, "not a valid expression")]
    return [Issue(issue.position, _worded(issue.message)) for issue in found[:_MOST_ISSUES]]


def _worded(message: str) -> str:
    return "Syntax error: " + _KEYWORD_AFTER_DOT.sub(
        r"mismatched input '\1' expecting IDENTIFIER", message
    )
