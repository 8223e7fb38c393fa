"""Session persistence at a live Envoy: clients stay with the instance that answered them first."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from http.cookies import Morsel, SimpleCookie
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from choreo_local.embedded.network import routes, xds_sessions
from choreo_local.embedded.network.table import (
    Backend,
    BackendKey,
    Endpoint,
    Joined,
    RouteTable,
)
from tests.embedded.network.gatewayobjects import backend, prefix, route, rule, service, world
from tests.embedded.network.livegateway import LiveGateway, live_gateway
from tests.embedded.network.livenetwork import until
from tests.embedded.network.test_datapaths import HOST

NAME = "stay"


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[LiveGateway]:
    async with live_gateway(tmp_path) as made:
        yield made


def a_table(*rules: dict[str, Any]) -> RouteTable:
    obj = route(*rules, hostnames=(HOST,))
    return routes.build(world(obj, services=[service(), service("other")])).table


def sticky(**fields: Any) -> dict[str, Any]:
    return {"sessionPersistence": {"sessionName": NAME, **fields}}


async def serve(live: LiveGateway, table: RouteTable, **ports: list[int]) -> None:
    """Each Service has instances on these ports."""
    endpoints = {
        each: tuple(sorted(Endpoint("127.0.0.1", port) for port in ports[each.key.service]))
        for each in table.backends()
    }
    await live.path.apply(table, endpoints)


async def asked(
    live: LiveGateway, path: str = "/", headers: dict[str, str] | None = None
) -> tuple[str, dict[str, Morsel[str]], dict[str, str]]:
    """Who answered, and the cookies and headers that came with the answer."""
    # A session keeps cookies by itself, which is what is to be tested.
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        sent = {"Host": HOST, **(headers or {})}
        async with session.get(live.client.url(path), headers=sent) as response:
            assert response.status == 200
            jar: SimpleCookie = SimpleCookie()
            for each in response.headers.getall("Set-Cookie", ()):
                jar.load(each)
            body = await response.json()
            return body["upstream"], dict(jar), dict(response.headers)


def coming_back(cookie: Morsel[str]) -> dict[str, str]:
    return {"Cookie": f'{NAME}="{cookie.value}"'}


async def test_a_cookie_brings_a_client_back_to_its_instance(live: LiveGateway) -> None:
    both = [live.upstream.port, live.other.port]
    await serve(live, a_table(rule(prefix("/shop/"), **sticky())), greeter=both)

    strangers = [await asked(live, "/shop/x") for _ in range(8)]

    assert {who for who, _, _ in strangers} == {"one", "two"}
    for who, cookies, _ in strangers[:3]:
        cookie = cookies[NAME]
        assert (cookie["path"], cookie["max-age"], bool(cookie["httponly"])) == ("/shop", "", True)
        again = [(await asked(live, "/shop/y", coming_back(cookie)))[0] for _ in range(6)]
        assert set(again) == {who}


async def test_a_permanent_cookie_has_an_age(live: LiveGateway) -> None:
    lasting = sticky(absoluteTimeout="1h30m", cookieConfig={"lifetimeType": "Permanent"})
    both = [live.upstream.port, live.other.port]
    await serve(live, a_table(rule(**lasting)), greeter=both)

    who, cookies, _ = await asked(live)

    assert (cookies[NAME]["max-age"], cookies[NAME]["path"]) == ("5400", "/")
    again = [(await asked(live, headers=coming_back(cookies[NAME])))[0] for _ in range(6)]
    assert set(again) == {who}


async def test_a_header_brings_a_client_back_to_its_instance(live: LiveGateway) -> None:
    both = [live.upstream.port, live.other.port]
    await serve(live, a_table(rule(**sticky(type="Header", sessionName="x-stay"))), greeter=both)

    for _ in range(3):
        who, cookies, headers = await asked(live)
        assert not cookies
        back = {"x-stay": headers["x-stay"]}
        again = [(await asked(live, headers=back))[0] for _ in range(6)]
        assert set(again) == {who}


async def test_routes_without_sessions_beside_are_as_before(live: LiveGateway) -> None:
    both = [live.upstream.port, live.other.port]
    table = a_table(rule(prefix("/stay"), **sticky()), rule(prefix("/go")))
    await serve(live, table, greeter=both)

    _, cookies, _ = await asked(live, "/stay")
    found = [await asked(live, "/go", coming_back(cookies[NAME])) for _ in range(8)]

    assert {who for who, _, _ in found} == {"one", "two"}
    assert not any(cookies for _, cookies, _ in found)


async def test_a_client_whose_instance_is_gone_gets_another(live: LiveGateway) -> None:
    table = a_table(rule(**sticky()))
    await serve(live, table, greeter=[live.upstream.port, live.other.port])
    who, cookies, _ = await asked(live)
    kept = live.other if who == "one" else live.upstream

    (used,) = table.backends()
    await live.path.update({used: (Endpoint("127.0.0.1", kept.port),)})

    async def moved() -> bool:
        found, fresh, _ = await asked(live, headers=coming_back(cookies[NAME]))
        return found == kept.name and NAME in fresh

    assert await until(moved)


async def test_a_session_cannot_be_led_to_the_instance_of_another_backend(
    live: LiveGateway,
) -> None:
    own = rule(prefix("/own"), **sticky())
    others = rule(prefix("/others"), backendRefs=[backend("other")], **sticky())
    table = a_table(own, others)
    await serve(live, table, greeter=[live.upstream.port], other=[live.other.port])

    who, cookies, _ = await asked(live, "/others")
    assert who == "two"

    found = [(await asked(live, "/own", coming_back(cookies[NAME])))[0] for _ in range(6)]
    assert set(found) == {"one"}


async def test_a_session_stays_with_its_share_of_a_split(live: LiveGateway) -> None:
    shares = [backend(weight=3), backend("other", weight=1), backend("gone", weight=0)]
    table = a_table(rule(backendRefs=shares, **sticky()))
    await serve(live, table, greeter=[live.upstream.port], other=[live.other.port])

    strangers = [await asked(live) for _ in range(80)]

    counted = Counter(who for who, _, _ in strangers)
    assert 45 <= counted["one"] <= 75
    for name in ("one", "two"):
        cookie = next(cookies[NAME] for who, cookies, _ in strangers if who == name)
        again = [(await asked(live, headers=coming_back(cookie)))[0] for _ in range(8)]
        assert set(again) == {name}


def test_weights_of_a_split_are_shared_among_the_instances_of_a_backend() -> None:
    first, second = (Backend(BackendKey("apps", name, 80)) for name in ("first", "second"))
    places = [Endpoint("127.0.0.1", port) for port in range(5)]
    joined = Joined(((first, 90), (second, 10)))

    found = xds_sessions.weights(joined, {first: tuple(places[:2]), second: tuple(places[2:])})

    assert [found[each] for each in places] == [270, 270, 20, 20, 20]
    huge = Joined(((first, 1_000_000), (second, 1)))
    many = {first: tuple(Endpoint("a", port) for port in range(997)),
            second: tuple(Endpoint("b", port) for port in range(991))}  # fmt: skip
    assert sum(xds_sessions.weights(huge, many).values()) < 1 << 32
    assert min(xds_sessions.weights(huge, many).values()) >= 1
