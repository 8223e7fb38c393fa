"""What an agent makes of the frames of a gateway; upstream's gateways write the same ones."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from choreo_local.clusteragent import backends
from choreo_local.clusteragent.session import Session
from choreo_local.errors import UnreachableError
from choreo_local.kubeclient.transport import (
    AiohttpTransport,
    Query,
    Response,
    StreamedResponse,
    Transport,
    WebSocket,
)
from choreo_local.tunnel.flow import WINDOW_BYTES
from choreo_local.tunnel.messages import HTTP_STREAM
from tests.clustergateway.harness import until

Frame = dict[str, Any]


class Cluster:
    """A backend that echoes what it is asked, and runs a command that repeats its input."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Query, Mapping[str, str], bytes | None]] = []
        self.going = asyncio.Event()
        self.produced = 0
        self.closed = 0
        self.reads = True

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Query = (),
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout_seconds: float = 60,
    ) -> Response:
        del timeout_seconds
        self.asked.append((method, path, query, headers or {}, body))
        if path == "/slow":
            await self.going.wait()
        if path == "/broken":
            raise UnreachableError("nobody is at home")
        size = 40 << 20 if path == "/huge" else 2
        found = {"content-type": "text/plain", "content-length": "2", "etag": "x"}
        if path == "/latin":
            # As a client reads bytes that are no UTF-8.
            found["etag"] = "\udce9"
        return Response(200, b"x" * size, found)

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        *,
        query: Query = (),
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[StreamedResponse]:
        del method, path, query, headers
        try:
            yield _Endless(self)
        finally:
            self.closed += 1

    @asynccontextmanager
    async def websocket(
        self, path: str, *, query: Query = (), protocols: tuple[str, ...] = ()
    ) -> AsyncIterator[WebSocket]:
        self.asked.append(("WS", path, query, {"offered": ", ".join(protocols)}, None))
        yield _Echo() if self.reads else _Deaf(self)

    async def close(self) -> None:
        """Nothing to close."""


class _Endless:
    status = 200

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def chunks(self) -> AsyncIterator[bytes]:
        while True:
            self._cluster.produced += 64 << 10
            yield bytes(64 << 10)
            await asyncio.sleep(0)


class _Echo:
    protocol = "v5.channel.k8s.io"

    def __init__(self) -> None:
        self._messages: asyncio.Queue[bytes] = asyncio.Queue()

    async def send(self, data: bytes) -> None:
        self._messages.put_nowait(data)

    async def messages(self) -> AsyncIterator[bytes]:
        while True:
            message = await self._messages.get()
            if message == b"\xff\x00":
                yield b'\x03{"status":"Failure","message":"exit code 3"}'
                return
            yield b"\x01" + message[1:]


class _Deaf:
    """Takes what it is sent only when it is told to, and says nothing."""

    protocol = "v5.channel.k8s.io"

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def send(self, data: bytes) -> None:
        del data
        await self._cluster.going.wait()

    async def messages(self) -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""


class Gateway:
    """Talks to a session in raw frames."""

    def __init__(self, cluster: Transport) -> None:
        self.frames: list[Frame] = []
        self.session = Session(backends.of_kube_api(cluster), self._received)

    async def _received(self, frame: bytes) -> None:
        self.frames.append(json.loads(frame))

    async def sends(self, **frame: Any) -> None:
        await self.session.received(json.dumps(frame))

    async def about(self, request_id: str, count: int = 1) -> list[Frame]:
        """The first frames about a request, once they are there."""
        await until(lambda: len(self._of(request_id)) >= count, what=f"{count} of {request_id}")
        return self._of(request_id)

    def _of(self, request_id: str) -> list[Frame]:
        return [frame for frame in self.frames if frame["requestID"] == request_id]


def request(request_id: str, path: str, **more: Any) -> Frame:
    return {"requestID": request_id, "target": "k8s", "method": "GET", "path": path, **more}


async def test_a_request_is_made_as_the_agent() -> None:
    cluster = Cluster()
    gateway = Gateway(cluster)
    headers = {
        "Accept": ["application/json"],
        "Authorization": ["Bearer stolen"],
        "Impersonate-User": ["admin"],
        "impersonate-group": ["system:masters"],
        "X-Remote-User": ["admin"],
        "Cookie": ["a=b"],
        "Host": ["gateway"],
        "Connection": ["close"],
        "Authorization:": ["Bearer stolen"],
        "Impersonate-User ": ["admin"],
        "X-Other: 1\r\nImpersonate-User": ["admin"],
        "": ["nameless"],
    }
    body = base64.b64encode(b"{}").decode()
    await gateway.sends(**request("r", "/api", query="a=1&a=2&b=", headers=headers, body=body))
    (answer,) = await gateway.about("r")

    assert cluster.asked == [
        ("GET", "/api", [("a", "1"), ("a", "2"), ("b", "")], {"Accept": "application/json"}, b"{}")
    ]
    assert answer == {
        "requestID": "r",
        "statusCode": 200,
        "headers": {"Content-Type": ["text/plain"], "Etag": ["x"]},
        "body": base64.b64encode(b"xx").decode(),
    }


async def test_failures_are_told_with_their_reason() -> None:
    gateway = Gateway(Cluster())
    await gateway.sends(**request("a", "/broken"))
    await gateway.sends(**{**request("b", "/api"), "target": "monitoring"})
    await gateway.sends(**request("c", "/huge"))
    (broken,), (strange,), (huge,) = [await gateway.about(name) for name in "abc"]

    assert (broken["statusCode"], broken["error"]["message"]) == (502, "nobody is at home")
    assert strange["statusCode"] == 404
    assert (huge["statusCode"], huge["error"]["message"]) == (
        502,
        "the answer is too large for the tunnel",
    )


