from __future__ import annotations

import pytest

from tui.text import (
    Span,
    after,
    apart,
    cut_middle,
    fit,
    fit_line,
    line,
    line_width,
    restyle,
    side_by_side,
    visible,
    width,
    wrap,
)


def joined(spans: tuple[Span, ...]) -> str:
    return "".join(span.text for span in spans)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("ä € 漢字", "ä € 漢字"),
        ("\x1b[2J\x1b]0;title\x07", "␛[2J␛]0;title␇"),
        ("a\tb", "a    b"),
        ("back\x08space\x7f", "back␈space␡"),
        ("\x9b31m", "\\u009b31m"),
        ("user\u202egpj.exe", "user\\u202egpj.exe"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("\r\n", "␍␊"),
    ],
)
def test_control_characters_are_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_nothing_that_a_terminal_obeys_survives() -> None:
    everything = "".join(map(chr, range(0x300)))
    assert all(character.isprintable() for character in visible(everything))


@pytest.mark.parametrize("columns", range(1, 12))
@pytest.mark.parametrize("text", ["", "abc", "a long text", "漢字かな交じり", "x漢y字z"])
def test_fitted_text_takes_exactly_its_columns(text: str, columns: int) -> None:
    assert width(fit(text, columns)) == columns


def test_cut_text_ends_in_an_ellipsis() -> None:
    assert fit("deployment", 6) == "deplo…"


def test_middle_goes_so_that_start_and_end_stay() -> None:
    assert cut_middle("greeter-6d9-x7k2p", 11) == "greet…x7k2p"
    assert cut_middle("short", 11) == "short"


def test_fitted_line_keeps_styles() -> None:
    fitted = fit_line(line("ab", Span("cdef", "x")), 4)
    assert fitted == (Span("ab"), Span("c…", "x"))
    assert joined(fit_line(line("ab"), 4)) == "ab  "


def test_two_lines_share_one_and_the_left_gives_way() -> None:
    assert joined(apart(line("left"), line("right"), 12)) == "left   right"
    assert joined(apart(line("a long left"), line("right"), 10)) == "a lo…right"


def test_columns_of_a_line_get_another_style() -> None:
    marked = restyle(line(Span("abc", "x"), Span("def", "y")), 2, 5, "cursor")
    assert marked == (Span("ab", "x"), Span("cde", "cursor"), Span("f", "y"))


def test_rest_of_a_line_begins_where_asked() -> None:
    assert joined(after(line("abc", "def"), 4)) == "ef"


def test_wrapped_line_loses_nothing() -> None:
    text = "a message of several words and one_that_is_longer_than_a_whole_line_can_be"
    lines = wrap(line(Span(text[:20], "x"), text[20:]), 16, indent=2)
    assert all(line_width(spans) <= 16 for spans in lines)
    together = "".join(joined(spans).replace(" ", "") for spans in lines)
    assert together == text.replace(" ", "")
    assert all(joined(spans).startswith("  ") for spans in lines[1:])


def test_line_that_fits_is_not_touched() -> None:
    spans = line("short")
    assert wrap(spans, 80) == [spans]


def test_entries_stand_apart_when_there_is_space() -> None:
    entries = [line("one"), line("two")]
    assert joined(side_by_side(entries, 20)) == " one  two"
    assert joined(side_by_side(entries, 8)) == " one two"
    assert joined(side_by_side(entries, 6)) == " one"
