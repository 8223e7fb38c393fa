"""What may be typed after `:`: the words of the actions, with an argument; pure."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from tui import actions
from tui.actions import Context


@dataclass(frozen=True, slots=True)
class Command:
    """A command that was understood."""

    action: str
    argument: str = ""


def parse(text: str, context: Context) -> Command | str:
    """The command, or why it cannot be done."""
    word, _, argument = text.strip().removeprefix(":").partition(" ")
    if not word:
        return "nothing was typed"
    found = next((entry for entry in actions.ACTIONS if word in entry.words), None)
    if found is None:
        return _unknown(word)
    if context not in found.contexts:
        return f":{word} works on the {found.contexts[0]} screen"
    return Command(found.name, argument.strip())


def words(context: Context) -> list[str]:
    """All that may be typed in a context, for completion."""
    return sorted(word for entry in actions.of(context) for word in entry.words)


def _unknown(word: str) -> str:
    known = [entry for action in actions.ACTIONS for entry in action.words]
    close = difflib.get_close_matches(word, known, n=1)
    hint = f"; did you mean :{close[0]}?" if close else "; ? lists what there is"
    return f"there is no :{word}{hint}"
