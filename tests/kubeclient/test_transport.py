"""Requests over TLS and unix sockets: who calls, what is trusted, what is said on failure."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest
from aiohttp import web

from choreo_local import errors
from choreo_local.kubeclient.access import ServerAccess
from choreo_local.kubeclient.client import KubeClient
from choreo_local.kubeclient.transport import AiohttpTransport
from tests.kubeclient.conftest import TOKEN, Served
from tests.kubeclient.faulty import Faulty, cut, reply, serving, stream

REVIEW = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


async def who(transport: AiohttpTransport) -> str:
    """As whom a transport comes."""
    client = KubeClient(transport)
    try:
        answer = await client.request_json("POST", REVIEW, body={})
        return str(answer["status"]["userInfo"]["username"])
    finally:
        await client.close()


async def test_a_client_certificate_names_the_caller(served: Served) -> None:
    assert await who(AiohttpTransport(served.url, ssl_context=served.trust("admin"))) == "admin"


async def test_a_token_names_the_caller_on_every_way(served: Served) -> None:
    over_tls = AiohttpTransport(served.url + "/", ssl_context=served.trust(), token=TOKEN)
    over_socket = AiohttpTransport("http://kube", unix_socket=served.socket, token=TOKEN)

    assert await who(over_tls) == "bob"
    assert await who(over_socket) == "bob"


async def test_a_server_of_another_authority_is_not_trusted(served: Served) -> None:
    transport = AiohttpTransport(served.url, ssl_context=ssl.create_default_context(), token=TOKEN)

    with pytest.raises(errors.UnreachableError) as caught:
        await who(transport)

    assert served.url in caught.value.message
    assert TOKEN not in caught.value.message


async def test_without_a_context_https_is_verified_all_the_same(served: Served) -> None:
    with pytest.raises(errors.UnreachableError, match="certificate verify failed"):
        await who(AiohttpTransport(served.url))


async def test_a_socket_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(errors.UnreachableError, match=r"nowhere\.sock"):
        await who(AiohttpTransport("http://kube", unix_socket=tmp_path / "nowhere.sock"))


async def test_a_server_that_does_not_answer_in_time_is_unreachable() -> None:
    async with serving(stream(ends="never")) as (client, server):
        with pytest.raises(errors.UnreachableError) as caught:
            await client.transport.request("GET", "/", timeout_seconds=0.05)

    assert caught.value.message.endswith(f"at {server.url}: TimeoutError")


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/api/v1/namespaces/default/pods/..", "/api/v1/namespaces/default/pods/.."),
        ("/api/./v1//pods", "/api/./v1//pods"),
        ("/api/v1/pods/a%2Fb", "/api/v1/pods/a%2Fb"),
        ("/api/v1/pods/a b\r\nHost: x#ü", "/api/v1/pods/a%20b%0D%0AHost:%20x%23%C3%BC"),
    ],
)
async def test_a_path_is_sent_as_it_stands(path: str, asked: str) -> None:
    async with serving(reply({})) as (client, server):
        await client.transport.request("GET", path, query=[("a", "1"), ("a", "ü &")])

    assert raw(server) == f"{asked}?a=1&a=%C3%BC+%26"


async def test_a_path_cannot_name_another_host() -> None:
    async with serving(reply({})) as (client, server):
        for path in ("@elsewhere/", ".elsewhere/", "", "api"):
            with pytest.raises(ValueError, match="does not begin with a slash"):
                await client.transport.request("GET", path)

    assert server.asked == []


async def test_nobody_is_sent_elsewhere() -> None:
    async with serving(reply({"secret": 1})) as (_, elsewhere):
        redirect = reply({}, 302, header=("Location", f"{elsewhere.url}/taken"))
        async with serving(redirect) as (client, server):
            response = await client.transport.request("GET", "/")
            async with client.transport.stream("GET", "/") as streamed:
                assert streamed.status == 302
            with pytest.raises(errors.ApiError, match="302"):
                await client.request_json("GET", "/")

    assert (response.status, response.headers["location"]) == (302, f"{elsewhere.url}/taken")
    assert (len(server.asked), elsewhere.asked) == (3, [])


async def test_only_the_server_is_shown_the_token() -> None:
    async with serving(reply({})) as (_, elsewhere):
        redirect = reply({}, 307, header=("Location", f"{elsewhere.url}/taken"))
        async with serving(redirect) as (_, server):
            base, session = ServerAccess(server.url, None, lambda: "secret").session()
            async with session, session.get(f"{base}/") as response:
                assert response.status == 200

    assert [one.headers.get("Authorization") for one in server.asked] == ["Bearer secret"]
    assert [one.headers.get("Authorization") for one in elsewhere.asked] == [None]


def raw(server: Faulty) -> str:
    """The request line's target, as it arrived."""
    return server.asked[0].raw_path


async def test_headers_of_answers_have_lower_case_names() -> None:
    async with serving(reply({}, header=("X-Thing", "1"))) as (client, _):
        response = await client.transport.request("GET", "/")

    assert response.headers["x-thing"] == "1"


async def test_a_stream_is_read_as_it_arrives() -> None:
    async with (
        serving(stream(b"first", ends="never")) as (client, _),
        client.transport.stream("GET", "/") as response,
    ):
        chunk = await asyncio.wait_for(anext(response.chunks()), 5)

    assert (response.status, chunk) == (200, b"first")


async def test_a_stream_that_nobody_serves_is_unreachable() -> None:
    async with serving(cut) as (client, _):
        with pytest.raises(errors.UnreachableError):
            async with client.transport.stream("GET", "/"):
                pass


async def echo(request: web.Request) -> web.StreamResponse:
    """A WebSocket that says back what it hears, as text and as bytes."""
    socket = web.WebSocketResponse(protocols=("second",))
    await socket.prepare(request)
    async for message in socket:
        await socket.send_bytes(message.data)
        await socket.send_str(message.data.decode())
        await socket.close()
    return socket


async def test_messages_go_both_ways() -> None:
    async with (
        serving(echo) as (client, _),
        client.transport.websocket("/", protocols=("first", "second")) as socket,
    ):
        await socket.send(b"hello")
        heard = [message async for message in socket.messages()]

    assert socket.protocol == "second"
    assert heard == [b"hello", b"hello"]


async def test_a_refused_websocket_is_unreachable() -> None:
    async with serving(reply({}, 403)) as (client, _):
        with pytest.raises(errors.UnreachableError):
            async with client.transport.websocket("/"):
                pass


async def test_a_transport_can_be_used_again_after_it_was_closed() -> None:
    async with serving(reply({})) as (client, server):
        await client.close()
        await client.close()
        await client.request_json("GET", "/")

    assert len(server.asked) == 1
