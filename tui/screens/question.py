"""A yes-or-no question over the screen below."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import ModalScreen

from tui import actions, tables
from tui.text import Span
from tui.widgets.drawn import Drawn


class QuestionScreen(ModalScreen[bool], inherit_bindings=False):
    """`y` does it, everything else does not.

    Args:
        question: what is asked.
        verb: what `y` does.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        *actions.bindings(actions.QUESTION),
        ("y", "agree"),
        ("n,q,enter", "invoke"),
    ]
    CSS = """
    QuestionScreen { align: center middle; }
    #question { width: 60; height: 5; border: round $primary; padding: 0 1; background: $panel; }
    """

    def __init__(self, question: str, verb: str) -> None:
        super().__init__()
        self._question = question
        self._verb = verb

    def compose(self) -> ComposeResult:
        """The question and its keys."""
        keys = (Span("y", "key"), Span(f" {self._verb}   "), Span("esc", "key"), Span(" back"))
        yield Drawn(
            lambda columns: [
                *tables.note(self._question, "title")(columns),
                (),
                (Span(" "), *keys),
            ],
            id="question",
        )

    def action_agree(self) -> None:
        """Yes."""
        self.dismiss(result=True)

    def action_invoke(self, name: str = "", argument: str = "") -> None:
        """No."""
        self.dismiss(result=False)
