from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from choreo_local.errors import NotFoundError
from tests.tui.driving import LARGE, SMALL, Driver, driving
from tests.tui.fake import FakePlatform, log_line
from tui.logbuffer import CAPACITY
from tui.screens.board import BoardScreen
from tui.screens.logs import LogScreen
from tui.screens.why import WhyScreen


@asynccontextmanager
async def reading(
    platform: FakePlatform, *, size: tuple[int, int] = SMALL
) -> AsyncIterator[Driver]:
    """The log of the greeter in staging."""
    async with driving(platform, size=size) as driver:
        await driver.press("2", "l")
        await driver.until_on(LogScreen)
        await driver.until_asked("logs")
        yield driver


def write(platform: FakePlatform, *texts: str) -> None:
    for text in texts:
        platform.lines.put_nowait(log_line(text))


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=str)
async def test_lines_are_followed(platform: FakePlatform, size: tuple[int, int]) -> None:
    async with reading(platform, size=size) as driver:
        write(platform, "listening on 9090")
        await driver.until_painted("x7k2p listening on 9090", "● following · 1 line")
        assert driver.lines[2].split()[2:4] == ["[2", "Staging]"]
        assert platform.called("logs")[0]["environment"] == "staging"
        assert len(driver.lines) == size[1]


async def test_newest_line_stays_in_view(platform: FakePlatform) -> None:
    async with reading(platform) as driver:
        write(platform, *(f"line {number}" for number in range(100)))
        await driver.until_painted("line 99")
        assert "line 10 " not in driver.text


async def test_escape_sequences_of_a_container_do_not_reach_the_terminal(
    platform: FakePlatform,
) -> None:
    async with reading(platform) as driver:
        write(platform, "\x1b]0;owned\x07\x1b[2Jcleared")
        await driver.until_painted("␛]0;owned␇␛[2Jcleared")
        assert "\x1b" not in driver.text


async def test_markup_of_a_container_is_text(platform: FakePlatform) -> None:
    async with reading(platform) as driver:
        write(platform, "[red]array[0][/red] = [@click=app.quit]x[/]")
        await driver.until_painted("[red]array[0][/red] = [@click=app.quit]x[/]")


async def test_filter_keeps_matching_lines_and_its_opposite_the_others(
    platform: FakePlatform,
) -> None:
    async with reading(platform) as driver:
        write(platform, "GET /health 200", "GET /greeter 200", "GET /greeter 500")
        await driver.until_painted("GET /greeter 500")
        await driver.spell("/[45]00")
        await driver.press("enter")
        await driver.until(lambda: "GET /health" not in driver.text)
        await driver.until_painted("/[45]00: 1 match", "GET /greeter 500")
        await driver.press("escape")
        await driver.until_painted("GET /health")
        await driver.spell("/!health")
        await driver.press("enter")
        await driver.until(lambda: "GET /health" not in driver.text)
        await driver.until_painted("GET /greeter 200", "GET /greeter 500")


async def test_broken_expression_is_searched_as_text(platform: FakePlatform) -> None:
    async with reading(platform) as driver:
        write(platform, "call f(x", "something else")
        await driver.until_painted("something else")
        await driver.spell("/f(x")
        await driver.until_painted("/f(x as plain text: 1 match")


async def test_pause_holds_the_picture_and_counts_what_comes(platform: FakePlatform) -> None:
    async with reading(platform) as driver:
        write(platform, "first")
        await driver.until_painted("first")
        await driver.press("space")
        await driver.until_painted("‖ paused")
        write(platform, "second", "third")
        await driver.until_painted("‖ paused, 2 new lines")
        assert "second" not in driver.text
        await driver.press("space")
        await driver.until_painted("second", "third", "● following")


async def test_going_up_stops_following_and_end_goes_on(platform: FakePlatform) -> None:
    async with reading(platform) as driver:
        write(platform, *(f"line {number}" for number in range(100)))
        await driver.until_painted("line 99")
        await driver.press("pageup")
        await driver.until_painted("‖ paused")
        await driver.until(lambda: "line 99" not in driver.text)
        await driver.press("g")
        await driver.until_painted("line 0")
        await driver.press("G")
        await driver.until_painted("line 99", "● following")


async def test_flood_is_bounded_and_says_what_it_dropped(platform: FakePlatform) -> None:
    async with reading(platform) as driver:
        write(platform, *("flood" for _ in range(CAPACITY + 2_345)))
        await driver.until_painted("10 000 lines · 2 345 lines dropped, the oldest")


async def test_long_lines_are_read_sideways(platform: FakePlatform) -> None:
    async with reading(platform) as driver:
        write(platform, "start " + "." * 100 + " the end")
        await driver.until_painted("start")
        await driver.press(*["right"] * 4)
        await driver.until_painted("the end")
        assert "start" not in driver.text
        await driver.press(*["left"] * 9)
        await driver.until_painted("start")


async def test_times_are_shown_when_wanted(platform: FakePlatform) -> None:
    async with reading(platform) as driver:
        write(platform, "hello")
        await driver.until_painted("hello")
        assert "14:02:10.123" not in driver.text
        await driver.press("t")
        await driver.until_painted("14:02:10.123 x7k2p hello")


async def test_lines_before_the_last_restart(platform: FakePlatform) -> None:
    async with reading(platform) as driver:
        await driver.press("p")
        await driver.until_asked("logs", times=2)
        assert platform.called("logs")[1]["previous"] is True
        write(platform, "last words")
        platform.lines.put_nowait(None)
        await driver.until_painted("last words", "before the last restart", "── ")


async def test_other_environment_is_followed_from_here(platform: FakePlatform) -> None:
    async with reading(platform) as driver:
        write(platform, "of staging")
        await driver.until_painted("of staging")
        await driver.press("right_square_bracket")
        await driver.until_asked("logs", times=2)
        assert platform.called("logs")[1]["environment"] == "production"
        await driver.until(lambda: "of staging" not in driver.text)
        await driver.press("1")
        await driver.until_asked("logs", times=3)
        assert platform.called("logs")[2]["environment"] == "development"


async def test_what_is_not_deployed_says_so_and_is_tried_again(platform: FakePlatform) -> None:
    async with reading(platform) as driver:
        platform.lines.put_nowait(NotFoundError("nothing is deployed"))
        await driver.until_painted("── nothing is deployed; trying again ──")
        write(platform, "hello after all")
        await driver.until_painted("hello after all")


async def test_lines_and_their_command_are_copied(platform: FakePlatform) -> None:
    async with reading(platform) as driver:
        write(platform, "one", "two")
        await driver.until_painted("two")
        await driver.press("c")
        await driver.until_copied(" x7k2p one\n x7k2p two")
        await driver.press("C")
        await driver.until_copied("choreo logs greeter --env staging --follow")


async def test_lines_are_cleared(platform: FakePlatform) -> None:
    async with reading(platform) as driver:
        write(platform, "old")
        await driver.until_painted("old")
        await driver.press("x")
        await driver.until_painted("· 0 lines")


async def test_way_to_why_and_back(platform: FakePlatform) -> None:
    async with reading(platform) as driver:
        await driver.press("y")
        await driver.until_on(WhyScreen)
        await driver.press("q")
        await driver.until_on(LogScreen)
        await driver.press("q")
        await driver.until_on(BoardScreen)