async def test_an_answer_that_cannot_be_written_is_a_failure_too() -> None:
    gateway = Gateway(Cluster())
    await gateway.sends(**request("r", "/latin"))
    (answer,) = await gateway.about("r")

    assert answer["statusCode"] == 502
    assert "cannot be sent" in answer["error"]["message"]


async def test_a_path_cannot_name_another_host() -> None:
    transport = AiohttpTransport("https://kube:6443", token="secret")
    gateway = Gateway(transport)
    await gateway.sends(**request("r", "@elsewhere/"))
    await gateway.sends(**request("s", "@elsewhere/"), isUpgrade=True, upgradeProto=HTTP_STREAM)
    (answer,), (closed,) = await gateway.about("r"), await gateway.about("s")

    assert answer["statusCode"] == 502
    assert "does not begin with a slash" in answer["error"]["message"]
    assert b"does not begin with a slash" in base64.b64decode(closed["data"])
    await transport.close()


async def test_what_arrives_after_the_connection_broke_is_left_aside() -> None:
    async def broken(_: bytes) -> None:
        raise ConnectionError("it is over")

    session = Session(backends.of_kube_api(Cluster()), broken)
    init = {**request("e", "/exec"), "isUpgrade": True, "upgradeProto": "SPDY/3.1"}
    await session.received(json.dumps(init))
    await until(lambda: session.under_way == 0, what="the stream has ended")
    await session.received(b'{"requestID":"e","data":"AGE="}')


async def test_requests_do_not_wait_for_each_other_and_have_a_limit() -> None:
    cluster = Cluster()
    gateway = Gateway(cluster)
    for number in range(256):
        await gateway.sends(**request(f"slow-{number}", "/slow"))
    await gateway.sends(**request("one too many", "/api"))
    (refused,) = await gateway.about("one too many")
    assert refused["statusCode"] == 503
    assert gateway.session.under_way == 256

    cluster.going.set()
    await gateway.about("slow-255")
    await until(lambda: gateway.session.under_way == 0, what="all are answered")
    await gateway.sends(**request("next", "/api"))
    assert (await gateway.about("next"))[0]["statusCode"] == 200
    await gateway.session.stop()


async def test_a_command_as_upstream_asks_for_it() -> None:
    cluster = Cluster()
    gateway = Gateway(cluster)
    path = "/api/v1/namespaces/default/pods/p/exec"
    await gateway.sends(
        **{**request("e", path, query="stdout=true&stdin=true"), "method": "POST"},
        isUpgrade=True,
        upgradeProto="SPDY/3.1",
    )
    for typed in (b"\x00hello", b"\x00"):
        await gateway.sends(requestID="e", data=base64.b64encode(typed).decode())
    frames = await gateway.about("e", 3)

    assert [base64.b64decode(frame["data"]) for frame in frames] == [
        b"\x01",
        b"\x01hello",
        b"exit code 3",
    ]
    assert frames[-1]["isClose"] is True
    assert cluster.asked[0][2] == [("stdout", "true"), ("stdin", "true"), ("command", "/bin/sh")]
    await until(lambda: gateway.session.under_way == 0, what="nothing is left")


async def test_a_command_that_does_not_read_ends_with_a_reason() -> None:
    cluster = Cluster()
    cluster.reads = False
    gateway = Gateway(cluster)
    init = {**request("e", "/api/v1/namespaces/default/pods/p/exec"), "method": "POST"}
    await gateway.sends(**init, isUpgrade=True, upgradeProto="SPDY/3.1")
    piece = base64.b64encode(bytes(1 << 20)).decode()
    for _ in range(17):
        await gateway.sends(requestID="e", data=piece)
    cluster.going.set()
    last = (await gateway.about("e", 2))[-1]

    assert last["isClose"] is True
    assert b"faster than they are read" in base64.b64decode(last["data"])


async def test_wire_logs_are_refused() -> None:
    gateway = Gateway(Cluster())
    init = {**request("w", "/wirelogs"), "target": "hubble"}
    await gateway.sends(**init, isUpgrade=True, upgradeProto="hubble/v1")
    (frame,) = await gateway.about("w")
    assert frame["isClose"] is True
    assert b"no wire logs" in base64.b64decode(frame["data"])


async def test_a_slow_reader_holds_the_cluster_back_and_a_gone_one_ends_it() -> None:
    cluster = Cluster()
    gateway = Gateway(cluster)
    await gateway.sends(**request("s", "/log"), isUpgrade=True, upgradeProto="choreo.http/v1")
    await until(lambda: cluster.produced >= WINDOW_BYTES, what="the window is full")
    for _ in range(100):
        await asyncio.sleep(0)
    held = cluster.produced
    assert held <= WINDOW_BYTES + (128 << 10)

    credit = base64.b64encode(str(WINDOW_BYTES).encode()).decode()
    await gateway.sends(requestID="s", data=credit, streamId="credit")
    await until(lambda: cluster.produced > held, what="more came with the credit")

    await gateway.sends(requestID="s", data=None, isClose=True)
    await until(lambda: cluster.closed == 1, what="the stream of the cluster is closed")
    assert gateway.session.under_way == 0


async def test_what_is_no_frame_is_left_aside() -> None:
    gateway = Gateway(Cluster())
    for text in ("", "[]", '{"data":"AA=="}', '{"requestID":"x","data":"AA=="}', "\x00"):
        await gateway.session.received(text)
    assert gateway.frames == []
