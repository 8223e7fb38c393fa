"""Times as Kubernetes writes them, ids, and random suffixes."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta, timezone

import pytest

from choreo_local import clock

MOMENT = datetime(2026, 3, 1, 23, 59, 59, 987654, tzinfo=UTC)


def test_times_are_written_in_utc() -> None:
    eastern = MOMENT.astimezone(timezone(timedelta(hours=5, minutes=30)))

    assert clock.timestamp(MOMENT) == clock.timestamp(eastern) == "2026-03-01T23:59:59Z"
    assert clock.micro_timestamp(eastern) == "2026-03-01T23:59:59.987654Z"


def test_what_was_written_can_be_read() -> None:
    assert clock.parse_timestamp(clock.micro_timestamp(MOMENT)) == MOMENT
    assert clock.parse_timestamp(clock.timestamp(MOMENT)) == MOMENT.replace(microsecond=0)
    with pytest.raises(ValueError, match="yesterday"):
        clock.parse_timestamp("yesterday")


def test_without_a_moment_the_present_is_meant() -> None:
    before = clock.now()

    written = clock.parse_timestamp(clock.micro_timestamp())

    assert before <= written <= clock.now()
    assert before - timedelta(seconds=1) <= clock.parse_timestamp(clock.timestamp())
    assert abs(clock.unix() - before.timestamp()) < 1


def test_ids_are_random_uuids() -> None:
    found = {clock.new_uid() for _ in range(50)}

    assert len(found) == 50
    assert {uuid.UUID(text).version for text in found} == {4}


def test_suffixes_use_the_letters_of_kubernetes() -> None:
    found = [clock.random_suffix() for _ in range(200)]

    assert {len(suffix) for suffix in found} == {5}
    assert set("".join(found)) <= set(clock.SUFFIX_ALPHABET)
    assert len(set(found)) > 190
    assert len(clock.random_suffix(9)) == 9
    assert not set(clock.SUFFIX_ALPHABET) & set("aeiouy013")


def test_jitter_stays_below_its_bound() -> None:
    found = [clock.jitter(0.2) for _ in range(200)]

    assert all(0 <= value < 0.2 for value in found)
    assert len(set(found)) > 100
