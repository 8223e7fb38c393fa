"""How a plan is shown, and who may agree to it."""

from __future__ import annotations

import io
import sys

import pytest

from choreo_local.apiclient.types import Change, LogLine, Plan
from choreo_local.cli.commands import components
from choreo_local.errors import RefusedError

DIFF = "--- Deployment/greeter\n+++ Deployment/greeter\n@@ -1 +1 @@\n-replicas: 1\n+replicas: 2\n"
PLAN = Plan(
    component="greeter",
    source="development",
    target="staging",
    release="greeter-2",
    current="greeter-1",
    warnings=("the image moved",),
    changes=(Change("a", "Deployment", "greeter", "changed", DIFF),),
    summary="0 added, 1 changed, 0 removed",
)
PRODUCTION = Plan("greeter", "staging", "production", "greeter-2", is_production=True)


class Person(io.StringIO):
    """Somebody at a terminal who types this."""

    def isatty(self) -> bool:
        return True


def test_a_plan_is_shown_from_its_way_to_its_sum(capsys: pytest.CaptureFixture[str]) -> None:
    components._show_plan(PLAN, verb="Promote")
    shown = capsys.readouterr()
    assert shown.out == ""  # it is talk, not data
    assert shown.err.splitlines() == [
        "Promote greeter: development → staging",
        "  release  greeter-1 → greeter-2",
        "  warning  the image moved",
        *DIFF.splitlines(),
        "  changed  Deployment/greeter",
        "  0 added, 1 changed, 0 removed",
    ]


def test_production_is_marked_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    components._show_plan(PRODUCTION, verb="Promote")
    assert "staging → production  ▲ PROD" in capsys.readouterr().err


def test_a_diff_cannot_move_the_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    evil = Change("a", "Secret\x1b[2J", "x\u202e", "added", "+a: \x1b[2J\u202e\n")
    components._show_plan(Plan("c", "a", "b", "r", changes=(evil,)), verb="Promote")
    assert not {"\x1b", "\u202e"} & set(capsys.readouterr().err)


def test_without_a_person_nothing_is_done_unless_it_was_agreed_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    components._confirm(PLAN, yes=True)
    with pytest.raises(RefusedError, match="nobody to ask") as refused:
        components._confirm(PLAN, yes=False)
    assert "--yes" in refused.value.remedy


@pytest.mark.parametrize(
    ("plan", "typed", "agreed"),
    [
        (PLAN, "y\n", True),
        (PLAN, "n\n", False),
        (PLAN, "\n", False),
        (PRODUCTION, "production\n", True),
        (PRODUCTION, "y\n", False),
        (PRODUCTION, "\n", False),
        (PRODUCTION, "Production\n", False),
    ],
)
def test_a_person_is_asked_and_for_production_types_its_name(
    monkeypatch: pytest.MonkeyPatch, plan: Plan, typed: str, agreed: bool
) -> None:
    monkeypatch.setattr(sys, "stdin", Person(typed))
    if agreed:
        components._confirm(plan, yes=False)
    else:
        with pytest.raises(RefusedError, match="nothing was changed"):
            components._confirm(plan, yes=False)


@pytest.mark.parametrize(
    ("form", "shown"),
    [("text", "ljvc6 a\\x1b[2Jb\n"), ("json", '"line": "a\\u001b[2Jb"')],
)
def test_what_a_program_logs_cannot_move_the_cursor(
    capsys: pytest.CaptureFixture[str], form: str, shown: str
) -> None:
    line = LogLine("", pod="greeter-5bfc948c-ljvc6", container="main", line="a\x1b[2Jb")
    components._print_line(line, form)
    printed = capsys.readouterr().out
    assert shown in printed
    assert "\x1b" not in printed
