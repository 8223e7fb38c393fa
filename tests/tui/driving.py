"""Runs the dashboard without a terminal and looks at what it paints."""

from __future__ import annotations

import asyncio
import string
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from textual import events
from textual.keys import _character_to_key
from textual.notifications import Notification
from textual.pilot import Pilot
from textual.screen import Screen

from tests.tui.fake import FakeConnection, FakePlatform
from tui.app import Dashboard
from tui.demo import NOW, DemoProber
from tui.probing import Prober
from tui.screens.board import BoardScreen

SMALL = (80, 24)
LARGE = (120, 40)
_PATIENCE_SECONDS = 30.0
_GLANCE_SECONDS = 0.003
# The keys whose names are longer than what they type.
_CHARACTERS = {_character_to_key(character): character for character in string.punctuation + " "}


@dataclass
class Driver:
    """A running dashboard, its keyboard and its picture."""

    app: Dashboard
    pilot: Pilot[str]
    platform: FakePlatform
    connection: FakeConnection

    @property
    def text(self) -> str:
        """What is painted, line by line; Textual offers it only as a picture otherwise."""
        strips = self.app.screen._compositor.render_strips()
        return "\n".join(strip.text.rstrip() for strip in strips)

    @property
    def lines(self) -> list[str]:
        """The painted lines."""
        return self.text.split("\n")

    @property
    def board(self) -> BoardScreen:
        """The screen at the bottom of the stack."""
        found = self.app.screen_stack[1]
        assert isinstance(found, BoardScreen)
        return found

    @property
    def notes(self) -> list[Notification]:
        """The notes in the corner."""
        return list(self.app._notifications)

    @property
    def said(self) -> str:
        """The text of all notes."""
        return "\n".join(note.message for note in self.notes)

    async def press(self, *keys: str) -> None:
        """Press keys, and let the dashboard react to each.

        Textual's pilot waits for an idle processor after each key, which takes ten times as long.
        """
        for key in keys:
            self.app.post_message(events.Key(key, key if len(key) == 1 else _CHARACTERS.get(key)))
            await self.settle()

    async def settle(self) -> None:
        """Let all widgets work off what they have been told, and what that leads to."""
        for _ in range(3):
            await self.pilot._wait_for_screen()

    async def spell(self, text: str) -> None:
        """Press the key of each character."""
        await self.press(*(_character_to_key(character) for character in text))

    async def until(self, condition: Callable[[], object]) -> None:
        """Let the dashboard work until something is so."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while not condition():
                await self.pilot.pause(_GLANCE_SECONDS)

    async def until_painted(self, *texts: str) -> None:
        """Let the dashboard work until texts are on the screen."""
        try:
            await self.until(lambda: all(text in self.text for text in texts))
        except TimeoutError:
            raise AssertionError(f"{texts} not in:\n{self.text}") from None

    async def until_on(self, screen: type[Screen[Any]]) -> None:
        """Let the dashboard work until a screen of that kind is shown."""
        await self.until(lambda: isinstance(self.app.screen, screen))

    async def until_copied(self, text: str) -> None:
        """Let the dashboard work until a text is on the clipboard."""
        await self.until(lambda: self.app.clipboard == text)

    async def until_asked(self, method: str, times: int = 1) -> None:
        """Let the dashboard work until the platform was asked something so many times."""
        await self.until(lambda: len(self.platform.called(method)) >= times)

    async def until_said(self, text: str) -> None:
        """Let the dashboard work until a note says something."""
        await self.until(lambda: text in self.said)


@asynccontextmanager
async def driving(
    platform: FakePlatform,
    *,
    size: tuple[int, int] = SMALL,
    instance: str = "default",
    prober: Prober | None = None,
    now: Callable[[], datetime] = lambda: NOW,
) -> AsyncIterator[Driver]:
    """A dashboard whose board is painted, if the platform tells one."""
    connection = FakeConnection(platform, instance)
    app = Dashboard(
        connection,
        project="shop",
        now=now,
        prober=prober or DemoProber(),
    )
    async with app.run_test(size=size, notifications=True) as pilot:
        driver = Driver(app, pilot, platform, connection)
        await driver.until(lambda: isinstance(app.screen, BoardScreen))
        if not platform.events.empty():
            await driver.until(lambda: app.desk.state.board.is_known)
            await driver.until(lambda: app.desk.state.status is not None)
            await driver.settle()
        yield driver
