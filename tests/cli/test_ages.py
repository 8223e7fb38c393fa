"""Ages in the words of kubectl."""

from __future__ import annotations

from datetime import timedelta

import pytest

from choreo_local import clock
from choreo_local.cli import ages

MINUTE, HOUR, DAY = 60, 3600, 86400


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "0s"),
        (0.9, "0s"),
        (119.9, "119s"),
        (120, "2m"),
        (125, "2m5s"),
        (9 * MINUTE + 59, "9m59s"),
        (10 * MINUTE + 1, "10m"),
        (3 * HOUR - 1, "179m"),
        (3 * HOUR, "3h"),
        (7 * HOUR + 5 * MINUTE, "7h5m"),
        (8 * HOUR + 5 * MINUTE, "8h"),
        (47 * HOUR, "47h"),
        (2 * DAY, "2d"),
        (7 * DAY + 3 * HOUR, "7d3h"),
        (8 * DAY + 3 * HOUR, "8d"),
        (729 * DAY, "729d"),
        (730 * DAY, "2y"),
    ],
)
def test_an_age_has_two_units_at_most(seconds: float, shown: str) -> None:
    assert ages.duration(seconds) == shown


def test_a_timestamp_becomes_an_age() -> None:
    assert ages.age(None) == "<none>"
    assert ages.age("") == "<none>"
    assert ages.age(clock.timestamp(clock.now() - timedelta(days=3))) == "3d"
