"""An informer follows a cluster through whatever happens to its streams."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest

from choreo_local.kubeclient.client import KubeClient
from choreo_local.kubeclient.interfaces import Manifest
from choreo_local.kubeclient.watcher import Informer
from tests.kubeclient.conftest import Served
from tests.kubeclient.faulty import (
    CONFIG_MAPS,
    SECONDS,
    Answer,
    Faulty,
    config_map,
    cut,
    event,
    failure,
    listed,
    reply,
    serving,
    stream,
)

Change = tuple[str | None, str | None]


def revision(obj: Manifest | None) -> str | None:
    """Name and revision of an object, for comparisons."""
    if obj is None:
        return None
    return f"{obj['metadata']['name']}:{obj['metadata']['resourceVersion']}"


class Recorder:
    """Remembers the changes it was told of; others wait for them."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self._changed = asyncio.Event()

    def __call__(self, old: Manifest | None, new: Manifest | None) -> None:
        self.changes.append((revision(old), revision(new)))
        self._changed.set()

    async def until(self, condition: Callable[[list[Change]], bool]) -> list[Change]:
        """The changes, as soon as they fulfil a condition."""
        async with asyncio.timeout(SECONDS):
            while not condition(self.changes):
                self._changed.clear()
                await self._changed.wait()
        return self.changes


@asynccontextmanager
async def following(
    client: KubeClient, **arguments: Any
) -> AsyncIterator[tuple[Informer, Recorder]]:
    """An informer at work, and what it told."""
    recorder = Recorder()
    informer = Informer(client, CONFIG_MAPS, on_change=recorder, **arguments)
    running = asyncio.create_task(informer.run())
    try:
        yield informer, recorder
        assert not running.done()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@asynccontextmanager
async def informed(*answers: Answer) -> AsyncIterator[tuple[Informer, Recorder, Faulty]]:
    """An informer of a server that gives these answers."""
    async with serving(*answers) as (client, server), following(client) as (informer, recorder):
        yield informer, recorder, server


A, B = config_map("a", 1), config_map("b", 2)
OPEN = stream(ends="never")


# --- on a real kube API -------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["unix", "tls", "local"])
async def test_it_knows_what_was_there_and_what_happens(served: Served, way: str) -> None:
    client = KubeClient(served.transport(way))
    manifest = {"metadata": {"name": "a", "namespace": "default"}}
    await client.create(CONFIG_MAPS, manifest)

    async with following(client, namespace="default", field_selector="metadata.name!=ca") as (
        informer,
        recorder,
    ):
        await asyncio.wait_for(informer.synced.wait(), SECONDS)
        known = informer.get("a", "default")
        assert known is not None
        assert known["kind"] == "ConfigMap"
        await client.patch(CONFIG_MAPS, "a", {"data": {"k": "v"}}, "default")
        await client.delete(CONFIG_MAPS, "a", "default")
        changes = await recorder.until(lambda found: len(found) == 3)

        assert [(old is None, new is None) for old, new in changes] == [
            (True, False),
            (False, False),
            (False, True),
        ]
        assert informer.get("a", "default") is None
    await client.close()


async def test_a_selection_is_all_that_it_sees(served: Served) -> None:
    client = KubeClient(served.transport("unix"))
    async with following(client, label_selector="app=x") as (informer, recorder):
        await asyncio.wait_for(informer.synced.wait(), SECONDS)
        for name, app in (("other", "y"), ("mine", "x")):
            metadata = {"name": name, "namespace": "default", "labels": {"app": app}}
            await client.create(CONFIG_MAPS, {"metadata": metadata})
        await recorder.until(bool)

        assert [obj["metadata"]["name"] for obj in informer.list()] == ["mine"]
        assert informer.list("elsewhere") == []
        assert len(list(informer.list("default"))) == 1
    await client.close()


# --- on a server with faults --------------------------------------------------------------------


async def test_who_comes_late_is_told_what_is_known() -> None:
    async with informed(reply(listed(A, B, revision=2)), OPEN) as (informer, _, _server):
        await asyncio.wait_for(informer.synced.wait(), SECONDS)
        late = Recorder()

        informer.add_callback(late)

        assert late.changes == [(None, "a:1"), (None, "b:2")]


async def test_a_stream_that_ends_is_resumed_where_it_ended() -> None:
    async with informed(
        reply(listed(A, revision=2)),
        stream(event("ADDED", config_map("b", 3))),
        stream(event("BOOKMARK", {"metadata": {"resourceVersion": "9"}})),
        OPEN,
    ) as (_, recorder, server):
        await server.was_asked(4)

        assert recorder.changes == [(None, "a:1"), (None, "b:3")]
        assert [query.get("resourceVersion") for query in server.queries] == [None, "2", "3", "9"]
        assert all(query["allowWatchBookmarks"] == "true" for query in server.queries[1:])


