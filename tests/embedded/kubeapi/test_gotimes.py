"""Times and durations as Go reads and writes them."""

from __future__ import annotations

import pytest

from choreo_local.embedded.kubeapi import gotimes


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("2020-01-02T03:04:05Z", "2020-01-02T03:04:05Z"),
        ("2020-01-02T03:04:05.999Z", "2020-01-02T03:04:05Z"),
        ("2020-01-02T03:04:05+02:00", "2020-01-02T01:04:05Z"),
        ("2020-02-29T23:59:59-00:30", "2020-03-01T00:29:59Z"),
    ],
)
def test_times_are_whole_seconds_of_utc(text: str, written: str) -> None:
    assert gotimes.time(text) == written


def test_precise_times_have_six_digits() -> None:
    assert gotimes.micro_time("2020-01-02T03:04:05.000001Z") == "2020-01-02T03:04:05.000001Z"
    assert gotimes.micro_time("2020-01-02T03:04:05.120000+01:00") == "2020-01-02T02:04:05.120000Z"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x", 'parsing time "x" as "2006-01-02T15:04:05Z07:00": cannot parse "x" as "2006"'),
        (
            "2020-01-02",
            'parsing time "2020-01-02" as "2006-01-02T15:04:05Z07:00": cannot parse "" as "T"',
        ),
        ("2020-13-02T00:00:00Z", 'parsing time "2020-13-02T00:00:00Z": month out of range'),
        ("2021-02-29T00:00:00Z", 'parsing time "2021-02-29T00:00:00Z": day out of range'),
        ("2020-01-02T24:00:00Z", 'parsing time "2020-01-02T24:00:00Z": hour out of range'),
        (
            "2020-01-02T00:00:00",
            'parsing time "2020-01-02T00:00:00" as "2006-01-02T15:04:05Z07:00": '
            'cannot parse "" as "Z07:00"',
        ),
        (
            "2020-01-02T00:00:00Zx",
            'parsing time "2020-01-02T00:00:00Zx": extra text: "x"',
        ),
    ],
)
def test_what_is_no_time_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match="parsing time") as caught:
        gotimes.time(text)
    assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("0", "0s"),
        ("90s", "1m30s"),
        ("1.5h", "1h30m0s"),
        ("100ms", "100ms"),
        ("1us", "1µs"),
        ("3ns", "3ns"),
        ("-1m", "-1m0s"),
        ("1h2m3.004s", "1h2m3.004s"),
    ],
)
def test_durations_are_written_anew(text: str, written: str) -> None:
    assert gotimes.duration(text) == written


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", 'time: invalid duration ""'),
        ("5", 'time: missing unit in duration "5"'),
        ("5x", 'time: unknown unit "x" in duration "5x"'),
        ("abc", 'time: invalid duration "abc"'),
    ],
)
def test_what_is_no_duration_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match="time:") as caught:
        gotimes.duration(text)
    assert str(caught.value) == reason
