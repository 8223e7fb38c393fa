from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from rich.color import ColorType
from textual.screen import Screen
from textual.widgets import Input

from choreo_local.apiclient.types import Capability, PlaneState, RowsChanged
from choreo_local.errors import UnreachableError
from tests.tui.driving import LARGE, SMALL, driving
from tests.tui.fake import FakeConnection, FakePlatform
from tui import demo
from tui.app import Dashboard
from tui.demo import GREETER, NOW, STATUS, WEB
from tui.screens.board import BoardScreen
from tui.screens.component import ComponentScreen
from tui.screens.help import HelpScreen
from tui.screens.logs import LogScreen
from tui.screens.plan import PlanScreen
from tui.screens.question import QuestionScreen
from tui.screens.status import StatusScreen
from tui.screens.why import WhyScreen
from tui.state import Probe

CRASH = 'CrashLoopBackOff: exit 1, "no DATABASE_URL"'


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=str)
async def test_board_is_painted(platform: FakePlatform, size: tuple[int, int]) -> None:
    async with driving(platform, size=size) as driver:
        await driver.until_painted("200 in 3 ms")
        lines = [" ".join(line.split()) for line in driver.lines]
        assert lines[0].startswith("choreo default ▸ shop")
        assert "4 planes ● · 214 MB" in lines[0]
        assert lines[1] == "component Development Staging Production ▲ PROD"
        assert lines[2].startswith("greeter ● 7f3a2 2m 2/2 ● 7f3a2 1m 1/1 ▸ ● 51bc0 3d 1/1 ▲ 2")
        assert lines[3].startswith("web ◐ 9c1d0 5s rolling")
        assert lines[4] == f"worker ✖ 02af1 8s {CRASH}"
        assert set(lines[-4]) == {"─"}
        assert lines[-3].startswith("greeter → development http://development-de")
        assert lines[-2].startswith("● ready · greeter-7f3a2 · since 2m · 2/2 pods ready")
        assert lines[-1].startswith("p promote d diff l logs y why r roll back / filter ? help")
        assert lines[-1].endswith("q leave running")
        assert len(lines) == size[1]
        assert all(len(line) <= size[0] for line in driver.lines)


