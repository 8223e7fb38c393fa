"""Logs, exec, attach and port-forward, over the protocols that kubectl speaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import orjson
import pytest

from choreo_local.embedded.kubeapi.app import KubeApiOptions
from choreo_local.embedded.kubeapi.messages import (
    MASTER,
    Answer,
    Request,
    Response,
    StreamingResponse,
    UpgradeResponse,
)
from choreo_local.embedded.kubeapi.pipes import Pipe
from tests.embedded.kubeapi.harness import Api
from tests.embedded.kubeapi.nodestub import NODE, NodeStub, SpdyCaller

POD = "/api/v1/namespaces/default/pods/p"
TUNNEL = "SPDY/3.1+portforward.k8s.io"


@pytest.fixture
def node() -> NodeStub:
    return NodeStub()


@pytest.fixture
async def api(node: NodeStub) -> Api:
    api = await Api.start(KubeApiOptions(connect=node.connect))
    await api.must(
        "POST",
        "/api/v1/namespaces/default/serviceaccounts",
        {"metadata": {"name": "default"}},
    )
    containers = [{"name": name, "image": "i"} for name in ("main", "stopped")]
    pod = {
        "metadata": {
            "name": "p",
            "annotations": {"kubectl.kubernetes.io/default-container": "main"},
        },
        "spec": {"nodeName": NODE, "containers": containers},
    }
    await api.must("POST", "/api/v1/namespaces/default/pods", pod)
    return api


async def ask(api: Api, method: str, path: str, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    path, _, query = path.partition("?")
    return await api.kube.handle(Request(method, path, query, named, b"", MASTER))


async def refusal(api: Api, path: str) -> tuple[int, str]:
    answer = await ask(api, "GET", path)
    assert isinstance(answer, Response)
    return answer.status, orjson.loads(answer.body)["message"]


async def upgrade(api: Api, path: str, protocol: str) -> AbstractAsyncContextManager[Pipe]:
    answer = await ask(
        api, "GET", f"{POD}/{path}", upgrade="websocket", sec_websocket_protocol=protocol
    )
    assert isinstance(answer, UpgradeResponse)
    assert answer.protocol == protocol
    return Pipe.open(answer.serve, answer.protocol)


async def read_channels(pipe: Pipe) -> dict[int, bytes]:
    channels: dict[int, bytes] = {}
    async for message in pipe.messages():
        channels[message[0]] = channels.get(message[0], b"") + message[1:]
    return channels


async def read_log(answer: Answer) -> bytes:
    assert isinstance(answer, StreamingResponse)
    return b"".join([chunk async for chunk in answer.chunks])


async def test_logs_are_streamed_with_their_options(api: Api, node: NodeStub) -> None:
    answer = await ask(api, "GET", f"{POD}/log?follow=true&tailLines=5&timestamps=true")

    assert await read_log(answer) == b"first line\nsecond line\n"
    assert (node.asked[0].follow, node.asked[0].tail_lines) == (True, 5)
    assert node.asked[0].timestamps


async def test_logs_end_at_the_limit(api: Api) -> None:
    assert await read_log(await ask(api, "GET", f"{POD}/log?limitBytes=7")) == b"first l"


async def test_refusals_of_the_node_reach_the_caller(api: Api) -> None:
    answer = await refusal(api, f"{POD}/log?previous=true")

    assert answer == (400, "previous terminated container not found")


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("container=none", "container none is not valid for pod p"),
        ("tailLines=-1", "must be greater than or equal to 0"),
        ("sinceSeconds=1&sinceTime=2020-01-01T00:00:00Z", "at most one of"),
    ],
)
async def test_wrong_log_options_are_refused(api: Api, query: str, words: str) -> None:
    status, message = await refusal(api, f"{POD}/log?{query}")

    assert status in (400, 422)
    assert words in message


async def test_exec_copies_streams_until_stdin_closes(api: Api) -> None:
    path = "exec?command=cat&stdin=true&stdout=true&stderr=true"

    async with await upgrade(api, path, "v5.channel.k8s.io") as pipe:
        await pipe.send(b"\x00hello ")
        await pipe.send(b"\x00world")
        await pipe.send(b"\xff\x00")
        channels = await read_channels(pipe)

    assert (channels[1], channels[2]) == (b"hello world", b"done")
    assert orjson.loads(channels[3])["status"] == "Success"


async def test_exec_tells_the_exit_code(api: Api) -> None:
    path = "exec?command=exit&command=7&stdout=true"

    async with await upgrade(api, path, "v4.channel.k8s.io") as pipe:
        status = orjson.loads((await read_channels(pipe))[3])

    assert status["reason"] == "NonZeroExitCode"
    assert status["details"]["causes"] == [{"reason": "ExitCode", "message": "7"}]


async def test_exec_tells_why_it_cannot(api: Api) -> None:
    path = "exec?command=cat&container=stopped&stdout=true"

    async with await upgrade(api, path, "v5.channel.k8s.io") as pipe:
        status = orjson.loads((await read_channels(pipe))[3])

    assert (status["code"], status["message"]) == (400, "container stopped is not running")


async def test_terminal_sizes_reach_the_node(api: Api, node: NodeStub) -> None:
    path = "exec?command=size&stdin=true&stdout=true&tty=true"

    async with await upgrade(api, path, "v5.channel.k8s.io") as pipe:
        await pipe.send(b'\x04{"Width":80,"Height":24}')
        await read_channels(pipe)

    assert node.sizes == [(80, 24)]


async def test_attach_sees_the_output(api: Api) -> None:
    async with await upgrade(api, "attach?stdout=true", "v5.channel.k8s.io") as pipe:
        assert (await read_channels(pipe))[1] == b"attached"


async def test_exec_over_spdy(api: Api) -> None:
    answer = await ask(
        api,
        "POST",
        f"{POD}/exec?command=cat&stdin=true&stdout=true&stderr=true",
        upgrade="SPDY/3.1",
        x_stream_protocol_version="v4.channel.k8s.io",
    )
    assert isinstance(answer, UpgradeResponse)
    caller = SpdyCaller()
    numbers = {}
    async with Pipe.open(answer.serve, answer.protocol) as pipe:
        for kind in ("error", "stdin", "stdout", "stderr"):
            numbers[kind], frame = caller.open(streamtype=kind)
            await pipe.send(frame)
        await pipe.send(caller.data(numbers["stdin"], b"over spdy", last=True))
        async with asyncio.timeout(30):
            async for message in pipe.messages():
                caller.take(message)
                if numbers["error"] in caller.ended:
                    break

    assert caller.received[numbers["stdout"]] == b"over spdy"
    assert caller.received[numbers["stderr"]] == b"done"
    assert orjson.loads(caller.received[numbers["error"]])["status"] == "Success"


@asynccontextmanager
async def echo_server() -> AsyncIterator[int]:
    """Answers what it gets, in upper case."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            writer.write(data.upper())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def forward(api: Api, content: bytes) -> tuple[bytes, bytes]:
    """Send content through one forwarded connection; its data and its error."""
    caller = SpdyCaller()
    async with await upgrade(api, "portforward", TUNNEL) as pipe:
        error, frame = caller.open(streamtype="error", port="80", requestid="0")
        await pipe.send(frame)
        data, frame = caller.open(streamtype="data", port="80", requestid="0")
        await pipe.send(frame)
        await pipe.send(caller.data(data, content, last=True))
        async with asyncio.timeout(30):
            async for message in pipe.messages():
                caller.take(message)
                if {error, data} <= caller.ended:
                    break
    return caller.received[data], caller.received[error]


