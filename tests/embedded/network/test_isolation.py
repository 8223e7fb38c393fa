"""Finding what is refused, with a judge whose rules are known."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from choreo_local.embedded.network import isolation
from choreo_local.embedded.network.isolation import Part, Refused
from choreo_local.embedded.network.table import (
    Certificate,
    Match,
    PathMatch,
    PortTable,
    Route,
    RouteTable,
    SecureHost,
    VirtualHost,
)


def a_route(name: str) -> Route:
    return Route(name, Match(PathMatch(value=f"/{name}")))


def a_table(*names: str) -> RouteTable:
    host = VirtualHost("a.test", tuple(map(a_route, names)))
    return RouteTable((PortTable(80, (host,)),))


class Judge:
    """Refuses tables for which `refuses` is true of the routes that are not closed."""

    def __init__(self, refuses: Callable[[set[str]], bool]) -> None:
        self._refuses = refuses
        self.trials = 0

    async def __call__(self, table: RouteTable) -> str:
        self.trials += 1
        names = {each.name for each in table.routes() if not each.refusal}
        return "bad" if self._refuses(names) else ""


NAMES = [f"r{number}" for number in range(50)]

BAD: list[set[str]] = [set(), {"r0"}, {"r49"}, {"r7", "r8"}, {"r0", "r20", "r31", "r49"}]


@pytest.mark.parametrize("bad", BAD)
async def test_what_is_refused_is_found_and_nothing_else(bad: set[str]) -> None:
    judge = Judge(lambda names: bool(names & bad))

    found = await isolation.find(a_table(*NAMES), judge)

    assert found == {a_route(name): Refused("bad", is_closed=True) for name in bad}
    assert judge.trials <= 1 + 9 * len(bad)


async def test_of_two_that_do_not_go_together_the_first_stays() -> None:
    judge = Judge(lambda names: {"r3", "r30"} <= names)

    found = await isolation.find(a_table(*NAMES), judge)

    assert list(found) == [a_route("r30")]


async def test_what_was_served_before_is_not_suspected() -> None:
    judge = Judge(lambda names: "r49" in names)
    proven = [a_route(name) for name in NAMES[:-1]]

    found = await isolation.find(a_table(*NAMES), judge, proven=proven)

    assert list(found) == [a_route("r49")]
    assert judge.trials <= 4


async def test_what_was_served_before_is_suspected_when_nothing_else_is_left() -> None:
    judge = Judge(lambda names: "r5" in names)

    found = await isolation.find(a_table(*NAMES), judge, proven=map(a_route, NAMES))

    assert list(found) == [a_route("r5")]


async def test_with_too_many_trials_all_that_is_in_doubt_is_refused() -> None:
    judge = Judge(lambda names: bool(names - {"r0", "r1"}))

    found = await isolation.find(a_table(*NAMES), judge, most=10)

    assert {a_route("r0"), a_route("r1")}.isdisjoint(found)
    assert len(found) == len(NAMES) - 2
    assert judge.trials < 25


async def test_a_route_whose_match_is_refused_is_left_out() -> None:
    async def judge(table: RouteTable) -> str:
        return "bad" if any(each.name == "r1" for each in table.routes()) else ""

    table = a_table("r0", "r1", "r2")
    found = await isolation.find(table, judge)

    assert found == {a_route("r1"): Refused("bad", is_closed=False)}
    assert isolation.without(table, found) == a_table("r0", "r2")


def test_a_closed_route_keeps_its_match_and_says_why() -> None:
    table = a_table("r0", "r1")
    refused: dict[Part, Refused] = {a_route("r1"): Refused("bad words", is_closed=True)}

    first, second = isolation.without(table, refused).routes()

    assert first == a_route("r0")
    assert (second.match, second.refusal) == (a_route("r1").match, "bad words")
    assert isolation.refusals(table, refused).routes == {"r1": "bad words"}


def test_a_server_name_without_its_certificate_is_not_served() -> None:
    good, bad = Certificate("good", ""), Certificate("bad", "")
    host = VirtualHost("*", (a_route("r0"),))
    hosts = SecureHost("a.test", (good,), (host,)), SecureHost("b.test", (bad,), (host,))
    table = RouteTable((PortTable(443, secure=hosts), PortTable(444, secure=hosts[1:])))
    refused: dict[Part, Refused] = {bad: Refused("garbled")}

    kept = isolation.without(table, refused)

    assert kept == RouteTable((PortTable(443, secure=hosts[:1]),))
    found = isolation.refusals(table, refused).hosts
    assert found == {(443, "b.test"): "garbled", (444, "b.test"): "garbled"}