async def test_nothing_depends_on_colour(
    platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with driving(platform) as driver:
        await driver.until_painted("● 7f3a2", "◐ 9c1d0", "✖ 02af1", "rolling", "CrashLoop", "PROD")
        segments = [
            segment for strip in driver.app.screen._compositor.render_strips() for segment in strip
        ]
        colours = {
            colour.type
            for segment in segments
            if segment.style is not None
            for colour in (segment.style.color, segment.style.bgcolor)
            if colour is not None
        }
        assert colours <= {ColorType.DEFAULT}
        marked = [
            segment.text.split()[:2]
            for segment in segments
            if segment.style is not None and segment.style.reverse and segment.text.strip()
        ]
        assert marked == [["●", "7f3a2"]]


async def test_keys_move_the_cursor(platform: FakePlatform) -> None:
    async with driving(platform) as driver:
        await driver.press("down", "right")
        await driver.until_painted("web → staging")
        await driver.press("j", "3")
        await driver.until_painted("worker → production ▲ PROD")
        await driver.press("k", "h", "left", "left")
        await driver.until_painted("web → development")
        await driver.press("G")
        await driver.until_painted("worker → development")
        await driver.press("home")
        await driver.until_painted("greeter → development")


async def test_changed_row_is_repainted(platform: FakePlatform) -> None:
    async with driving(platform) as driver:
        ready = replace(WEB.cells[0], state="ready", ready=1, since=demo.ago(seconds=0))
        platform.events.put_nowait(RowsChanged((replace(WEB, cells=(ready, *WEB.cells[1:])),)))
        await driver.until_painted("● 9c1d0 0s  1/1")


async def test_problem_takes_a_line_of_its_own_and_gives_it_back(platform: FakePlatform) -> None:
    async with driving(platform) as driver:
        broken = replace(GREETER.cells[1], state="failed", reason="X", message="it is broken")
        cells = (GREETER.cells[0], broken, GREETER.cells[2])
        platform.events.put_nowait(RowsChanged((replace(GREETER, cells=cells),)))
        await driver.until(lambda: driver.lines[3].strip() == "X: it is broken")
        assert driver.lines[4].startswith(" web")
        platform.events.put_nowait(RowsChanged((GREETER,)))
        await driver.until(lambda: driver.lines[3].startswith(" web"))


async def test_cursor_stays_on_its_component(platform: FakePlatform) -> None:
    async with driving(platform) as driver:
        await driver.press("down")
        await driver.until_painted("web → development")
        platform.events.put_nowait(RowsChanged((replace(WEB, component="api"),)))
        await driver.until_painted(" api ")
        assert "web → development" in driver.text
        platform.events.put_nowait(RowsChanged(removed=("web",)))
        await driver.until_painted("worker → development")


async def test_lost_connection_greys_the_board_and_says_since_when(
    platform: FakePlatform,
) -> None:
    async with driving(platform) as driver:
        platform.events.put_nowait(UnreachableError("refused"))
        await driver.until_painted("▲ STALE since", "▲ refused; trying again")
        await driver.until(lambda: "stale muted" in row_styles(driver.board))
        platform.events.put_nowait(RowsChanged())
        await driver.until_painted("as of 0 s ago")
        await driver.until(lambda: "stale muted" not in row_styles(driver.board))


def row_styles(board: BoardScreen) -> set[str]:
    return {span.style for spans in board.table.painted("web") for span in spans}


async def test_silence_greys_the_board_too(platform: FakePlatform) -> None:
    clock = [NOW]
    async with driving(platform, now=lambda: clock[0]) as driver:
        clock[0] = NOW + timedelta(seconds=20)
        driver.app._tick()
        await driver.until_painted("▲ STALE since", "(20s)")


async def test_ages_grow_with_the_clock(platform: FakePlatform) -> None:
    clock = [NOW]

    def now() -> datetime:
        return clock[0]

    async with driving(platform, now=now) as driver:
        assert "◐ 9c1d0 5s" in driver.text
        clock[0] = NOW + timedelta(seconds=4)
        driver.app._tick()
        await driver.until_painted("◐ 9c1d0 9s", "as of 4 s ago")


async def test_plane_that_is_gone_greys_the_board(platform: FakePlatform) -> None:
    gone = PlaneState("data", connected=False, message="no heartbeat")
    platform.status_ = replace(STATUS, planes=(*STATUS.planes[:1], gone))
    async with driving(platform, size=LARGE) as driver:
        await driver.until_painted("✖ data plane gone since")
        await driver.until(lambda: "stale muted" in row_styles(driver.board))


async def test_board_that_never_came_says_why_and_what_to_do() -> None:
    platform = FakePlatform()
    async with driving(platform) as driver:
        await driver.until_painted("connecting to the platform")
        platform.events.put_nowait(UnreachableError("nobody there", remedy="choreo up"))
        await driver.until_painted("▲ nobody there", "choreo up", "not connected")


async def test_empty_board_says_how_to_begin() -> None:
    async with driving(FakePlatform.with_board(replace(demo.BOARD, rows=()))) as driver:
        await driver.until_painted("There is no component in project shop yet", "choreo apply")
        await driver.press("p")
        await driver.until_said("there is no component here")


SENSELESS = (
    (["3", "p"], "production is the last environment"),
    (["1", "p"], "nothing waits for promotion from development"),
    (["u"], "nothing was written from here yet"),
    (["G", "2", "l"], "nothing is deployed in staging"),
    (["G", "2", "r"], "roll back: nothing is deployed in staging"),
    (["G", "o"], "open: it answers at no URL here"),
    (["G", "c"], "copy: it answers at no URL here"),
    (["9"], "there is no environment 9"),
    (["escape"], "q leaves the dashboard"),
)


async def test_keys_that_make_no_sense_say_why(platform: FakePlatform) -> None:
    async with driving(platform) as driver:
        for keys, reason in SENSELESS:
            await driver.press("g", *keys)
            await driver.until_said(reason)
            assert driver.app.screen is driver.board


SCREENS: Mapping[str, type[Screen[Any]]] = {
    "enter": ComponentScreen,
    "l": LogScreen,
    "y": WhyScreen,
    "r": PlanScreen,
    "question_mark": HelpScreen,
    "i": StatusScreen,
    "Q": QuestionScreen,
}


async def test_keys_open_screens_and_esc_comes_back(platform: FakePlatform) -> None:
    async with driving(platform) as driver:
        await driver.press("2")
        for key, screen in SCREENS.items():
            await driver.press(key)
            await driver.until_on(screen)
            await driver.press("escape")
            await driver.until_on(BoardScreen)


async def test_filter_follows_what_is_typed(platform: FakePlatform) -> None:
    async with driving(platform) as driver:
        await driver.spell("/w")
        await driver.until(lambda: driver.lines[-1].strip() == "w")
        await driver.until(lambda: driver.lines[2].startswith(" web"))
        await driver.spell("!")
        await driver.press("backspace", "backspace")
        await driver.spell("!w")
        await driver.press("enter")
        await driver.until(lambda: driver.board.desk.state.board.shown == ["greeter"])
        await driver.until_painted("/!w")
        await driver.press("escape")
        await driver.until(lambda: driver.lines[3].startswith(" web"))


async def test_filter_that_matches_nothing_says_so(platform: FakePlatform) -> None:
    async with driving(platform) as driver:
        await driver.spell("/nothing")
        await driver.until_painted("no component matches /nothing")


async def test_states_can_be_filtered(platform: FakePlatform) -> None:
    async with driving(platform) as driver:
        await driver.spell("/failed")
        await driver.until(lambda: driver.lines[2].startswith(" worker"))


TYPED = {
    "env production": "greeter → production",
    "comp web": "web   ● ready · web-51e77",
    "component": "web   ● ready · web-51e77",
    "why": "WHAT TO DO",
    "logs": "● following",
    "filter worker": "/worker",
    "project": "default ▸ all projects",
    "ns team": "team ▸ all projects",
}


async def test_commands_are_typed(platform: FakePlatform) -> None:
    async with driving(platform) as driver:
        for typed, painted in TYPED.items():
            await driver.spell(f":{typed}")
            await driver.press("enter")
            await driver.until_painted(painted)
            if driver.app.screen is not driver.board:
                await driver.press("q")


async def test_mistyped_command_is_answered(platform: FakePlatform) -> None:
    async with driving(platform) as driver:
        await driver.spell(":lgos")
        await driver.press("enter")
        await driver.until_said("there is no :lgos; did you mean :logs?")


async def test_other_scope_is_watched_anew(platform: FakePlatform) -> None:
    async with driving(platform) as driver:
        await driver.spell(":ns team")
        await driver.press("enter")
        await driver.until(lambda: len(platform.called("watch_board")) == 2)
        assert platform.called("watch_board")[1] == {"namespace": "team", "project": None}
        await driver.until_painted("connecting to the platform")


async def test_theme_changes_at_once(platform: FakePlatform) -> None:
    async with driving(platform) as driver:
        await driver.spell(":theme contrast")
        await driver.press("enter")
        await driver.until(lambda: driver.app.theme == "contrast")


async def test_prompt_takes_the_place_of_the_keys(platform: FakePlatform) -> None:
    async with driving(platform) as driver:
        await driver.press("slash")
        await driver.until(lambda: "q leave running" not in driver.text)
        assert len(driver.lines) == SMALL[1]
        await driver.press("escape")
        await driver.until_painted("q leave running")


COPIED = (
    (["2", "C", "p"], "choreo promote greeter --to production"),
    (["3", "C", "d"], "choreo diff greeter --to production"),
    (["2", "C", "l"], "choreo logs greeter --env staging --follow"),
    (["1", "C", "y"], "choreo why greeter --env development"),
    (["2", "C", "r"], "choreo rollback greeter --env staging"),
    (["C", "Q"], "choreo down"),
    (["2", "c"], GREETER.cells[1].url),
)


async def test_commands_and_urls_are_copied(platform: FakePlatform) -> None:
    async with driving(platform) as driver:
        for keys, copied in COPIED:
            await driver.press(*keys)
            await driver.until_copied(copied)
            assert driver.app.screen is driver.board


async def test_copying_a_command_waits_for_a_key(platform: FakePlatform) -> None:
    async with driving(platform) as driver:
        await driver.press("C")
        await driver.until_painted("press the key of the action")
        await driver.press("escape")
        await driver.until_painted("q leave running")
        await driver.press("C", "j")
        await driver.until_said("it only changes the view")


async def test_leaving_is_not_stopping(platform: FakePlatform) -> None:
    async with driving(platform) as driver:
        await driver.press("q")
    assert driver.app.return_value == "leave"


async def test_stopping_asks_first(platform: FakePlatform) -> None:
    async with driving(platform) as driver:
        await driver.press("Q")
        await driver.until_painted('Stop the platform "default"? Its data stays.')
        await driver.press("y")
    assert driver.app.return_value == "stop"


async def test_anything_but_yes_does_not_stop(platform: FakePlatform) -> None:
    async with driving(platform) as driver:
        for key in ("n", "escape", "enter", "q"):
            await driver.press("Q")
            await driver.until_on(QuestionScreen)
            await driver.press(key)
            await driver.until_on(BoardScreen)
        assert driver.app.return_value is None


async def test_platform_elsewhere_cannot_be_stopped_from_here(platform: FakePlatform) -> None:
    async with driving(platform, instance="") as driver:
        await driver.press("Q")
        await driver.until_said("stop the platform where it runs")


async def test_clicks_select_and_open(platform: FakePlatform) -> None:
    async with driving(platform) as driver:
        await driver.until_painted("greeter → development")
        table = driver.board.table
        await driver.pilot.click(table, offset=(table.at.left(1) + 2, 1))
        await driver.until_painted("web → staging")
        await driver.pilot.click(table, offset=(table.at.left(1) + 2, 1), times=2)
        await driver.until_on(ComponentScreen)


async def test_thousand_rows_scroll(platform: FakePlatform) -> None:
    async with driving(FakePlatform.with_board(demo.large_board(1000))) as driver:
        await driver.until_painted("compon…-00017")
        await driver.press("G")
        await driver.until_painted("component-00999 → development", "1000/1000")
        await driver.press("pageup")
        await driver.until_painted("982/1000")
        await driver.press("g")
        await driver.until_painted("component-00000 → development")


async def test_resized_terminal_is_laid_out_anew(platform: FakePlatform) -> None:
    async with driving(platform, size=LARGE) as driver:
        await driver.until_painted("▲ 2 behind")
        await driver.pilot.resize_terminal(60, 20)
        await driver.until(lambda: "1›" in driver.lines[1])
        await driver.press("3")
        await driver.until_painted("‹1", "Production ▲ PROD")


async def test_palette_runs_actions(platform: FakePlatform) -> None:
    async with driving(platform) as driver:
        await driver.press("ctrl+p")
        await driver.until(lambda: driver.app.screen.query(Input))
        await driver.spell("why")
        await driver.until_painted("Say why the component")
        await driver.press("enter", "enter")
        await driver.until_on(WhyScreen)


async def test_tiny_terminals_are_survived(platform: FakePlatform) -> None:
    async with driving(platform, size=(20, 6)) as driver:
        await driver.press("right", "down", "enter", "escape", "l", "escape", "question_mark")
        await driver.until_on(HelpScreen)
        await driver.pilot.resize_terminal(1, 1)
        await driver.press("escape")
        await driver.until_on(BoardScreen)
        await driver.pilot.resize_terminal(80, 24)
        await driver.until_painted("web → staging")


async def test_status_tells_what_the_platform_cannot_do(platform: FakePlatform) -> None:
    missing = Capability("network-policy", available=False, reason="pods are plain processes")
    platform.status_ = replace(STATUS, capabilities=(missing,))
    async with driving(platform) as driver:
        await driver.press("i")
        await driver.until_painted("network-policy  ✗ no  pods are plain processes", "PLANES")
        await driver.press("C")
        await driver.until_copied("choreo status")


async def test_url_is_copied_where_no_browser_can_open(
    platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"):
        monkeypatch.delenv(name, raising=False)
    async with driving(platform) as driver:
        await driver.press("2", "o")
        await driver.until_copied(GREETER.cells[1].url)


async def test_url_opens_in_the_browser(
    platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISPLAY", ":0")
    opened: list[str] = []
    async with driving(platform) as driver:
        monkeypatch.setattr(driver.app, "open_url", opened.append)
        await driver.press("2", "o")
        await driver.until(lambda: opened == [GREETER.cells[1].url])


async def test_only_the_selected_url_is_asked(platform: FakePlatform) -> None:
    asked: asyncio.Queue[str] = asyncio.Queue()

    class Recording(demo.DemoProber):
        async def ask(self, url: str) -> Probe:
            asked.put_nowait(url)
            return await super().ask(url)

    async with driving(platform, prober=Recording()) as driver:
        await driver.press("right")
        assert await asyncio.wait_for(asked.get(), 5) == GREETER.cells[1].url
        await driver.press("G", "1")
        await driver.until_painted("worker → development")
        assert asked.empty(), "the worker answers nowhere"


async def test_a_url_is_asked_anew_when_its_cell_changes(platform: FakePlatform) -> None:
    asked: asyncio.Queue[str] = asyncio.Queue()

    class Recording(demo.DemoProber):
        async def ask(self, url: str) -> Probe:
            asked.put_nowait(url)
            return await super().ask(url)

    async with driving(platform, prober=Recording()):
        cell = GREETER.cells[0]
        assert await asyncio.wait_for(asked.get(), 60) == cell.url
        for changed in (replace(cell, state="failed"), replace(cell, state="failed", release="r2")):
            cells = (changed, *GREETER.cells[1:])
            platform.events.put_nowait(RowsChanged((replace(GREETER, cells=cells),)))
            assert await asyncio.wait_for(asked.get(), 60) == cell.url
        assert asked.empty()


async def test_the_dashboard_ends_with_its_terminal(platform: FakePlatform) -> None:
    answers = iter([True, False])
    app = Dashboard(
        FakeConnection(platform),
        prober=demo.DemoProber(),
        has_terminal=lambda: next(answers, False),
    )
    assert await asyncio.wait_for(app.run_async(headless=True, size=SMALL), 30) == "leave"
