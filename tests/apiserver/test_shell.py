"""Commands in containers, over the WebSocket of the API and the exec of a real kube API."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
import pytest_asyncio

from choreo_local.apiserver.audit import AuditLog
from tests.apiserver.harness import TOKEN, Api, serve, token_of
from tests.services import harness
from tests.services.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]

_PATH = "/exec/namespaces/default/components/greeter"
_FORBIDDEN = "you do not have permission to exec into this component\n"
# The program of the tests copies its input to its output, and ends with the code that it is given.
_COPY = (sys.executable, "-c", "import sys; sys.stdout.write(sys.stdin.read()); sys.exit(3)")


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of the audit log."""
    return tmp_path_factory.mktemp("audit") / "audit.jsonl"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(said: Path) -> AsyncIterator[Api]:
    log = AuditLog(said)
    async with harness.platform() as platform, serve(platform, audit=log) as found:
        await platform.apply(*harness.demo("greeter"))
        await until(lambda: _state(found), lambda state: state == "ready", seconds=60)
        yield found
    log.close()


async def _state(api: Api) -> str:
    rows = (await api.client.board("default")).rows
    cells = rows[0].cells if rows else ()
    return next((cell.state for cell in cells if cell.environment == "development"), "")


@asynccontextmanager
async def _open(
    api: Api, command: Sequence[str], **query: str
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    pairs = [*query.items(), *(("command", word) for word in command)]
    headers = {"Authorization": f"Bearer {TOKEN}"}
    url = f"{api.url}{_PATH}"
    async with api.session.ws_connect(url, params=pairs, headers=headers) as socket:
        yield socket


async def _output(socket: aiohttp.ClientWebSocketResponse) -> dict[int, bytes]:
    """Everything that comes until the socket is closed, by channel."""
    found: dict[int, bytes] = {}
    async for message in socket:
        assert message.type is aiohttp.WSMsgType.BINARY
        found[message.data[0]] = found.get(message.data[0], b"") + message.data[1:]
    return found


async def test_input_reaches_the_command_and_its_output_comes_back(api: Api) -> None:
    async with _open(api, _COPY, stdin="true") as socket:
        await socket.send_bytes(b"\x00hello, ")
        await socket.send_bytes(b"\x00shell")
        await socket.send_bytes(b"\x00")

        assert await _output(socket) == {1: b"hello, shell"}
        assert socket.close_code == 1000


async def test_errors_have_a_channel_of_their_own(api: Api) -> None:
    program = "import sys; print('out'); print('err', file=sys.stderr)"
    async with _open(api, (sys.executable, "-c", program)) as socket:
        assert await _output(socket) == {1: b"out\n", 2: b"err\n"}
        assert socket.close_code == 1000


async def test_much_output_arrives_whole(api: Api) -> None:
    program = "import sys; sys.stdout.write('x' * 3_000_000)"
    async with _open(api, (sys.executable, "-c", program)) as socket:
        assert await _output(socket) == {1: b"x" * 3_000_000}


async def test_a_terminal_has_the_size_of_the_callers(api: Api) -> None:
    async with _open(api, ("sh",), tty="true", stdin="true") as socket:
        await socket.send_bytes(b'\x03{"width":132,"height":43}')

        assert await _output(socket) == {1: b"132x43"}


@pytest.mark.parametrize("size", [b"", b"[]", b'{"width":0,"height":1}', b'{"width":"wide"}'])
async def test_a_size_that_is_none_ends_the_session(api: Api, size: bytes) -> None:
    async with _open(api, ("sh",), tty="true", stdin="true") as socket:
        await socket.send_bytes(b"\x03" + size)

        assert 2 in await _output(socket)
        assert socket.close_code == 1011


async def test_a_command_that_is_not_there_is_told_as_an_error(api: Api) -> None:
    async with _open(api, ("/no/such/program",)) as socket:
        assert b"No such file" in (await _output(socket))[2]
        assert socket.close_code == 1011


async def test_a_pod_and_its_container_can_be_named(api: Api) -> None:
    row = await api.client.details("default", "greeter", environment="development")
    pod = row.pods[0].name
    async with _open(
        api, ("echo", "here"), env="development", pod=pod, container="main", project="default"
    ) as socket:
        assert await _output(socket) == {1: b"here\n"}


async def _refused(
    api: Api, *, component: str = "greeter", token: str | None = TOKEN, **query: Any
) -> tuple[int, str]:
    """Status and text of what is answered instead of a socket."""
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        **({"Authorization": f"Bearer {token}"} if token else {}),
    }
    url = f"{api.url}/exec/namespaces/default/components/{component}"
    async with api.session.get(url, params=query, headers=headers) as response:
        return response.status, await response.text()


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ({"component": "ghost"}, "failed to resolve component: "),
        ({"env": "nowhere"}, 'environment "nowhere" not found'),
        ({"env": "production"}, "no pod of this component runs"),
        ({"pod": "another"}, 'pod "another" is none of this component'),
        ({"container": "another"}, 'has no container "another", only main'),
    ],
)
async def test_what_is_not_there_is_a_bad_request(
    api: Api, query: dict[str, str], text: str
) -> None:
    status, answer = await _refused(api, **query)

    assert status == 400
    assert text in answer


async def test_only_the_project_of_the_component_may_be_named(api: Api) -> None:
    assert await _refused(api, project="another") == (403, _FORBIDDEN)


@pytest.mark.parametrize("component", ["greeter", "ghost"])
async def test_who_may_not_learns_not_even_whether_it_exists(api: Api, component: str) -> None:
    stranger = token_of("nobodies")

    assert await _refused(api, component=component, token=stranger) == (403, _FORBIDDEN)
    assert await _refused(api, component=component, token=stranger, env="development") == (
        403,
        _FORBIDDEN,
    )


async def test_a_token_is_needed(api: Api) -> None:
    status, answer = await _refused(api, token=None)

    assert status == 401
    assert "MISSING_TOKEN" in answer


async def test_a_plain_request_is_told_what_is_missing(api: Api) -> None:
    status, answer, _ = await api.call("GET", _PATH)

    assert (status, answer) == (400, "Bad Request: a WebSocket is expected\n")


async def test_a_session_is_in_the_audit_log_while_it_goes_on(api: Api, said: Path) -> None:
    async with _open(api, _COPY, stdin="true"):
        line = orjson.loads(said.read_bytes().splitlines()[-1])

    assert (line["action"], line["result"]) == ("component:exec", "success")
    assert line["metadata"] == {
        "method": "CONNECT",
        "path": _PATH,
        "status": 101,
    }


async def test_a_refused_session_is_in_the_audit_log(api: Api, said: Path) -> None:
    await _refused(api, token=token_of("nobodies"))

    line = orjson.loads(said.read_bytes().splitlines()[-1])
    assert (line["action"], line["result"]) == ("component:exec", "denied")
