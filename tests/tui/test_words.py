from __future__ import annotations

import pytest

from tui import words
from tui.demo import NOW, ago


@pytest.mark.parametrize(
    ("parts", "shown"),
    [
        ({"seconds": 0}, "0s"),
        ({"seconds": 59}, "59s"),
        ({"seconds": 60}, "1m"),
        ({"minutes": 59, "seconds": 59}, "59m"),
        ({"hours": 23}, "23h"),
        ({"days": 3, "hours": 5}, "3d"),
        ({"days": 400}, "1y"),
        ({"seconds": -30}, "0s"),
    ],
)
def test_age_has_one_unit(parts: dict[str, int], shown: str) -> None:
    assert words.age(ago(**parts), NOW) == shown


@pytest.mark.parametrize("since", ["", "yesterday", "2026-03-01T14:02:11"])
def test_unknown_time_has_no_age(since: str) -> None:
    assert words.age(since, NOW) == ""


def test_every_state_has_its_own_symbol_and_word() -> None:
    assert words.SYMBOLS.keys() == words.STATE_WORDS.keys()
    assert len(set(words.SYMBOLS.values())) == len(words.SYMBOLS)
    assert len(set(words.STATE_WORDS.values())) == len(words.STATE_WORDS)


def test_memory_reads_as_a_person_says_it() -> None:
    assert words.megabytes(214_900_000) == "214 MB"
    assert words.megabytes(1_540_000_000) == "1.5 GB"


def test_small_shares_keep_a_digit() -> None:
    assert [words.percent(value) for value in (0, 0.42, 1.4, 99.9)] == [
        "0 %",
        "0.4 %",
        "1 %",
        "100 %",
    ]


def test_numbers_agree_with_their_nouns() -> None:
    assert words.counted(1, "line") == "1 line"
    assert words.counted(12402, "line") == "12 402 lines"


def test_messages_of_several_lines_become_one() -> None:
    assert words.one_line("first\nsecond\x1b[1m") == "first second␛[1m"
