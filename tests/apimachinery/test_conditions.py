"""Condition lists."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.apimachinery import conditions

EARLIER, NOW = "2026-01-01T00:00:00Z", "2026-02-02T00:00:00Z"


def condition(kind: str = "Ready", status: str = "True", **fields: Any) -> dict[str, Any]:
    return {"type": kind, "status": status, "reason": "R", "message": "m", **fields}


def test_a_new_condition_gets_the_time_and_goes_to_the_end() -> None:
    found = conditions.set_([condition("A")], {"type": "B", "status": "False"}, now=NOW)

    assert [entry["type"] for entry in found] == ["A", "B"]
    assert found[1] == {
        "type": "B",
        "status": "False",
        "reason": "",
        "message": "",
        "lastTransitionTime": NOW,
    }


def test_the_transition_time_moves_only_with_the_status() -> None:
    before = [condition(lastTransitionTime=EARLIER)]

    same = conditions.set_(before, condition(message="other", observedGeneration=2), now=NOW)
    flipped = conditions.set_(before, condition(status="False"), now=NOW)

    assert (same[0]["message"], same[0]["lastTransitionTime"]) == ("other", EARLIER)
    assert same[0]["observedGeneration"] == 2
    assert flipped[0]["lastTransitionTime"] == NOW
    assert before[0]["message"] == "m"


def test_a_time_that_comes_with_the_condition_wins() -> None:
    found = conditions.set_([], condition(lastTransitionTime=EARLIER), now=NOW)

    assert found[0]["lastTransitionTime"] == EARLIER


def test_a_missing_condition_is_unknown() -> None:
    found = [condition("A"), condition("B", "False"), condition("C", "")]

    assert conditions.is_true(found, "A")
    assert conditions.is_false(found, "B")
    assert conditions.status_of(found, "C") == conditions.UNKNOWN
    assert conditions.status_of(found, "D") == conditions.UNKNOWN
    assert conditions.find(found, "D") is None


def test_only_what_a_user_sees_counts_as_a_change() -> None:
    before = [condition(lastTransitionTime=EARLIER)]

    assert not conditions.is_changed(before, condition(lastTransitionTime=NOW))
    assert conditions.is_changed(before, condition(reason="S"))
    assert conditions.is_changed(before, condition("Other"))


def test_a_condition_is_removed_by_its_type() -> None:
    assert conditions.remove([condition("A"), condition("B")], "A") == [condition("B")]


@pytest.mark.parametrize(
    ("statuses", "summary"),
    [
        (("True", "True"), "True"),
        (("True", "Unknown"), "Unknown"),
        (("True", "Unknown", "False"), "False"),
        ((), "Unknown"),
    ],
)
def test_one_false_makes_the_summary_false(statuses: tuple[str, ...], summary: str) -> None:
    found = [condition(str(index), status) for index, status in enumerate(statuses)]

    assert conditions.summarise(found) == summary
