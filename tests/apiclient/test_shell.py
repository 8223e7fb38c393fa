"""Commands in containers, through the client, against a real API."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from choreo_local.apiclient import shell
from choreo_local.apiclient.login import Access
from choreo_local.apiclient.shell import Wanted
from choreo_local.errors import BadRequestError, ChoreoError, ForbiddenError, UnreachableError
from tests.apiserver.harness import TOKEN, Api, serve, token_of
from tests.services import harness
from tests.services.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]

_COPY = (sys.executable, "-c", "import sys; sys.stdout.write(sys.stdin.read()); sys.exit(3)")
_SPEAK = (sys.executable, "-c", "import sys; print('out'); print('err', file=sys.stderr)")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api() -> AsyncIterator[Api]:
    async with harness.platform() as platform, serve(platform) as found:
        await platform.apply(*harness.demo("greeter"))
        await until(lambda: _state(found), lambda state: state == "ready", seconds=60)
        yield found


async def _state(api: Api) -> str:
    rows = (await api.client.board("default")).rows
    cells = rows[0].cells if rows else ()
    return next((cell.state for cell in cells if cell.environment == "development"), "")


def _access(api: Api, token: str = TOKEN) -> Access:
    return Access(api.url, token)


async def _output(session: shell.Session) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    async for channel, data in session.output():
        found[channel] = found.get(channel, b"") + data
    return found


async def test_input_goes_in_and_output_and_exit_code_come_back(api: Api) -> None:
    wanted = Wanted("default", "greeter", _COPY, stdin=True)
    given = b"x" * 200_000
    async with shell.opened(_access(api), wanted) as session:
        await session.write(given)
        await session.end_input()
        assert await _output(session) == {shell.STDOUT: given}
        assert session.exit_code == 3


async def test_errors_have_a_channel_of_their_own(api: Api) -> None:
    wanted = Wanted("default", "greeter", _SPEAK, environment="development", project="default")
    async with shell.opened(_access(api), wanted) as session:
        found = await _output(session)
    assert found == {shell.STDOUT: b"out\n", shell.STDERR: b"err\n"}
    assert session.exit_code == 0


async def test_a_terminal_is_told_its_size(api: Api) -> None:
    wanted = Wanted("default", "greeter", ("any",), stdin=True, tty=True)
    async with shell.opened(_access(api), wanted) as session:
        await session.resize(83, 21)
        text = b""
        async for _, data in session.output():
            text += data
            if b"83" in text and b"21" in text:
                break
    assert b"83" in text


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        (Wanted("default", "ghost", _SPEAK), BadRequestError),
        (Wanted("default", "a/../b", _SPEAK), ChoreoError),
        (Wanted("default", "greeter", _SPEAK, environment="nowhere"), BadRequestError),
        (Wanted("default", "greeter", _SPEAK, pod="ghost"), BadRequestError),
        (Wanted("default", "greeter", _SPEAK, project="other"), ForbiddenError),
    ],
)
async def test_what_cannot_be_run_is_refused_with_words(
    api: Api, wanted: Wanted, error: type[ChoreoError]
) -> None:
    with pytest.raises(error) as refused:
        async with shell.opened(_access(api), wanted):
            pass
    assert refused.value.message


async def test_a_denial_names_what_is_missing(api: Api) -> None:
    wanted = Wanted("default", "greeter", _SPEAK)
    with pytest.raises(ForbiddenError, match="missing component:exec on ns/default") as refused:
        async with shell.opened(_access(api, token_of("sres")), wanted):
            pass
    assert "choreo auth why-denied component:exec" in refused.value.remedy


async def test_nobody_there_is_said() -> None:
    with pytest.raises(UnreachableError, match="cannot reach the API"):
        async with shell.opened(Access("http://127.0.0.1:9", "x"), Wanted("a", "b", ("c",))):
            pass
