from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from choreo_local.apiclient.types import RowsChanged
from choreo_local.errors import NotFoundError
from tests.tui.driving import LARGE, SMALL, Driver, driving
from tests.tui.fake import DETAILS, FakePlatform
from tui.demo import GREETER, WORKER
from tui.screens.board import BoardScreen
from tui.screens.component import ComponentScreen
from tui.screens.logs import LogScreen
from tui.screens.why import WhyScreen


@asynccontextmanager
async def looking(
    platform: FakePlatform, *keys: str, size: tuple[int, int] = SMALL
) -> AsyncIterator[Driver]:
    """The screen that keys on the board lead to."""
    async with driving(platform, size=size) as driver:
        await driver.press(*keys)
        yield driver


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=str)
async def test_details_are_shown(platform: FakePlatform, size: tuple[int, int]) -> None:
    async with looking(platform, "enter", size=size) as driver:
        await driver.until_painted("CONDITIONS 2", "● Ready", "✖ ResourcesReady", "PODS 1")
        await driver.until_painted("EVENTS 1", "▲ BackOff ×3", "RELEASES 2", "◂ bound here")
        assert driver.lines[1].strip().startswith("greeter   ● ready · greeter-7f3a2")
        assert driver.lines[2].split()[:2] == ["[1", "Development]"]
        assert len(driver.lines) == size[1]


async def test_tabs_ask_for_the_other_environment(platform: FakePlatform) -> None:
    async with looking(platform, "enter") as driver:
        await driver.until_asked("details")
        for key, environment in (("3", "production"), ("tab", "development"), ("[", "production")):
            asked = len(platform.called("details"))
            await driver.press("left_square_bracket" if key == "[" else key)
            await driver.until_asked("details", times=asked + 1)
            assert platform.called("details")[-1]["environment"] == environment
        await driver.until_painted("[3 Production] ▲ PROD")


async def test_change_on_the_board_is_looked_into(platform: FakePlatform) -> None:
    async with looking(platform, "enter") as driver:
        await driver.until_painted("CONDITIONS 2")
        platform.details_ = replace(DETAILS, conditions=DETAILS.conditions[:1])
        platform.events.put_nowait(RowsChanged((replace(GREETER, behind=3),)))
        await driver.until_painted("CONDITIONS 1")


async def test_page_scrolls(platform: FakePlatform) -> None:
    conditions = [{"type": f"Type{number}", "status": "True"} for number in range(60)]
    platform.details_ = replace(DETAILS, conditions=conditions)
    async with looking(platform, "enter") as driver:
        await driver.until_painted("Type0 ")
        await driver.press("G")
        await driver.until_painted("◂ bound here")
        await driver.press("g", "j", "pagedown")
        await driver.until_painted("Type25")
        await driver.press("pageup", "k")
        await driver.until_painted("CONDITIONS 60")


async def test_failure_is_told_with_its_remedy(platform: FakePlatform) -> None:
    platform.failures["details"] = NotFoundError("no component greeter", remedy="choreo get")
    async with looking(platform, "enter") as driver:
        await driver.until_painted("✖ no component greeter", "choreo get")


async def test_mistake_of_the_dashboard_is_told_and_survived(platform: FakePlatform) -> None:
    platform.failures["details"] = RuntimeError("[red]unforeseen[/red]")
    async with looking(platform, "enter") as driver:
        await driver.until_said("RuntimeError: [red]unforeseen[/red]")
        await driver.press("q")
        await driver.until_on(BoardScreen)


async def test_ways_onward_and_back(platform: FakePlatform) -> None:
    async with looking(platform, "enter") as driver:
        await driver.until_on(ComponentScreen)
        await driver.press("l")
        await driver.until_on(LogScreen)
        await driver.press("escape", "y")
        await driver.until_on(WhyScreen)
        await driver.press("escape", "q")
        await driver.until_on(BoardScreen)


async def test_what_is_not_deployed_has_no_logs(platform: FakePlatform) -> None:
    async with looking(platform, "G", "2", "enter") as driver:
        await driver.until_painted("worker   · not deployed")
        await driver.press("l")
        await driver.until_said("logs: nothing is deployed in staging")
        await driver.press("o")
        await driver.until_said("open: it answers at no URL here")


async def test_unknown_component_is_not_opened(platform: FakePlatform) -> None:
    async with looking(platform) as driver:
        await driver.spell(":comp nobody")
        await driver.press("enter")
        await driver.until_said("there is no component nobody")
        assert isinstance(driver.app.screen, BoardScreen)


async def test_text_and_command_are_copied(platform: FakePlatform) -> None:
    async with looking(platform, "enter") as driver:
        await driver.until_painted("CONDITIONS 2")
        await driver.press("c")
        await driver.until(lambda: driver.app.clipboard.startswith(" CONDITIONS 2\n"))
        await driver.press("C")
        await driver.until_copied("choreo describe component greeter")


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=str)
async def test_why_leads_to_the_cause(platform: FakePlatform, size: tuple[int, int]) -> None:
    async with looking(platform, "G", "y", size=size) as driver:
        await driver.until_on(WhyScreen)
        await driver.until_painted(
            "✖ The container main ends with exit code 1.",
            "ReleaseBinding/default/worker-development",
            'exit 1, "no DATABASE_URL"',
            "Set DATABASE_URL in the workload's env",
        )
        assert driver.lines[1].strip().startswith("worker   ✖ failed")
        await driver.press("C")
        await driver.until_copied("choreo why worker --env development")


async def test_why_is_asked_again_when_the_component_changes(platform: FakePlatform) -> None:
    async with looking(platform, "G", "y") as driver:
        await driver.until_asked("why")
        platform.events.put_nowait(RowsChanged((replace(WORKER, behind=1),)))
        await driver.until_asked("why", times=2)
        await driver.press("ctrl+r")
        await driver.until_asked("why", times=3)
