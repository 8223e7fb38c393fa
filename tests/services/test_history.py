"""Which releases an environment has had."""

from __future__ import annotations

import json

import pytest

from choreo_local.services import history
from choreo_local.services.history import Entry
from tests.services.objects import CREATED, binding


def _noted(*releases: str, bound: str = "") -> list[Entry]:
    content = [{"release": name, "at": f"t{index}"} for index, name in enumerate(releases)]
    annotations = {history.ANNOTATION: json.dumps(content)}
    return history.read(binding(release_name=bound or releases[-1], annotations=annotations))


def test_without_a_note_the_history_is_what_is_bound() -> None:
    assert history.read(binding(release_name="r1")) == [Entry("r1", CREATED)]


def test_what_others_bound_is_added() -> None:
    assert [entry.release for entry in _noted("r1", "r2", bound="r3")] == ["r1", "r2", "r3"]


def test_a_promotion_is_noted_and_the_oldest_forgotten() -> None:
    entries = _noted(*(f"r{number}" for number in range(10)))
    after = history.advanced(entries, "new", now="t")
    assert [entry.release for entry in after] == [f"r{n}" for n in range(1, 10)] + ["new"]
    assert history.advanced(after, "new", now="later") == after


def test_going_back_twice_goes_back_two_releases() -> None:
    entries = _noted("r1", "r2", "r3")
    assert history.previous(entries) == "r2"
    back = history.returned(entries, "r2", now="t")
    assert back == [Entry("r1", "t0"), Entry("r2", "t")]
    assert history.previous(back) == "r1"


def test_there_is_nothing_before_the_first_release() -> None:
    assert history.previous(_noted("r1", "r1")) is None
    assert history.previous([]) is None


def test_what_is_written_is_read_again() -> None:
    entries = [Entry("r1", "t1"), Entry("r2", "t2")]
    bound = binding(release_name="r2", annotations={history.ANNOTATION: history.text(entries)})
    assert history.read(bound) == entries


@pytest.mark.parametrize(
    "value", ["", "nonsense", "{}", "[1, null]", '[{"release": 1}]', "[" * 5000, "x" * 20_000]
)
def test_a_note_that_makes_no_sense_is_no_note(value: str) -> None:
    bound = binding(release_name="r1", annotations={history.ANNOTATION: value})
    assert [entry.release for entry in history.read(bound)] == ["r1"]
