"""What the client makes of answers that a healthy server does not give."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local import errors
from choreo_local.kubeclient.client import KubeClient, decode
from choreo_local.kubeclient.interfaces import WatchEvent
from choreo_local.kubeclient.transport import Response
from tests.kubeclient.faulty import (
    CONFIG_MAPS,
    config_map,
    cut,
    event,
    failure,
    listed,
    reply,
    serving,
    stream,
)

A, B = config_map("a", 5), config_map("b", 6)


async def events(client: KubeClient) -> list[WatchEvent]:
    """All events of a watch, until its stream ends."""
    return [found async for found in client.watch(CONFIG_MAPS, resource_version="1")]


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [
        (401, "Unauthorized", errors.UnauthorizedError),
        (403, "Forbidden", errors.ForbiddenError),
        (409, "AlreadyExists", errors.AlreadyExistsError),
        (410, "Expired", errors.ExpiredError),
        (429, "TooManyRequests", errors.TooManyRequestsError),
        (503, "ServiceUnavailable", errors.ServiceUnavailableError),
        (418, "Teapot", errors.InternalError),
    ],
)
async def test_a_failure_is_raised_as_its_error(
    code: int, reason: str, expected: type[errors.ApiError]
) -> None:
    async with serving(reply(failure(code, reason, "why", retryAfterSeconds=3), code)) as (
        client,
        _,
    ):
        with pytest.raises(expected) as caught:
            await client.get(CONFIG_MAPS, "a", "default")

    assert (caught.value.message, caught.value.reason) == ("why", reason)
    assert caught.value.details == {"retryAfterSeconds": 3}


@pytest.mark.parametrize(
    "body",
    [
        b"<html>Bad Gateway</html>",
        b"",
        b"[1]",
        b'"text"',
        b"null",
        b'{"code": "many", "details": "none"}',
        b'{"code": 502, "details": {"causes": "none"}}',
        b"\xff\xfe",
    ],
)
async def test_a_failure_in_any_other_shape_is_still_one(body: bytes) -> None:
    async with serving(reply(body, 502)) as (client, _):
        with pytest.raises(errors.InternalError) as caught:
            await client.get(CONFIG_MAPS, "a", "default")

    assert caught.value.message


async def test_the_words_of_a_proxy_become_the_message() -> None:
    async with serving(reply(b"upstream connect error\n", 503)) as (client, _):
        with pytest.raises(errors.ServiceUnavailableError, match=r"^upstream connect error$"):
            await client.list(CONFIG_MAPS)


async def test_a_success_that_is_not_json_is_no_kubernetes_api() -> None:
    async with serving(reply(b"\x1b[31m<html>welcome</html>" * 50)) as (client, _):
        with pytest.raises(errors.UnreachableError) as caught:
            await client.get(CONFIG_MAPS, "a", "default")

    assert "no Kubernetes API" in caught.value.message
    assert len(caught.value.message) < 200
    assert "\x1b" not in caught.value.message


def test_an_empty_success_is_an_empty_object() -> None:
    assert decode(Response(200, b"")) == {}


async def test_no_answer_at_all_says_where_it_was_expected() -> None:
    async with serving(cut) as (client, server):
        with pytest.raises(errors.UnreachableError) as caught:
            await client.get(CONFIG_MAPS, "a", "default")

    assert server.url in caught.value.message


async def test_pages_whose_snapshot_has_gone_are_replaced_by_one_list() -> None:
    answers = (
        reply(listed(A, revision=7, go_on="token")),
        reply(failure(410, "Expired"), 410),
        reply(listed(A, B, revision=9)),
    )
    async with serving(*answers) as (client, server):
        found = await client.list(CONFIG_MAPS, label_selector="x=y")

    assert [item["metadata"]["name"] for item in found.items] == ["a", "b"]
    assert found.resource_version == "9"
    assert server.queries == [
        {"labelSelector": "x=y", "limit": "500"},
        {"labelSelector": "x=y", "limit": "500", "continue": "token"},
        {"labelSelector": "x=y"},
    ]


async def test_a_list_that_is_always_expired_says_so() -> None:
    async with serving(reply(failure(410, "Expired"), 410)) as (client, server):
        with pytest.raises(errors.ExpiredError):
            await client.list(CONFIG_MAPS)

    assert len(server.asked) == 2


async def test_a_list_without_items_is_empty() -> None:
    async with serving(reply({"items": None, "metadata": None})) as (client, _):
        found = await client.list(CONFIG_MAPS)

    assert (found.items, found.resource_version) == ([], "")


async def test_events_may_arrive_in_any_pieces() -> None:
    lines = event("ADDED", A) + b"\n" + event("MODIFIED", config_map("a", 6, text="ü\u2028"))
    pieces = [lines[at : at + 7] for at in range(0, len(lines), 7)]

    async with serving(stream(*pieces)) as (client, _):
        found = await events(client)

    assert [one.type for one in found] == ["ADDED", "MODIFIED"]
    assert found[1].object["data"] == {"text": "ü\u2028"}


async def test_half_a_line_at_the_end_is_no_event() -> None:
    async with serving(stream(event("ADDED", A), event("ADDED", B)[:-10])) as (client, _):
        found = await events(client)

    assert [one.object["metadata"]["name"] for one in found] == ["a"]


async def test_a_broken_stream_is_an_error_after_what_had_arrived() -> None:
    async with serving(stream(event("ADDED", A), ends="breaks")) as (client, _):
        found = client.watch(CONFIG_MAPS, resource_version="1")

        assert (await anext(found)).type == "ADDED"
        with pytest.raises(errors.UnreachableError):
            await anext(found)


async def test_an_expired_revision_is_told_by_status_or_by_event() -> None:
    gone = failure(410, "Expired", "too old")
    for answer in (reply(gone, 410), stream(event("ERROR", gone))):
        async with serving(answer) as (client, _):
            with pytest.raises(errors.ExpiredError, match="too old"):
                await events(client)


@pytest.mark.parametrize(
    "line",
    [
        b"nonsense\n",
        b"[]\n",
        b"null\n",
        b'{"type": "ADDED"}\n',
        b'{"type": "ADDED", "object": []}\n',
        b'{"type": "ADDED", "object": {"metadata": {}}}\n',
        b'{"object": {}}\n',
    ],
)
async def test_a_line_that_is_no_event_is_an_error(line: bytes) -> None:
    async with serving(stream(event("ADDED", A), line)) as (client, _):
        with pytest.raises(errors.UnreachableError, match="no Kubernetes API"):
            await events(client)


@pytest.mark.parametrize("status", [{}, [], "text", {"code": "x"}, None])
async def test_an_error_event_in_any_shape_is_an_error(status: Any) -> None:
    async with serving(stream(event("ERROR", status))) as (client, _):
        with pytest.raises(errors.ApiError):
            await events(client)
