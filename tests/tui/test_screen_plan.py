from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

import pytest

from choreo_local.apiclient.types import Plan, Promotable, RowsChanged
from choreo_local.errors import ConflictError, InvalidError
from tests.tui.driving import LARGE, SMALL, Driver, driving
from tests.tui.fake import PLAN, FakePlatform
from tui.demo import BOARD, GREETER, ago, cell
from tui.screens.board import BoardScreen
from tui.screens.plan import PlanScreen, inverse
from tui.state import Undo

TO_STAGING = replace(
    PLAN,
    source="development",
    target="staging",
    current="greeter-51bc0",
    is_production=False,
    needs_confirmation="",
)


@asynccontextmanager
async def planning(
    platform: FakePlatform, *keys: str, size: tuple[int, int] = SMALL
) -> AsyncIterator[Driver]:
    """The plan screen that keys on the board lead to."""
    async with driving(platform, size=size) as driver:
        await driver.press(*keys)
        await driver.until_on(PlanScreen)
        yield driver


@pytest.fixture
def onto_staging() -> FakePlatform:
    """Something waits for promotion from development to staging, which is not production."""
    row = replace(GREETER, promotable=(Promotable("development", "staging", "greeter-7f3a2"),))
    platform = FakePlatform.with_board(replace(BOARD, rows=(row, *BOARD.rows[1:])))
    platform.plan = TO_STAGING
    return platform


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=str)
async def test_plan_is_shown_before_anything_is_written(
    platform: FakePlatform, size: tuple[int, int]
) -> None:
    async with planning(platform, "2", "p", size=size) as driver:
        await driver.until_painted("Promote greeter  staging → production  ▲ PROD")
        await driver.until_painted("greeter-51bc0 → greeter-7f3a2", "1 added, 1 changed")
        await driver.until_painted("~ changed Deployment greeter", "-  image: greeter:1")
        await driver.until_painted("y promote to production")
        assert platform.called("promotion_plan") == [
            {"component": "greeter", "to": "production", "release": None}
        ]
        assert platform.called("promote") == []


async def test_yes_promotes_and_says_how_to_take_it_back(onto_staging: FakePlatform) -> None:
    async with planning(onto_staging, "p") as driver:
        await driver.until_painted("y promote to staging")
        await driver.press("y")
        await driver.until_on(BoardScreen)
        await driver.until_said("promoted greeter-7f3a2 to staging · u takes it back")
        assert onto_staging.called("promote") == [
            {
                "component": "greeter",
                "to": "staging",
                "release": "greeter-7f3a2",
                "expect_current": "greeter-51bc0",
            }
        ]


async def test_production_asks_for_its_name(platform: FakePlatform) -> None:
    async with planning(platform, "2", "p") as driver:
        await driver.until_painted("y promote to production")
        await driver.press("y")
        await driver.until_painted("PROD: type production to go on")
        await driver.spell("prod")
        await driver.press("enter")
        await driver.until_said("that is not its name: nothing was changed")
        assert platform.called("promote") == []
        await driver.press("y")
        await driver.spell("production")
        await driver.press("enter")
        await driver.until_on(BoardScreen)
        assert len(platform.called("promote")) == 1


async def test_esc_changes_nothing(platform: FakePlatform) -> None:
    async with planning(platform, "2", "p") as driver:
        await driver.until_painted("y promote to production")
        await driver.press("y")
        await driver.spell("production")
        await driver.press("escape")
        assert isinstance(driver.app.screen, PlanScreen), "one step back only"
        await driver.press("escape")
        await driver.until_on(BoardScreen)
        assert platform.called("promote") == []


async def test_yes_before_the_plan_is_there_does_nothing(platform: FakePlatform) -> None:
    platform.failures["promotion_plan"] = InvalidError(
        "cannot promote to production", remedy="legal targets: staging"
    )
    async with planning(platform, "2", "p") as driver:
        await driver.until_painted("✖ cannot promote to production", "legal targets: staging")
        await driver.press("y")
        await driver.until_said("there is no plan to carry out")
        assert platform.called("promote") == []


async def test_plan_whose_base_moved_is_made_anew(onto_staging: FakePlatform) -> None:
    onto_staging.failures["promote"] = ConflictError("staging has another release now")
    async with planning(onto_staging, "p") as driver:
        await driver.until_painted("y promote to staging")
        await driver.press("y")
        await driver.until_said("it was changed meanwhile: this is the new plan")
        await driver.until_asked("promotion_plan", times=2)
        del onto_staging.failures["promote"]
        await driver.until_painted("y promote to staging")
        await driver.press("y")
        await driver.until_on(BoardScreen)


