from __future__ import annotations

import pytest
from rich.color import ColorType
from textual.color import Color

from tui import theme, words

WORDS = sorted(
    {
        *words.SYMBOLS,
        *("muted", "accent", "warning", "production", "key"),
        *("added", "removed", "hunk", "title"),
    }
)


@pytest.mark.parametrize("word", WORDS)
def test_every_colour_of_high_contrast_has_seven_to_one(word: str) -> None:
    ground = Color.parse(theme.THEMES["contrast"].background or "")
    ink = theme.ink("contrast", word).color
    assert ink is not None
    assert contrast(Color.from_rich_color(ink), ground) >= 7


@pytest.mark.parametrize("name", ["dark", "light"])
@pytest.mark.parametrize("word", WORDS)
def test_every_colour_can_be_read(name: str, word: str) -> None:
    ground = Color.parse(theme.THEMES[name].background or "")
    ink = theme.ink(name, word).color
    assert ink is not None
    assert contrast(Color.from_rich_color(ink), ground) >= 4.5


@pytest.mark.parametrize("word", WORDS)
def test_ansi_theme_uses_the_terminals_own_colours(word: str) -> None:
    ink = theme.ink("ansi", word).color
    assert ink is None or ink.type in {ColorType.STANDARD, ColorType.DEFAULT}


@pytest.mark.parametrize("name", theme.THEMES)
def test_cursor_is_reversed_so_that_it_shows_without_colour(name: str) -> None:
    assert theme.ink(name, "cursor").reverse


def test_words_combine() -> None:
    style = theme.ink("dark", "stale muted")
    assert style.dim
    assert style.color == theme.ink("dark", "muted").color


def test_unknown_words_do_nothing() -> None:
    assert not theme.ink("dark", "nonsense")


def contrast(one: Color, other: Color) -> float:
    """The contrast ratio of WCAG 2."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(color: Color) -> float:
    """Relative luminance of WCAG 2; Textual's `brightness` is another measure."""
    linear = [
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4
        for share in color.normalized
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
