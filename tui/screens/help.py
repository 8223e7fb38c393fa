"""Everything there is, searchable; enter does it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import ModalScreen
from textual.widgets import Input

from tui import actions, words
from tui.actions import Action, Context
from tui.screens.frame import Desk
from tui.text import Line, Span, fit, line, wrap
from tui.widgets.drawn import Drawn
from tui.widgets.page import Page

_LEGEND = (
    ("ready", "runs as it should"),
    ("progressing", "on its way"),
    ("failed", "needs somebody"),
    ("undeployed", "taken out, its settings are kept"),
    ("empty", "never deployed there"),
)


class HelpScreen(ModalScreen[str], inherit_bindings=False):
    """The actions of the screen below, and what the symbols mean.

    Args:
        context: the screen below.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*actions.bindings(actions.HELP), ("enter", "choose")]
    CSS = """
    HelpScreen { background: $background; }
    #search { border: none; height: 1; padding: 0 1; background: $panel; }
    """

    def __init__(self, desk: Desk, context: Context) -> None:
        super().__init__()
        self._desk = desk
        self._below = context
        self._found: list[Action] = []
        self._tops: list[int] = []
        self._chosen = 0

    def compose(self) -> ComposeResult:
        """Search line, list, keys."""
        yield Input(
            placeholder="search: type a word · enter does it · esc", id="search", compact=True
        )
        yield Page(id="page")
        yield Drawn(
            lambda columns: (
                (
                    Span(" ↑↓", "key"),
                    Span(" choose  "),
                    Span("enter", "key"),
                    Span(" do it  "),
                    Span("esc", "key"),
                    Span(" back"),
                ),
            ),
            id="keys",
        )

    def on_mount(self) -> None:
        """Show all."""
        self.query_one("#search").focus()
        self._search("")

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._search(event.value)

    @on(Input.Submitted)
    def _entered(self) -> None:
        self.action_choose()

    def _search(self, text: str) -> None:
        wanted = text.lower().split()
        self._found = [
            action
            for action in actions.of(self._below)
            if all(word in _searched(action) for word in wanted)
        ]
        self._chosen = 0
        self._has_legend = not wanted
        self.query_one(Page).show(self._draw)
        self._mark()

    def _draw(self, columns: int) -> Sequence[Line]:
        lines: list[Line] = []
        self._tops = []
        for action in self._found:
            self._tops.append(len(lines))
            lines += wrap(
                line(
                    Span(f" {fit(actions.shown_keys(action), 12)}", "key"),
                    Span(fit(_typed_form(action), 20), "accent"),
                    Span(action.help),
                ),
                columns,
                indent=33,
            )
        if not self._found:
            return [line(Span(" nothing matches", "muted"))]
        # The page may have had no width, and so no lines, when the search was made.
        self.query_one(Page).marked = self._tops[self._chosen]
        return [*lines, *_legend()] if self._has_legend else lines

    def _mark(self) -> None:
        page = self.query_one(Page)
        page.mark(self._tops[self._chosen] if self._chosen < len(self._tops) else None)

    def action_invoke(self, name: str, argument: str = "") -> None:
        """Move, or go back."""
        if name == "back":
            self.dismiss(None)
            return
        height = self.query_one(Page).page_height
        steps = {"up": -1, "down": 1, "page_up": -height, "page_down": height}
        self._chosen = min(max(self._chosen + steps[name], 0), max(len(self._found) - 1, 0))
        self._mark()

    def action_choose(self) -> None:
        """Do what is under the cursor."""
        if self._chosen < len(self._found):
            self.dismiss(self._found[self._chosen].name)


def _typed_form(action: Action) -> str:
    return f":{action.words[0]} {action.argument}".rstrip() if action.words else ""


def _searched(action: Action) -> str:
    return " ".join((action.name, action.label, action.help, *action.words)).lower()


def _legend() -> Sequence[Line]:
    lines: list[Line] = [(), line(Span(" SYMBOLS", "title"))]
    for state, meaning in _LEGEND:
        symbol = Span(f"   {words.SYMBOLS[state]} ", state)
        lines.append(line(symbol, Span(fit(words.STATE_WORDS[state], 14)), Span(meaning, "muted")))
    lines += [
        line(Span(f"   {words.WAITING} ", "accent"), Span("this release waits for promotion")),
        line(Span(f"   {words.BEHIND} 2 behind  ", "warning"), Span("releases the last one lacks")),
        line(Span(f"   {words.PRODUCTION}  ", "production"), Span("an environment of production")),
    ]
    return lines
