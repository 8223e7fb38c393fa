"""The terminal of the tests understands what programs write into it."""

from __future__ import annotations

import pytest

from tests.e2e.screen import Screen


@pytest.mark.parametrize(
    ("stream", "shown"),
    [
        ("one\r\ntwo", "one\ntwo\n"),
        ("\x1b[2;3Hx\x1b[Hy", "y\n  x\n"),
        ("\x1b[1;31mred\x1b[0m\x1b[38;2;1;2;3m!", "red!\n\n"),
        ("\x1b]0;title\x07a\x1b]8;;http://x\x1b\\b\x1b]8;;\x1b\\", "ab\n\n"),
        ("\x1bP+q544e\x1b\\a\x1b(Bb\x1b=c\x1b[?25l\x1b[>4;1m", "abc\n\n"),
        ("abcdef\x1b[1;3H\x1b[K", "ab\n\n"),
        ("a\r\nb\r\nc\x1b[2;1H\x1b[J", "a\n\n"),
        ("a\r\nb\x1b[2J", "\n\n"),
        ("shell\x1b[?1049hx", "     x\n\n"),
        ("shell\x1b[?1049h\x1b[2Jx\x1b[?1049l!", "shell!\n\n"),
        ("\x1b[2;2Hx\x1b[Ay\x1b[2Dz\x1b[Bw\x1b[Cv\x1b[1Gu", " zy\nuxw v\n"),
        ("abc\bX", "abX\n\n"),
        ("界x", "界x\n\n"),
        ("0123456789", "01234567\n\n"),
    ],
)
def test_a_stream_becomes_what_is_seen(stream: str, shown: str) -> None:
    whole = Screen(8, 3)
    whole.feed(stream)
    assert whole.text == shown

    pieces = Screen(8, 3)
    for letter in stream:
        pieces.feed(letter)
    assert pieces.text == shown


def test_a_row_is_found_by_a_word() -> None:
    screen = Screen(20, 3)
    screen.feed("name  state\r\ngreeter  ready")
    assert screen.row("greeter") == "greeter  ready"
    assert screen.row("nobody") == ""
