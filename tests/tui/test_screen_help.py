from __future__ import annotations

import pytest

from tests.tui.driving import LARGE, SMALL, Driver, driving
from tests.tui.fake import FakePlatform
from tui.screens.board import BoardScreen
from tui.screens.help import HelpScreen
from tui.screens.logs import LogScreen
from tui.screens.plan import PlanScreen
from tui.widgets.page import Page


async def opened(driver: Driver) -> None:
    await driver.press("question_mark")
    await driver.until_on(HelpScreen)


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=str)
async def test_help_lists_keys_words_and_what_they_do(
    platform: FakePlatform, size: tuple[int, int]
) -> None:
    async with driving(platform, size=size) as driver:
        await opened(driver)
        await driver.until_painted("p           :promote", "shows the plan", "enter do it")
        assert driver.app.screen.query_one(Page).marked == 0
        assert len(driver.lines) == size[1]


@pytest.mark.parametrize(
    ("typed", "found"), [("roll", "go back to the release"), ("browser", ":open"), ("rb", "r   ")]
)
async def test_action_is_found_by_different_words(
    platform: FakePlatform, typed: str, found: str
) -> None:
    async with driving(platform, size=LARGE) as driver:
        await opened(driver)
        await driver.spell(typed)
        await driver.until(lambda: ":promote" not in driver.text)
        await driver.until(lambda: found.lower() in driver.text.lower())


async def test_entry_can_be_run(platform: FakePlatform) -> None:
    async with driving(platform) as driver:
        await driver.press("2")
        await opened(driver)
        await driver.spell("promote")
        await driver.press("enter")
        await driver.until_on(PlanScreen)


async def test_entry_is_chosen_with_the_arrows(platform: FakePlatform) -> None:
    async with driving(platform) as driver:
        await opened(driver)
        await driver.press("down", "down", "enter")
        await driver.until_on(LogScreen)


async def test_entry_that_makes_no_sense_says_why(platform: FakePlatform) -> None:
    async with driving(platform) as driver:
        await opened(driver)
        await driver.spell("undo")
        await driver.press("enter")
        await driver.until_said("undo: nothing was written from here yet")


async def test_nothing_found_says_so_and_runs_nothing(platform: FakePlatform) -> None:
    async with driving(platform) as driver:
        await opened(driver)
        await driver.spell("qqq")
        await driver.until_painted("nothing matches")
        await driver.press("enter")
        assert isinstance(driver.app.screen, HelpScreen)
        await driver.press("escape")
        await driver.until_on(BoardScreen)


async def test_symbols_are_explained(platform: FakePlatform) -> None:
    async with driving(platform, size=(120, 60)) as driver:
        await opened(driver)
        await driver.until_painted("SYMBOLS", "● ready", "✖ failed", "▲ PROD", "▸ this release")


async def test_help_of_another_screen_lists_its_own_actions(platform: FakePlatform) -> None:
    async with driving(platform) as driver:
        await driver.press("l")
        await driver.until_on(LogScreen)
        await opened(driver)
        await driver.until_painted("space")
        assert ":promote" not in driver.text
