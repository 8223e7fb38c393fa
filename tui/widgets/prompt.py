"""The line to type on: filters, commands, names that confirm. It takes the place of the keys."""

from __future__ import annotations

from typing import Literal

from textual.suggester import SuggestFromList
from textual.widgets import Input

Purpose = Literal["", "filter", "command", "confirm"]
_SIGNS = {"filter": "/", "command": ":", "confirm": "▲"}


class Prompt(Input):
    """Hidden until something is asked.

    Attributes:
        purpose: what is being typed, "" while hidden.
    """

    DEFAULT_CSS = """
    Prompt { display: none; height: 1; border: none; padding: 0 1; background: $panel; }
    Prompt:focus { border: none; }
    """

    def __init__(self) -> None:
        super().__init__(id="prompt", compact=True)
        self.purpose: Purpose = ""

    def ask(
        self, purpose: Purpose, *, value: str = "", hint: str = "", words: list[str] | None = None
    ) -> None:
        """Show the line and type on it."""
        self.purpose = purpose
        self.placeholder = hint or _SIGNS.get(purpose, "")
        self.suggester = SuggestFromList(words) if words else None
        self.value = value
        self.cursor_position = len(value)
        self.screen.add_class("-asking")
        self.focus()

    def put_away(self) -> None:
        """Hide the line."""
        self.purpose = ""
        self.screen.remove_class("-asking")
