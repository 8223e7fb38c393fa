from __future__ import annotations

from typing import get_args

import pytest
from textual.binding import Binding

from choreo_local.cli.main import COMMANDS
from tui import actions
from tui.actions import ACTIONS, Action, Context
from tui.screens.board import BoardScreen
from tui.screens.component import ComponentScreen
from tui.screens.frame import Frame
from tui.screens.logs import LogScreen
from tui.screens.plan import PlanScreen
from tui.screens.status import StatusScreen
from tui.screens.why import WhyScreen
from tui.text import line, line_width, side_by_side

SCREENS: tuple[type[Frame[None]], ...] = (
    BoardScreen,
    ComponentScreen,
    LogScreen,
    PlanScreen,
    WhyScreen,
    StatusScreen,
)
CONTEXTS: tuple[Context, ...] = get_args(Context)


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.CONTEXT)
def test_screen_does_every_action_of_its_context(screen: type[Frame[None]]) -> None:
    missing = [
        action.name
        for action in actions.of(screen.CONTEXT)
        if not callable(getattr(screen, f"act_{action.name}", None))
    ]
    assert missing == []


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.CONTEXT)
def test_screen_takes_its_keys_from_the_registry(screen: type[Frame[None]]) -> None:
    assert actions.bindings(screen.CONTEXT) == screen.BINDINGS


@pytest.mark.parametrize("context", CONTEXTS)
def test_no_key_means_two_things(context: Context) -> None:
    keys = [key for action in actions.of(context) for key in action.keys.split(",") if key]
    assert sorted(keys) == sorted(set(keys))


@pytest.mark.parametrize("context", CONTEXTS)
def test_bindings_have_their_own_ids(context: Context) -> None:
    ids = [binding.id for binding in actions.bindings(context) if isinstance(binding, Binding)]
    assert None not in ids
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("context", CONTEXTS)
def test_footer_is_short_and_fits_eighty_columns(context: Context) -> None:
    footer = actions.footer(context)
    assert len(footer) <= 8
    entries = [line(key, f" {label}") for _, key, label in footer]
    assert line_width(side_by_side(entries, 80)) <= 80
    assert len(side_by_side(entries, 80)) == 3 * len(entries)


def test_words_belong_to_one_action() -> None:
    words = [word for action in ACTIONS for word in action.words]
    assert len(words) == len(set(words))


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_action_can_be_reached_and_is_explained(action: Action) -> None:
    assert action.keys or action.words
    assert action.help
    assert set(action.footer) <= set(action.contexts)
    assert all(action.label for _ in action.footer)


@pytest.mark.parametrize(
    "action", [action for action in ACTIONS if action.twin], ids=lambda action: action.name
)
def test_twin_is_a_command_that_exists(action: Action) -> None:
    assert action.twin.split()[0] in COMMANDS


@pytest.mark.parametrize("name", ["promote", "rollback", "stop"])
def test_what_writes_has_a_twin(name: str) -> None:
    assert actions.BY_NAME[name].twin


def test_command_names_instance_and_namespace_when_they_are_not_the_default() -> None:
    facts = {"component": "greeter", "target": "staging"}
    promote = actions.BY_NAME["promote"]
    plain = actions.command(promote, facts, instance="default", namespace="default")
    assert plain == "choreo promote greeter --to staging"
    named = actions.command(promote, facts, instance="lab", namespace="team")
    assert named == "choreo --instance lab promote greeter --to staging -n team"
    down = actions.command(actions.BY_NAME["stop"], {}, instance="lab", namespace="team")
    assert down == "choreo --instance lab down"


def test_command_without_its_facts_is_none() -> None:
    assert actions.command(actions.BY_NAME["logs"], {}, instance="", namespace="default") == ""
