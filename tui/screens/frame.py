"""What all screens have: top line, keys, prompt, and the way from a key to an action.

A screen says in `why_not` when an action makes no sense now; the key then says that instead of
doing nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.screen import Screen
from textual.widget import Widget
from textual.worker import Worker, WorkerState

from tui import actions, commands, messages, theme
from tui.actions import Context
from tui.connection import Connection
from tui.headline import headline
from tui.probing import Prober
from tui.state import State
from tui.tables import note, plain
from tui.text import Line, Span, side_by_side, visible
from tui.widgets.drawn import Drawn
from tui.widgets.page import Page
from tui.widgets.prompt import Prompt

R = TypeVar("R")
_NOTE_SECONDS = 4.0
# Without any of these Python would start a browser of the terminal, on top of us.
_DESKTOPS = {"DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"}


@dataclass(frozen=True, slots=True)
class Desk:
    """What screens work with."""

    state: State
    connection: Connection
    prober: Prober


class Frame(Screen[R], inherit_bindings=False):
    """A screen of the dashboard.

    Attributes:
        CONTEXT: which actions it has.
    """

    CONTEXT: ClassVar[Context]

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self._copies_next = False

    # What a screen adds.

    def body(self) -> Iterable[Widget]:
        """The widgets between the top line and the keys."""
        return ()

    def why_not(self, action: str) -> str:
        """Why an action makes no sense now, "" when it does."""
        return ""

    def label(self, action: str) -> str:
        """What the footer calls an action just now, "" for its usual name."""
        return ""

    def facts(self) -> dict[str, str]:
        """component, environment, target: what command twins speak of."""
        return {}

    def twin(self) -> str:
        """The name of the action whose command does what this screen shows."""
        return ""

    def shown_text(self) -> str:
        """What `copy` takes."""
        return ""

    # The frame itself.

    def compose(self) -> ComposeResult:
        """Top line, body, prompt, keys."""
        yield Drawn(self._headline, id="headline")
        yield from self.body()
        yield Prompt()
        yield Drawn(self._keys, id="keys")

    def _headline(self, columns: int) -> Sequence[Line]:
        return (headline(self.desk.state, columns, self.desk.state.now()),)

    def _keys(self, columns: int) -> Sequence[Line]:
        if self._copies_next:
            return (
                (Span(" press the key of the action whose command you want · esc", "warning"),),
            )
        entries = [
            (Span(key, "key"), Span(f" {self.label(name) or label}", self._key_style(name)))
            for name, key, label in actions.footer(self.CONTEXT)
        ]
        return (side_by_side(entries, columns),)

    def _key_style(self, action: str) -> str:
        return "muted" if self.why_not(action) else ""

    def redraw_edges(self) -> None:
        """The top line and the keys follow what changed."""
        self.query_one("#headline", Drawn).redraw()
        self.query_one("#keys", Drawn).redraw()

    @on(messages.Ticked)
    def _tick(self) -> None:
        self.redraw_edges()
        self.tick()

    def tick(self) -> None:
        """A second passed."""

    def say(self, text: str, *, is_warning: bool = False) -> None:
        """A short note in the corner."""
        severity: Literal["warning", "information"] = "warning" if is_warning else "information"
        self.notify(visible(text), severity=severity, timeout=_NOTE_SECONDS, markup=False)

    @on(Worker.StateChanged)
    def _report_bug(self, event: Worker.StateChanged) -> None:
        if event.state is WorkerState.ERROR:
            error = event.worker.error
            self.notify(
                f"{type(error).__name__}: {error}",
                title="The dashboard made a mistake",
                severity="error",
                markup=False,
            )

    # From a key to an action.

    def action_invoke(self, name: str, argument: str = "") -> None:
        """Do what a key stands for, or say why not."""
        if self._copies_next:
            self._copies_next = False
            self.redraw_edges()
            if name != "back":
                self._copy_twin(name)
            return
        reason = self.why_not(name)
        if reason:
            label = actions.BY_NAME[name].label
            self.say(f"{label}: {reason}" if label else reason, is_warning=True)
            return
        getattr(self, f"act_{name}")(argument)

    def act_help(self, argument: str) -> None:
        """All actions, searchable."""
        from tui.screens.help import HelpScreen

        self.app.push_screen(HelpScreen(self.desk, self.CONTEXT), self._run_chosen)

    def _run_chosen(self, name: str | None) -> None:
        if name:
            self.call_after_refresh(self.action_invoke, name)

    def act_palette(self, argument: str) -> None:
        """Textual's palette over the same actions."""
        self.app.action_command_palette()

    def act_command(self, argument: str) -> None:
        """Type a command."""
        hint = "logs · env NAME · project NAME · theme NAME · quit"
        self.query_one(Prompt).ask("command", hint=hint, words=commands.words(self.CONTEXT))

    def act_theme(self, argument: str) -> None:
        """Other colours."""
        if argument not in theme.THEMES:
            self.say(f"themes: {', '.join(theme.THEMES)}", is_warning=bool(argument))
            return
        self.app.theme = argument

    def act_screenshot(self, argument: str) -> None:
        """Save a picture."""
        self.app.deliver_screenshot()

    def act_back(self, argument: str) -> None:
        """One step back: out of the prompt, else out of the screen."""
        if self.query_one(Prompt).purpose:
            self.put_prompt_away()
        else:
            self.leave()

    def act_quit(self, argument: str) -> None:
        """Leave this screen."""
        self.leave()

    def leave(self) -> None:
        """Close the screen."""
        self.dismiss(None)

    def act_copy(self, argument: str) -> None:
        """Copy what the screen shows."""
        self.copy(self.shown_text())

    def act_copy_command(self, argument: str) -> None:
        """Copy the command for this screen, or wait for the key of an action."""
        if self.twin():
            self._copy_twin(self.twin())
            return
        self._copies_next = True
        self.redraw_edges()

    def _copy_twin(self, name: str) -> None:
        state = self.desk.state
        action = actions.BY_NAME[name]
        command = actions.command(
            action, self.facts(), instance=state.instance, namespace=state.namespace
        )
        if command:
            self.copy(command)
        else:
            key = actions.shown_keys(action, most=1)
            reason = self.why_not(name) or "it only changes the view"
            self.say(f"{key} has no command here: {reason}", is_warning=True)

    def copy(self, text: str) -> None:
        """Put a text on the clipboard, through the terminal."""
        if not text:
            self.say("there is nothing to copy", is_warning=True)
            return
        self.app.copy_to_clipboard(text)
        lines = text.count("\n") + 1
        self.say(f"copied: {text}" if lines == 1 else f"copied {lines} lines")

    def open_link(self, url: str) -> None:
        """Open a URL, or copy it where a browser would take over this terminal."""
        if self.app.is_web or sys.platform != "linux" or not _DESKTOPS.isdisjoint(os.environ):
            self.app.open_url(url)
        else:
            self.copy(url)

    # The prompt.

    def put_prompt_away(self) -> None:
        """Hide the prompt and give the keys back."""
        self.query_one(Prompt).put_away()
        self.focus_content()

    def focus_content(self) -> None:
        """Give the keyboard to what the screen is about."""
        self.set_focus(None)

    def typed(self, purpose: str, text: str) -> None:
        """Something was typed and entered."""

    def typing(self, purpose: str, text: str) -> None:
        """Something is being typed."""

    @on(Prompt.Changed)
    def _prompt_changed(self, event: Prompt.Changed) -> None:
        prompt = self.query_one(Prompt)
        if prompt.purpose:
            self.typing(prompt.purpose, event.value)

    @on(Prompt.Submitted)
    def _prompt_submitted(self, event: Prompt.Submitted) -> None:
        purpose = self.query_one(Prompt).purpose
        self.put_prompt_away()
        if purpose != "command":
            self.typed(purpose, event.value)
            return
        command = commands.parse(event.value, self.CONTEXT)
        if isinstance(command, str):
            self.say(command, is_warning=True)
        else:
            self.action_invoke(command.action, command.argument)


class PageFrame(Frame[R]):
    """A screen that shows one page of lines."""

    @property
    def page(self) -> Page:
        """The page."""
        return self.query_one(Page)

    def focus_content(self) -> None:
        """The page takes the keys."""
        self.page.focus()

    def on_mount(self) -> None:
        """Say that something is on its way."""
        self.page.show(note("asking the platform …"))
        self.focus_content()

    def shown_text(self) -> str:
        """All lines."""
        return plain(self.page.lines)

    def act_up(self, argument: str) -> None:
        """A line up."""
        self.page.move(-1)

    def act_down(self, argument: str) -> None:
        """A line down."""
        self.page.move(1)

    def act_page_up(self, argument: str) -> None:
        """A page up."""
        self.page.move(-self.page.page_height)

    def act_page_down(self, argument: str) -> None:
        """A page down."""
        self.page.move(self.page.page_height)

    def act_top(self, argument: str) -> None:
        """To the first line."""
        self.page.go(0)

    def act_bottom(self, argument: str) -> None:
        """To the last line."""
        self.page.go(len(self.page.lines))
