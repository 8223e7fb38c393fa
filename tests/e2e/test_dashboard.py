"""The dashboard in a real terminal, over a real platform, with nothing but keys."""

from __future__ import annotations

import json

import pytest

from tests.e2e.terminal import Terminal
from tests.e2e.user import User, ask, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

RIGHT, ENTER, ESCAPE = "\x1b[C", "\r", "\x1b"


def test_a_component_is_promoted_with_keys_alone(user: User) -> None:
    user.choreo("up", "--demo", "--no-tui")
    with Terminal(user, "choreo", "tui") as terminal:
        the_board_names_what_runs(terminal)
        help_opens_and_closes(terminal)
        details_open_and_close(terminal)
        p_promotes_after_showing_the_plan(terminal)
        until(
            lambda: ask(user.choreo("url", "greeter", "--env", "staging")).status == 200,
            what="staging answers",
        )
        terminal.press("q")
        assert terminal.ended() == 0
        terminal.sees("goes on running", "choreo down")
    assert json.loads(user.choreo("status", "-o", "json"))["state"] == "ready"


def the_board_names_what_runs(terminal: Terminal) -> None:
    terminal.sees("greeter", "web", "Development", "Staging", "Production", "? help", "q leave")
    terminal.until(lambda _: cell(terminal, "greeter", 1).startswith("●"), what="greeter runs")
    assert cell(terminal, "greeter", 2).startswith("·")
    terminal.sees("greeter → development", "greeter-http", "200 in")


def cell(terminal: Terminal, component: str, column: int) -> str:
    """What the board shows of a component in an environment; 1 is the first one."""
    head = terminal.screen.row("component ")
    titles = ("component", "Development", "Staging", "Production", "\n")
    start, end = head.find(titles[column]), head.find(titles[column + 1])
    return terminal.screen.row(f" {component} ")[start : end if end > 0 else None].strip()


def help_opens_and_closes(terminal: Terminal) -> None:
    terminal.press("?")
    terminal.sees("search:", "shows the plan first", ":promote")
    terminal.press(ESCAPE)
    terminal.sees("greeter → development")


def details_open_and_close(terminal: Terminal) -> None:
    terminal.press(ENTER)
    terminal.sees("CONDITIONS", "ReleaseSynced", "esc back")
    terminal.press(ESCAPE)
    terminal.sees("greeter → development")


def p_promotes_after_showing_the_plan(terminal: Terminal) -> None:
    terminal.press("p")
    terminal.sees("development → staging", "added, 0 changed", "Deployment", "y promote to staging")
    terminal.press("y")
    terminal.sees("greeter → development", "promoted greeter-")
    terminal.until(
        lambda _: cell(terminal, "greeter", 2).startswith("●"), what="greeter is ready in staging"
    )
    terminal.press(RIGHT)
    terminal.sees("greeter → staging", "staging-default")


def test_up_on_a_terminal_opens_the_dashboard_and_leaving_it_keeps_the_platform(
    user: User,
) -> None:
    with Terminal(user, "choreo", "up", "--demo") as terminal:
        terminal.sees("greeter → development", "q leave")
        terminal.press("q")
        assert terminal.ended() == 0
    with Terminal(user, "choreo", "up", "--demo") as terminal:
        terminal.sees("greeter → development", "q leave")
        terminal.press("q")
        assert terminal.ended() == 0
        terminal.sees("nothing to do", "goes on running")
    assert json.loads(user.choreo("status", "-o", "json"))["state"] == "ready"


def test_up_without_the_dashboard_returns_when_the_platform_is_ready(user: User) -> None:
    with Terminal(user, "choreo", "up", "--no-tui") as terminal:
        assert terminal.ended() == 0
        terminal.sees("Ready in", "gateway", "Next: choreo status")
        assert "q leave" not in terminal.screen.text


def test_the_dashboard_can_stop_the_platform(user: User) -> None:
    user.choreo("up", "--no-tui")
    with Terminal(user, "choreo", "tui", columns=120, lines=40) as terminal:
        terminal.sees("There is no component", "? help")
        terminal.press("Q")
        terminal.sees("Its data stays")
        terminal.press("y")
        assert terminal.ended() == 0
    assert user.types("choreo", "status").code == 1
