from __future__ import annotations

from dataclasses import replace

import pytest

from choreo_local.apiclient.types import Details, Plan
from choreo_local.errors import Cause, InvalidError, UnreachableError
from tests.tui.fake import DETAILS, DIAGNOSIS, PLAN
from tui import pages, plans, tables
from tui.demo import COLUMNS, GREETER, NOW
from tui.text import line_width

WIDTHS = (40, 80, 120)


def test_tabs_number_the_environments_and_mark_production() -> None:
    text = tables.plain([pages.tabs(COLUMNS, "staging")])
    assert text.split() == [
        *("1", "Development", "[2", "Staging]", "3", "Production", "▲", "PROD"),
    ]


def test_facts_of_a_cell_are_words() -> None:
    text = tables.plain([pages.cell_facts(GREETER.cells[0], NOW)])
    assert text == "● ready · greeter-7f3a2 · since 2m · 2/2 pods ready"


def test_details_hold_conditions_pods_events_and_releases() -> None:
    lines = tables.plain(pages.details(DETAILS, 100, NOW)).split("\n")
    words = [" ".join(line.split()) for line in lines]
    assert words == [
        "CONDITIONS 2",
        "● Ready True Ready All is well",
        "✖ ResourcesReady False Degraded No pod",
        "",
        "PODS 1",
        "greeter-6d9-x7k2p 1/1 Running 2 restarts 2m",
        "",
        "EVENTS 1",
        "9s ▲ BackOff ×3 Pod/greeter-1 restarting",
        "",
        "RELEASES 2",
        "greeter-7f3a2 3m ◂ bound here",
        "greeter-51bc0 3d",
    ]


def test_empty_details_say_so() -> None:
    text = tables.plain(pages.details(Details(component={}), 80, NOW))
    assert all(nothing in text for nothing in ("no conditions yet", "no pods", "no events"))


def test_messages_from_outside_are_harmless() -> None:
    conditions = [{"type": "Ready", "status": "False", "message": "\x1b[2Jgone\nnext"}]
    text = tables.plain(pages.details(replace(DETAILS, conditions=conditions), 80, NOW))
    assert "␛[2Jgone next" in text
    assert "\x1b" not in text


@pytest.mark.parametrize("columns", WIDTHS)
def test_nothing_is_wider_than_the_page(columns: int) -> None:
    long = replace(DIAGNOSIS, summary="word " * 60, fix="choreo " * 40)
    everything = [
        *pages.details(DETAILS, columns, NOW),
        *pages.diagnosis(long, columns),
        *plans.plan(replace(PLAN, warnings=("warning " * 40,)), columns).lines,
        *tables.failure(UnreachableError("no " * 80, remedy="do " * 80), columns),
    ]
    assert max(line_width(spans) for spans in everything) <= columns


def test_diagnosis_leads_to_the_cause_and_ends_with_what_to_do() -> None:
    text = tables.plain(pages.diagnosis(DIAGNOSIS, 80))
    order = ["ends with exit code 1", "ReleaseBinding/", "no DATABASE_URL", "Set DATABASE_URL"]
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    assert text.startswith(" ✖ ")


def test_plan_lists_objects_and_then_shows_each_diff() -> None:
    page = plans.plan(PLAN, 80)
    text = [tables.plain([spans]) for spans in page.lines]
    assert text[:2] == [" ~ changed Deployment greeter", " + added   ConfigMap greeter"]
    assert [text[anchor] for anchor in page.anchors] == text[:2]
    assert "   -  image: greeter:1" in text
    assert not any(line.strip().startswith(("---", "+++")) for line in text)


def test_diff_is_told_apart_without_colour() -> None:
    styles = {
        span.style: span.text.strip()[0]
        for spans in plans.plan(PLAN, 80).lines
        for span in spans
        if span.style in {"added", "removed"} and span.text.strip()
    }
    assert styles == {"added": "+", "removed": "-"}


def test_plan_that_cannot_be_rendered_is_shown_with_the_reason() -> None:
    plan = Plan("a", source="b", target="c", release="r", unrendered="no such trait")
    assert "cannot show what changes: no such trait" in tables.plain(plans.plan(plan, 80).lines)


def test_plan_without_work_says_so() -> None:
    assert "has this release already" in tables.plain(
        plans.plan(replace(PLAN, up_to_date=True, changes=()), 80).lines
    )
    assert "No object changes" in tables.plain(plans.plan(replace(PLAN, changes=()), 80).lines)


def test_title_of_a_plan_marks_production() -> None:
    first, second = plans.title(PLAN, "Promote")
    assert tables.plain([first]) == " Promote greeter  staging → production  ▲ PROD"
    assert tables.plain([second]).startswith(" greeter-51bc0 → greeter-7f3a2")


def test_failure_names_fields_and_remedy() -> None:
    error = InvalidError(
        "cannot promote", causes=[Cause("Invalid", "must be set", "spec.x")], remedy="Set it"
    )
    text = tables.plain(tables.failure(error, 80))
    assert "✖ cannot promote" in text
    assert "spec.x: must be set" in text
    assert "Set it" in text
