"""The dashboard: owns the shared state, runs the workers that feed it, tells the screens."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import App
from textual.command import Provider
from textual.message import Message

from choreo_local import clock
from tui import data, messages, theme, workers
from tui.connection import Connection
from tui.palette import ActionProvider
from tui.probing import Prober
from tui.screens.board import BoardScreen
from tui.screens.frame import Desk
from tui.state import Link, State


class Dashboard(App[str]):
    """The application; its result is `leave` or `stop`.

    Args:
        connection: where the platform is.
        namespace: what to show first.
        project: only this one, None for all.
        now: the time, for tests.
        prober: asks the URLs of components.
        painted: called when the first picture is there.
        has_terminal: whether somebody can still see the picture.
    """

    CSS_PATH = Path(__file__).with_name("app.tcss")
    TITLE = "choreo"
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {ActionProvider}
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "ctrl+p"

    def __init__(
        self,
        connection: Connection,
        *,
        namespace: str = "default",
        project: str | None = None,
        now: Callable[[], datetime] = clock.now,
        prober: Prober | None = None,
        painted: Callable[[], object] = lambda: None,
        has_terminal: Callable[[], bool] = lambda: True,
    ) -> None:
        # Textual honours NO_COLOR; only on the terminal's own colours does it send none at all.
        is_colourless = "NO_COLOR" in os.environ
        super().__init__(ansi_color=True if is_colourless else None)
        state = State(namespace=namespace, project=project, instance=connection.instance, now=now)
        self.desk = Desk(state, connection, prober or Prober())
        self._painted = painted
        self._has_terminal = has_terminal
        for entry in theme.THEMES.values():
            self.register_theme(entry)
        self.theme = theme.NO_COLOUR if is_colourless else theme.DEFAULT

    def on_mount(self) -> None:
        """Show the board; the workers start when the first picture is painted."""
        self.push_screen(BoardScreen(self.desk))
        self.set_interval(1.0, self._tick)
        self.call_after_refresh(self._start)

    async def on_unmount(self) -> None:
        """Close all connections."""
        await self.desk.prober.close()
        await self.desk.connection.close()

    def _start(self) -> None:
        self._painted()
        self._follow_board()
        workers.start(
            self,
            partial(data.follow_status, self.desk.connection, self.post_message),
            group="status",
        )

    def _follow_board(self) -> None:
        state = self.desk.state
        workers.start(
            self,
            partial(
                data.follow_board,
                self.desk.connection,
                self.post_message,
                namespace=state.namespace,
                project=state.project,
            ),
            group="board",
        )

    def _tick(self) -> None:
        # A terminal that closed without hanging up would be read again and again for nothing.
        if not self._has_terminal():
            self.exit("leave")
            return
        self.screen.post_message(messages.Ticked())

    def _tell(self, make: Callable[[], Message]) -> None:
        """Give every screen a message of its own."""
        for screen in self.screen_stack:
            screen.post_message(make())

    # News of the platform.

    @on(messages.BoardTold)
    def _take_board(self, event: messages.BoardTold) -> None:
        state = self.desk.state
        was_stale = state.is_stale
        state.link = Link(heard_at=state.now())
        was_known = state.board.is_known
        difference = state.board.apply(event.events)
        if difference.components or difference.is_reshaped or not was_known:
            self._tell(lambda: messages.BoardRedrawn(difference.components, difference.is_reshaped))
        if was_stale:
            self._tick()

    @on(messages.LinkLost)
    def _note_loss(self, event: messages.LinkLost) -> None:
        state = self.desk.state
        state.link = Link(state.link.heard_at, lost=event.reason, remedy=event.remedy)
        self._tick()

    @on(messages.StatusRead)
    def _take_status(self, event: messages.StatusRead) -> None:
        self.desk.state.take_status(event.status)
        self._tick()

    @on(messages.ScopeChanged)
    def _change_scope(self) -> None:
        self.desk.state.board.forget()
        self.desk.state.link = Link()
        self._tell(lambda: messages.BoardRedrawn(frozenset(), is_reshaped=True))
        self._tick()
        self._follow_board()