async def test_refused_write_says_why_and_stays(onto_staging: FakePlatform) -> None:
    onto_staging.failures["promote"] = InvalidError("the release is invalid", remedy="Mend it")
    async with planning(onto_staging, "p") as driver:
        await driver.until_painted("y promote to staging")
        await driver.press("y")
        await driver.until_painted("✖ the release is invalid", "Mend it")
        assert driver.app.desk.state.undo is None


async def test_nothing_to_do_cannot_be_done(onto_staging: FakePlatform) -> None:
    onto_staging.plan = replace(TO_STAGING, up_to_date=True, changes=())
    async with planning(onto_staging, "p") as driver:
        await driver.until_painted("staging has this release already")
        await driver.press("y")
        await driver.until_said("staging has this release already")
        assert onto_staging.called("promote") == []


async def test_diff_is_only_to_look_at(platform: FakePlatform) -> None:
    async with planning(platform, "3", "d") as driver:
        await driver.until_painted("Diff of promoting greeter", "-  image: greeter:1")
        await driver.press("y")
        await driver.until_said("this is only the difference")
        await driver.press("C")
        await driver.until_copied("choreo diff greeter --to production")


async def test_roll_back_is_planned_and_written(platform: FakePlatform) -> None:
    platform.plan = replace(TO_STAGING, release="greeter-51bc0", current="greeter-7f3a2")
    async with planning(platform, "2", "r") as driver:
        await driver.until_painted("Roll back greeter  staging", "y roll back staging")
        await driver.press("C")
        await driver.until_copied("choreo rollback greeter --env staging")
        await driver.press("y")
        await driver.until_on(BoardScreen)
        assert platform.called("rollback") == [
            {
                "component": "greeter",
                "environment": "staging",
                "release": "greeter-51bc0",
                "expect_current": "greeter-7f3a2",
            }
        ]


async def test_undo_of_a_promotion_plans_the_way_back(onto_staging: FakePlatform) -> None:
    async with planning(onto_staging, "p") as driver:
        await driver.until_painted("y promote to staging")
        await driver.press("y")
        await driver.until_on(BoardScreen)
        await driver.press("u")
        await driver.until_on(PlanScreen)
        await driver.until_asked("rollback_plan")
        assert onto_staging.called("rollback_plan") == [
            {"component": "greeter", "environment": "staging"}
        ]
        assert onto_staging.called("rollback") == []


async def test_undo_is_refused_when_somebody_changed_it_since(onto_staging: FakePlatform) -> None:
    async with planning(onto_staging, "p") as driver:
        await driver.until_painted("y promote to staging")
        await driver.press("y")
        await driver.until_on(BoardScreen)
        newer = cell("greeter", "staging", "fffff", ago(seconds=0))
        cells = (GREETER.cells[0], newer, GREETER.cells[2])
        onto_staging.events.put_nowait(RowsChanged((replace(GREETER, cells=cells),)))
        await driver.until_painted("● fffff")
        await driver.press("u")
        await driver.until_said("undo: greeter in staging was changed since")


async def test_undo_of_a_first_promotion_undeploys(onto_staging: FakePlatform) -> None:
    onto_staging.plan = replace(TO_STAGING, current=None)
    async with planning(onto_staging, "p") as driver:
        await driver.until_painted("nothing → greeter-7f3a2", "y promote to staging")
        await driver.press("y")
        await driver.until_on(BoardScreen)
        await driver.press("u")
        await driver.until_painted(
            "every object of the component in this environment is removed",
            "y undeploy from staging",
        )
        await driver.press("y")
        await driver.until_on(BoardScreen)
        assert onto_staging.called("undeploy") == [
            {"component": "greeter", "environment": "staging"}
        ]


def stands_on_top(driver: Driver, name: str) -> bool:
    return name in driver.lines[4]


async def test_objects_are_gone_through_one_by_one(platform: FakePlatform) -> None:
    diff = "".join(f"+  line: {number}\n" for number in range(60))
    changes = tuple(replace(PLAN.changes[1], name=f"map-{name}", diff=diff) for name in "abc")
    platform.plan = replace(PLAN, changes=changes)
    async with planning(platform, "2", "p") as driver:
        await driver.until_painted("+ added   ConfigMap map-a")
        for name in "abc":
            await driver.press("n")
            await driver.until(partial(stands_on_top, driver, f"map-{name}"))
        await driver.press("N", "N")
        await driver.until(partial(stands_on_top, driver, "map-a"))


def test_inverse_of_a_write_leads_back_to_what_was() -> None:
    plan = Plan("a", source="b", target="c", release="new", current="old")
    assert inverse("promote", plan) == Undo("rollback", "a", "c", release="old", written="new")
    assert inverse("rollback", plan) == Undo("promote", "a", "c", release="old", written="new")
    assert inverse("undeploy", plan) is None
    first = replace(plan, current=None)
    assert inverse("promote", first) == Undo("undeploy", "a", "c", release="", written="new")
