"""Watch streams: what arrives, in which order, and how they end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from choreo_local.embedded.kubeapi import watching
from choreo_local.embedded.kubeapi.app import KubeApi
from choreo_local.embedded.kubeapi.messages import MASTER, Request, StreamingResponse
from choreo_local.embedded.kubeapi.server import Server
from choreo_local.embedded.storage.eventlog import Retention
from choreo_local.embedded.storage.store import MemoryBackend, Store
from tests.embedded.kubeapi.harness import CONFIG_MAPS, Api, config_map


@pytest.fixture
async def api() -> Api:
    return await Api.start()


async def events(api: Api, query: str) -> AsyncIterator[dict[str, Any]]:
    request = Request("GET", CONFIG_MAPS, f"watch=true&{query}", user=MASTER)
    answer = await api.kube.handle(request)
    assert isinstance(answer, StreamingResponse)
    rest = b""
    async for chunk in answer.chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield orjson.loads(line)


async def take(api: Api, query: str, count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(30):
        async for event in events(api, query):
            found.append(event)
            if len(found) == count:
                break
    return found


async def test_changes_arrive_as_they_happen(api: Api) -> None:
    watch = asyncio.ensure_future(take(api, "", 3))
    await asyncio.sleep(0)
    created = await api.must("POST", CONFIG_MAPS, config_map())
    await api.must("PUT", f"{CONFIG_MAPS}/a", {**created, "data": {}})
    await api.must("DELETE", f"{CONFIG_MAPS}/a")

    found = await watch

    assert [event["type"] for event in found] == ["ADDED", "MODIFIED", "DELETED"]
    revisions = [int(event["object"]["metadata"]["resourceVersion"]) for event in found]
    assert revisions == sorted(set(revisions))


async def test_a_watch_resumes_after_a_revision(api: Api) -> None:
    first = await api.must("POST", CONFIG_MAPS, config_map("a"))
    await api.must("POST", CONFIG_MAPS, config_map("b"))

    revision = first["metadata"]["resourceVersion"]
    found = await take(api, f"resourceVersion={revision}", 1)

    assert found[0]["object"]["metadata"]["name"] == "b"


async def test_a_revision_that_is_too_old_ends_in_an_error(api: Api) -> None:
    await api.must("POST", CONFIG_MAPS, config_map("a"))
    api.kube.core.store.log("configmaps").compact(api.kube.core.store.revision)

    found = [event async for event in events(api, "resourceVersion=2")]

    assert [event["type"] for event in found] == ["ERROR"]
    assert (found[0]["object"]["code"], found[0]["object"]["reason"]) == (410, "Expired")


async def test_initial_events_end_with_a_marked_bookmark(api: Api) -> None:
    await api.must("POST", CONFIG_MAPS, config_map("a"))

    query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    found = await take(api, query, 2)

    assert [event["type"] for event in found] == ["ADDED", "BOOKMARK"]
    annotations = found[1]["object"]["metadata"]["annotations"]
    assert annotations == {"k8s.io/initial-events-end": "true"}


async def test_an_idle_watch_gets_bookmarks(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "_BOOKMARK_SECONDS", 0.02)
    revision = api.kube.core.store.revision

    found = await take(api, f"resourceVersion={revision}&allowWatchBookmarks=true", 2)

    assert [event["type"] for event in found] == ["BOOKMARK", "BOOKMARK"]


async def test_a_watch_ends_when_its_time_is_up(api: Api) -> None:
    async with asyncio.timeout(1.9):
        assert [event async for event in events(api, "timeoutSeconds=1")] == []


async def test_a_watcher_that_does_not_read_is_cut_off() -> None:
    store = Store(MemoryBackend(), retention=Retention(size=20_000))
    kube = KubeApi(store)
    await kube.start()
    api = Api(kube)
    stream = events(api, "resourceVersion=1")
    async with aclosing(stream):  # type: ignore[type-var]  # an async generator has aclose
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        await api.must("POST", CONFIG_MAPS, config_map("first"))
        await waiting
        for number in range(100):
            await api.must("POST", CONFIG_MAPS, config_map(f"n{number}"))
        async with asyncio.timeout(30):
            rest = [event async for event in stream]

    assert len(rest) < 100
    assert not store.log("configmaps")._followers


async def test_what_exists_and_what_changes_meanwhile_arrive_once_each(api: Api) -> None:
    value = "x" * 10_000
    for number in range(20):
        body = {**config_map(f"n{number:02}"), "data": {"k": value}}
        await api.must("POST", CONFIG_MAPS, body)
    stream = events(api, "")
    async with aclosing(stream):  # type: ignore[type-var]  # an async generator has aclose
        first = await anext(stream)
        await api.must("POST", CONFIG_MAPS, config_map("z"))
        await api.must("DELETE", f"{CONFIG_MAPS}/n19")
        found = [first]
        async with asyncio.timeout(30):
            while found[-1]["type"] != "DELETED":
                found.append(await anext(stream))

    names = [event["object"]["metadata"]["name"] for event in found]
    assert names == [*(f"n{number:02}" for number in range(20)), "z", "n19"]
    assert {event["type"] for event in found[:-1]} == {"ADDED"}


async def test_a_watcher_that_leaves_is_forgotten(api: Api) -> None:
    request = Request("GET", CONFIG_MAPS, "watch=true", user=MASTER)
    answer = await api.kube.handle(request)
    assert isinstance(answer, StreamingResponse)
    await anext(answer.chunks)
    await answer.chunks.aclose()  # type: ignore[attr-defined]  # the server closes it so

    assert not api.kube.core.store.log("configmaps")._followers


@pytest.mark.parametrize("pause", [0, 3], ids=["at once", "with pauses"])
async def test_events_past_the_task_and_by_it_arrive_once_each_in_order(
    api: Api, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, pause: int
) -> None:
    """Bookmarks wake the task of the watch between events that need no task."""
    monkeypatch.setattr(watching, "_BOOKMARK_SECONDS", 0.01)
    server = Server(api.kube)
    socket = tmp_path / "kube.sock"
    await server.listen_unix(socket)
    found: list[dict[str, Any]] = []

    async def follow() -> None:
        async with (
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(socket))) as session,
            session.get(f"http://kube{CONFIG_MAPS}?watch=true&allowWatchBookmarks=true") as answer,
        ):
            async for line in answer.content:
                found.append(orjson.loads(line))
                if found[-1]["object"]["metadata"].get("name") == "z-last":
                    return

    following = asyncio.create_task(follow())
    names = [f"n{number:03}" for number in range(200)]
    for number, name in enumerate([*names, "z-last"]):
        await api.must("POST", CONFIG_MAPS, config_map(name))
        if pause and number % pause == 0:
            await asyncio.sleep(0.001)
    async with asyncio.timeout(60):
        await following
    await server.stop()

    events = [event for event in found if event["type"] != "BOOKMARK"]
    revisions = [int(event["object"]["metadata"]["resourceVersion"]) for event in found]
    assert [event["object"]["metadata"]["name"] for event in events] == [*names, "z-last"]
    assert revisions == sorted(revisions)
