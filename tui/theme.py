"""Colours: four themes, and the style words of `text.Span` in each of them."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Final

from rich.style import Style
from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

# word → text style. The colour has the same name among a theme's variables.
_TEXT_STYLES: Final[Mapping[str, str]] = {
    "title": "bold",
    "production": "bold",
    "failed": "bold",
    "warning": "bold",
    "key": "bold",
    "cursor": "bold reverse",
    "stale": "dim",
    "hunk": "bold",
}
_COLOURS: Final = (
    "ready",
    "progressing",
    "failed",
    "undeployed",
    "empty",
    "muted",
    "accent",
    "warning",
    "production",
    "key",
    "added",
    "removed",
    "hunk",
    "title",
)


def _theme(name: str, *, dark: bool, ansi: bool = False, **colours: str) -> Theme:
    # Textual's own styles use variables that only its ANSI themes have.
    base = BUILTIN_THEMES["ansi-dark"].variables if ansi else {}
    words = {
        "ready": colours["green"],
        "progressing": colours["yellow"],
        "failed": colours["red"],
        "undeployed": colours["muted"],
        "empty": colours["muted"],
        "muted": colours["muted"],
        "production": colours["magenta"],
        "key": colours["blue"],
        "added": colours["green"],
        "removed": colours["red"],
        "hunk": colours["blue"],
        "title": colours["bright"],
        "row": colours["row"],
        "rule": colours["rule"],
    }
    return Theme(
        name=name,
        dark=dark,
        ansi=ansi,
        primary=colours["blue"],
        secondary=colours["blue"],
        accent=colours["blue"],
        warning=colours["yellow"],
        error=colours["red"],
        success=colours["green"],
        foreground=colours["text"],
        background=colours["ground"],
        surface=colours["ground"],
        panel=colours["row"],
        variables={**base, **words, "block-cursor-text-style": "reverse"},
    )


_DARK = _theme(
    "dark",
    dark=True,
    ground="#10141a",
    row="#1d2530",
    rule="#3a4757",
    text="#d5dbe3",
    bright="#ffffff",
    muted="#8b97a6",
    green="#5fd38d",
    yellow="#f2c14e",
    red="#ff7b72",
    magenta="#f78fd5",
    blue="#79b8ff",
)
_LIGHT = _theme(
    "light",
    dark=False,
    ground="#ffffff",
    row="#e8eef5",
    rule="#b6c2d0",
    text="#1f2933",
    bright="#000000",
    muted="#5a6673",
    green="#0f7a3d",
    yellow="#8a5a00",
    red="#c1121f",
    magenta="#a1117f",
    blue="#0b5cad",
)
# Every colour has a contrast of at least 7:1 against the ground.
_CONTRAST = _theme(
    "contrast",
    dark=True,
    ground="#000000",
    row="#262626",
    rule="#ffffff",
    text="#ffffff",
    bright="#ffffff",
    muted="#c8c8c8",
    green="#6bffa0",
    yellow="#ffe066",
    red="#ff9a94",
    magenta="#ffa8f0",
    blue="#9fd0ff",
)
# The terminal's own sixteen colours and its own ground.
_ANSI = _theme(
    "ansi",
    dark=True,
    ansi=True,
    ground="ansi_default",
    row="ansi_default",
    rule="ansi_bright_black",
    text="ansi_default",
    bright="ansi_default",
    muted="ansi_bright_black",
    green="ansi_green",
    yellow="ansi_yellow",
    red="ansi_red",
    magenta="ansi_magenta",
    blue="ansi_blue",
)
THEMES: Final[Mapping[str, Theme]] = {
    theme.name: theme for theme in (_DARK, _LIGHT, _CONTRAST, _ANSI)
}
DEFAULT: Final = "dark"
# Without colour the terminal's own ground is left alone too.
NO_COLOUR: Final = "ansi"


@functools.lru_cache(maxsize=1024)
def ink(theme: str, style: str) -> Style:
    """The style for the words of a span, e.g. `failed cursor`."""
    found = Style()
    for word in style.split():
        found += _word(theme, word)
    return found


def _word(theme: str, word: str) -> Style:
    chosen = THEMES.get(theme, _DARK)
    variables = {**chosen.variables, "accent": chosen.accent, "warning": chosen.warning}
    style = Style.parse(_TEXT_STYLES[word]) if word in _TEXT_STYLES else Style()
    colour = variables.get(word) if word in _COLOURS else None
    if word == "row" and not chosen.ansi:
        return style + Style(bgcolor=Color.parse(chosen.variables["row"]).rich_color)
    if word == "cursor" and not chosen.ansi:
        # Reversing the theme's own colours, so that the cursor is there without colours as well.
        return style + Style(
            color=Color.parse(chosen.primary).rich_color,
            bgcolor=Color.parse(chosen.background or "black").rich_color,
        )
    return style + Style(color=Color.parse(colour).rich_color) if colour else style
