from __future__ import annotations

import pytest

from tui import actions, commands
from tui.commands import Command


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("logs", Command("logs")),
        (":lo", Command("logs")),
        ("env production", Command("environment", "production")),
        ("comp  greeter ", Command("details", "greeter")),
        ("q", Command("quit")),
        ("ns team a", Command("namespace", "team a")),
    ],
)
def test_words_of_actions_are_understood(text: str, command: Command) -> None:
    assert commands.parse(text, actions.BOARD) == command


@pytest.mark.parametrize(
    ("text", "context", "reason"),
    [
        ("", actions.BOARD, "nothing was typed"),
        ("promot", actions.BOARD, "there is no :promot; did you mean :promote?"),
        ("xyzzy", actions.BOARD, "there is no :xyzzy; ? lists what there is"),
        ("promote", actions.LOGS, ":promote works on the board screen"),
    ],
)
def test_what_is_not_understood_says_why(text: str, context: actions.Context, reason: str) -> None:
    assert commands.parse(text, context) == reason


def test_all_words_of_a_context_can_be_completed() -> None:
    assert {"promote", "logs", "namespace"} <= set(commands.words(actions.BOARD))
    assert "promote" not in commands.words(actions.LOGS)