async def test_ports_are_forwarded_through_a_tunnel(api: Api, node: NodeStub) -> None:
    async with echo_server() as node.port:
        assert await forward(api, b"ping") == (b"PING", b"")


async def test_a_port_that_nobody_serves_is_told(api: Api) -> None:
    data, error = await forward(api, b"ping")

    assert (data, error) == (b"", b"error forwarding port 80 to the pod: nothing listens")


async def test_ports_are_forwarded_over_channels(api: Api, node: NodeStub) -> None:
    async with (
        echo_server() as node.port,
        await upgrade(api, "portforward?ports=80", "v4.channel.k8s.io") as pipe,
    ):
        await pipe.send(b"\x00ping")
        received = []
        async with asyncio.timeout(30):
            async for message in pipe.messages():
                received.append(message)
                if message == b"\x00PING":
                    break

    assert received[:2] == [b"\x00\x50\x00", b"\x01\x50\x00"]


async def test_channels_end_with_the_connection_to_the_pod(api: Api, node: NodeStub) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read(100))
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        node.port = server.sockets[0].getsockname()[1]
        async with (
            asyncio.timeout(15),
            await upgrade(api, "portforward?ports=80", "v4.channel.k8s.io") as pipe,
        ):
            await pipe.send(b"\x00ping")
            received = [message async for message in pipe.messages()]

    assert received[2:] == [b"\x00ping"]


async def test_a_plain_request_cannot_become_a_session(api: Api) -> None:
    for path in ("exec?command=cat&stdout=true", "attach?stdout=true", "portforward"):
        assert (await refusal(api, f"{POD}/{path}"))[0] == 400
