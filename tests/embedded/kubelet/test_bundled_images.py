"""The host images that we ship: greeter and web."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from choreo_local.embedded.kubelet import hostimages
from choreo_local.embedded.kubelet.hostimages import Catalogue
from tests.embedded.kubelet.processes import Bench, process_runtime, until

BUNDLED = Path(__file__).parents[3] / "bundles" / "images"
REAL_GREETER = "ghcr.io/openchoreo/samples/greeter-service:latest"


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with process_runtime(tmp_path, images=BUNDLED) as found:
        yield found


class Answer:
    """An HTTP answer."""

    def __init__(self, data: bytes) -> None:
        head, _, body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        self.status = int(first.split()[1])
        self.headers = dict(line.split(": ", 1) for line in lines)
        self.body = body.decode()


async def send(address: str, port: int, *requests: str) -> bytes:
    """Everything that is answered to requests on one connection."""
    reader, writer = await asyncio.open_connection(address, port)
    writer.write("".join(requests).encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def get(address: str, port: int, target: str, *, method: str = "GET") -> Answer:
    head = f"{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    return Answer(await send(address, port, head))


async def greeter(
    bench: Bench, *arguments: str, image: str = "choreo.local/greeter:v7", **fields: Any
) -> str:
    """Start a greeter; answers its address."""
    record, _ = await bench.start(*arguments, image=image, **fields)
    assert record.is_running
    return await bench.runtime.start_pod(bench.pod())


async def test_the_greeter_says_version_and_environment(bench: Bench) -> None:
    address = await greeter(bench, environment={"ENVIRONMENT": "staging"})
    answer = await get(address, 9090, "/greeter/greet?name=Ada+B%C3%BCrger")
    assert answer.body == "Hello, Ada Bürger! I am greeter v7 in staging.\n"
    assert answer.headers["X-Greeter-Version"] == "v7"
    assert answer.headers["X-Greeter-Environment"] == "staging"
    assert (await get(address, 9090, "/greet")).body.startswith("Hello, Stranger! ")
    about = json.loads((await get(address, 9090, "/")).body)
    assert about == {
        "service": "greeter",
        "version": "v7",
        "environment": "staging",
        "host": "pod-u1",
    }


@pytest.mark.parametrize(
    ("command", "arguments"),
    [(["./go-greeter"], ["--port", "9191"]), (["/app/go-greeter"], ["--port=9191"])],
)
async def test_the_stand_in_answers_as_the_real_greeter(
    bench: Bench, command: list[str], arguments: list[str]
) -> None:
    address = await greeter(bench, *arguments, image=REAL_GREETER, command=command)
    assert (await get(address, 9191, "/greeter/greet?name=Ada")).body == "Hello, Ada!\n"
    assert (await get(address, 9191, "/greeter/greet")).body == "Hello, Stranger!\n"
    missing = await get(address, 9191, "/other")
    assert (missing.status, missing.body) == (404, "404 page not found\n")
    pod = {"spec": {"containers": [{"image": REAL_GREETER}]}}
    assert "the real program is not run" in bench.runtime.remarks(pod)["choreo.local/StandIn"]


async def test_a_greeting_can_be_configured(bench: Bench) -> None:
    address = await greeter(bench, environment={"GREETING": "Ahoj", "VERSION": "next"})
    assert (await get(address, 9090, "/greet?name=Ada")).body == "Ahoj, Ada! I am greeter next.\n"


async def test_connections_are_kept(bench: Bench) -> None:
    address = await greeter(bench)
    keep = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    close = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert (await send(address, 9090, keep, keep, close)).count(b"HTTP/1.1 200 OK") == 3
    assert (await send(address, 9090, "GET / HTTP/1.0\r\n\r\n")).count(b"HTTP/1.1 200 OK") == 1


async def test_a_head_request_gets_no_body(bench: Bench) -> None:
    answer = await get(await greeter(bench), 9090, "/healthz", method="HEAD")
    assert (answer.status, answer.headers["Content-Length"], answer.body) == (200, "3", "")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ("nonsense\r\n\r\n", 400),
        ("GET / HTTP/2.0\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc", 405),
        ("POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", 413),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        ("GET / HTTP/1.1\r\nX: " + "x" * 70_000 + "\r\n\r\n", 413),
    ],
    ids=["words", "version", "method", "length", "large", "chunked", "header"],
)
async def test_what_is_not_served_is_refused(bench: Bench, request_: str, status: int) -> None:
    address = await greeter(bench)
    assert Answer(await send(address, 9090, request_)).status == status
    assert (await get(address, 9090, "/healthz")).status == 200


async def test_new_connections_are_served_while_a_greeter_goes_away(bench: Bench) -> None:
    record, output = await bench.start(image="choreo.local/greeter:v7")
    address = await bench.runtime.start_pod(bench.pod())
    stopping = asyncio.ensure_future(bench.runtime.stop_container(record.id, 10))
    await until(lambda: b"stopping" in output.stdout)
    assert (await get(address, 9090, "/healthz")).status == 200
    await stopping
    assert bench.record(record).exit_code == 0


async def test_the_page_shows_what_the_greeter_says(bench: Bench) -> None:
    address = await greeter(bench)
    variables = {"GREETER_URL": f"http://{address}:9090", "ENVIRONMENT": "production"}
    await bench.start(image="choreo.local/web:v2", uid="u2", environment=variables)
    web = await bench.runtime.start_pod(bench.pod("u2"))
    page = await get(web, 8080, "/?name=%3CAda%3E")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "Hello, &lt;Ada&gt;! I am greeter v7." in page.body
    assert "web v2 in production" in page.body
    answer = json.loads((await get(web, 8080, "/api/greeting?name=Ada")).body)
    assert answer == {
        "greeting": "Hello, Ada! I am greeter v7.",
        "status": 200,
        "greeter": f"http://{address}:9090",
    }


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        ({}, "GREETER_URL is not set"),
        ({"GREETER_URL": "http://127.0.0.1:9"}, "the greeter does not answer"),
        ({"GREETER_URL": "https://greeter"}, "only http:// is supported"),
    ],
)
async def test_the_page_says_why_there_is_no_greeting(
    bench: Bench, variables: dict[str, str], text: str
) -> None:
    await bench.start(image="choreo.local/web:v2", environment=variables)
    web = await bench.runtime.start_pod(bench.pod())
    page = await get(web, 8080, "/")
    assert page.status == 200
    assert text in page.body
    assert (await get(web, 8080, "/api/greeting")).status == 502
    assert (await get(web, 8080, "/healthz")).status == 200


def test_every_bundled_image_can_be_read() -> None:
    catalogue = Catalogue.of_folders([BUNDLED])
    assert {image.name for image in catalogue.images} >= {"greeter", "web"}
    for image in catalogue.images:
        assert image.entrypoint[0] in image.programs or image.missing
        assert all(program.path.exists() for program in image.programs.values())
        assert hostimages.load(image.folder).digest == image.digest