async def test_a_stream_that_breaks_is_resumed_where_it_broke() -> None:
    async with informed(
        reply(listed(revision=2)),
        stream(event("ADDED", config_map("b", 3)), b'{"type": "ADD', ends="breaks"),
        stream(event("MODIFIED", config_map("b", 4)), ends="never"),
    ) as (_, recorder, server):
        await recorder.until(lambda found: len(found) == 2)

        assert recorder.changes == [(None, "b:3"), ("b:3", "b:4")]
        assert server.queries[2]["resourceVersion"] == "3"


@pytest.mark.parametrize(
    "expired",
    [
        reply(failure(410, "Expired"), 410),
        stream(event("ERROR", failure(410, "Expired"))),
    ],
    ids=["status", "event"],
)
async def test_after_an_expired_revision_only_the_differences_are_told(expired: Answer) -> None:
    changed, new = config_map("b", 8), config_map("c", 7)
    async with informed(
        reply(listed(A, B, config_map("d", 1), revision=2)),
        expired,
        reply(listed(changed, new, config_map("d", 1), revision=9)),
        OPEN,
    ) as (informer, recorder, server):
        await server.was_asked(4)

        assert recorder.changes[3:] == [("a:1", None), ("b:2", "b:8"), (None, "c:7")]
        assert server.queries[3]["resourceVersion"] == "9"
        assert {obj["metadata"]["name"] for obj in informer.list()} == {"b", "c", "d"}


@pytest.mark.parametrize(
    "fault",
    [
        cut,
        reply(b"<html>", 502),
        reply(b"<html>"),
        reply(failure(429, "TooManyRequests"), 429),
        reply(failure(401, "Unauthorized"), 401),
    ],
    ids=["cut", "502", "html", "429", "401"],
)
async def test_a_list_that_fails_is_asked_for_again(
    fault: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    async with informed(fault, fault, reply(listed(A, revision=2)), OPEN) as (informer, _, server):
        await server.was_asked(4)

        assert informer.get("a", "default") == A
    warned = [entry for entry in caplog.records if "Watch failed" in entry.message]
    assert {entry.levelno for entry in warned} == {logging.WARNING}


@pytest.mark.parametrize("line", [b"garbage\n", b"[]\n", b'{"type":"ADDED","object":{}}\n'])
async def test_garbage_in_a_stream_does_not_end_it_for_good(line: bytes) -> None:
    async with informed(
        reply(listed(revision=2)),
        stream(line),
        stream(event("ADDED", config_map("b", 3)), ends="never"),
    ) as (_, recorder, _server):
        await recorder.until(bool)

        assert recorder.changes == [(None, "b:3")]


async def test_what_is_told_twice_is_passed_on_once() -> None:
    async with informed(
        reply(listed(A, revision=2)),
        stream(
            event("ADDED", A),
            event("DELETED", B),
            event("ADDED", config_map("c", 3)),
            ends="never",
        ),
    ) as (_, recorder, _server):
        await recorder.until(lambda found: len(found) == 2)

        assert recorder.changes == [(None, "a:1"), (None, "c:3")]


@pytest.mark.parametrize(
    ("fault", "requests"),
    [
        (cut, 8),  # the HTTP library tries each of them twice
        (stream(), 6),
        (reply(failure(410, "Expired"), 410), 10),
        (stream(b"garbage\n"), 5),
    ],
    ids=["cut", "ends", "expired", "garbage"],
)
async def test_a_server_that_goes_on_failing_is_asked_less_and_less(
    fault: Answer, requests: int
) -> None:
    async with informed(reply(listed(revision=2)), fault) as (_, _, server):
        await server.was_asked(requests)

        gaps = [later - earlier for earlier, later in pairwise(server.times)]
        pauses = [gap for gap in gaps if gap > 0.04]
        assert len(pauses) >= 3
        assert pauses[-1] > 2 * pauses[0]


async def test_after_something_useful_it_asks_again_at_once() -> None:
    useful = stream(event("BOOKMARK", {"metadata": {"resourceVersion": "3"}}))
    async with informed(reply(listed(revision=2)), *[useful] * 30, OPEN) as (_, _, server):
        await server.was_asked(32)

        assert server.times[-1] - server.times[0] < 1
