"""HTTP through the API to pods and services."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
import pytest

from choreo_local.embedded.kubeapi.app import KubeApiOptions
from choreo_local.embedded.kubeapi.messages import (
    MASTER,
    Answer,
    Request,
    Response,
    StreamingResponse,
)
from tests.embedded.kubeapi.harness import Api
from tests.embedded.kubeapi.nodestub import NODE, NodeStub

CORE = "/api/v1/namespaces/default"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
PLAIN = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Mine: yes\r\nContent-Length: 5\r\n\r\nhello"
)
CHUNKED = (
    b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
)


@pytest.fixture
def node() -> NodeStub:
    return NodeStub()


@pytest.fixture
async def api(node: NodeStub) -> Api:
    api = await Api.start(KubeApiOptions(connect=node.connect))
    account = {"metadata": {"name": "default"}}
    await api.must("POST", f"{CORE}/serviceaccounts", account)
    container = {"name": "c", "image": "i", "ports": [{"name": "web", "containerPort": 8080}]}
    pod = {"metadata": {"name": "p"}, "spec": {"nodeName": NODE, "containers": [container]}}
    await api.must("POST", f"{CORE}/pods", pod)
    return api


async def give_address(api: Api) -> None:
    status = {"status": {"podIP": "127.0.0.9", "podIPs": [{"ip": "127.0.0.9"}]}}
    await api.must(
        "PATCH", f"{CORE}/pods/p/status", status, content_type="application/merge-patch+json"
    )


@asynccontextmanager
async def server(answer: bytes) -> AsyncIterator[tuple[int, list[bytes]]]:
    """Answers everything the same way, and keeps the heads of the requests."""
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listener:
        yield listener.sockets[0].getsockname()[1], seen


async def get(api: Api, path: str, **headers: str) -> Answer:
    path, _, query = path.partition("?")
    return await api.kube.handle(Request("GET", path, query, headers, b"", MASTER))


async def body(answer: Answer) -> bytes:
    assert isinstance(answer, StreamingResponse)
    return b"".join([chunk async for chunk in answer.chunks])


async def message(answer: Answer) -> tuple[int, str]:
    assert isinstance(answer, Response)
    return answer.status, orjson.loads(answer.body)["message"]


async def test_requests_reach_a_pod_without_our_credentials(api: Api, node: NodeStub) -> None:
    await give_address(api)
    async with server(PLAIN) as (node.port, seen):
        answer = await get(
            api, f"{CORE}/pods/p:web/proxy/a%20b?c=d", authorization="Bearer t", x="y"
        )
        assert await body(answer) == b"hello"

    assert isinstance(answer, StreamingResponse)
    assert (answer.status, answer.content_type) == (200, "text/plain")
    assert ("x-mine", "yes") in answer.headers
    head = seen[0].decode()
    assert head.startswith("GET /a%20b?c=d HTTP/1.1\r\nHost: 127.0.0.9:8080\r\n")
    assert "x: y" in head
    assert "Bearer" not in head


async def test_chunks_are_taken_apart(api: Api, node: NodeStub) -> None:
    await give_address(api)
    async with server(CHUNKED) as (node.port, _):
        answer = await get(api, f"{CORE}/pods/p/proxy/")
        assert await body(answer) == b"abcde"

    assert isinstance(answer, StreamingResponse)
    assert answer.status == 202


async def test_a_service_leads_to_a_ready_pod(api: Api, node: NodeStub) -> None:
    await give_address(api)
    ports = [{"name": "web", "port": 80, "targetPort": "web"}]
    service = {"metadata": {"name": "s"}, "spec": {"selector": {"a": "b"}, "ports": ports}}
    await api.must("POST", f"{CORE}/services", service)
    refused = await get(api, f"{CORE}/services/s:80/proxy/")
    assert await message(refused) == (503, 'no endpoints available for service "s:80"')
    target = {"kind": "Pod", "name": "p", "namespace": "default"}
    slice_ = {
        "metadata": {"name": "s-1", "labels": {"kubernetes.io/service-name": "s"}},
        "addressType": "IPv4",
        "ports": [{"name": "web", "port": 8080}],
        "endpoints": [{"addresses": ["10.0.0.1"], "targetRef": target}],
    }
    await api.must("POST", SLICES, slice_)

    async with server(PLAIN) as (node.port, _):
        for name in ("s", "s:80", "s:web", "http:s:80"):
            assert await body(await get(api, f"{CORE}/services/{name}/proxy/")) == b"hello"


async def test_what_cannot_be_reached_is_told(api: Api, node: NodeStub) -> None:
    assert await message(await get(api, f"{CORE}/pods/p/proxy/")) == (400, "address not allowed")
    await give_address(api)
    status, text = await message(await get(api, f"{CORE}/pods/p/proxy/"))
    assert (status, text) == (503, "error trying to reach service: nothing listens")
    async with server(b"nonsense\r\n\r\n") as (node.port, _):
        assert (await message(await get(api, f"{CORE}/pods/p/proxy/")))[0] == 503


async def test_the_root_of_a_proxy_ends_with_a_slash(api: Api) -> None:
    answer = await get(api, f"{CORE}/pods/p/proxy?a=b")

    assert isinstance(answer, Response)
    assert answer.status == 301
    assert answer.headers == [("Location", f"{CORE}/pods/p/proxy/?a=b")]
