"""A command in a container of a component, over the WebSocket of the API.

Messages are binary; their first byte says what follows: 0 input, 1 output, 2 errors, 3 a size of
our terminal. An empty piece of input means that there is no more.
"""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from choreo_local.apiclient import failures
from choreo_local.apiclient.login import Access
from choreo_local.errors import UnreachableError

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

STDIN, STDOUT, STDERR, RESIZE = 0, 1, 2, 3
_NORMAL = 1000
_EXIT = re.compile(r"exit code ([0-9]{1,9})")
_OPEN_SECONDS = 30.0
# The server refuses longer messages.
_LONGEST = 64 * 1024


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to run, and where.

    Attributes:
        command: the program and its arguments.
        environment: "" for the first of the pipeline.
        project: must be the component's, if given.
        pod: "" for one that is ready.
        container: "" for the first.
        stdin: whether it reads input.
        tty: whether it runs in a terminal.
    """

    namespace: str
    component: str
    command: Sequence[str]
    environment: str = ""
    project: str = ""
    pod: str = ""
    container: str = ""
    stdin: bool = False
    tty: bool = False

    @property
    def target(self) -> str:
        """Path and query."""
        namespace, component = (
            urllib.parse.quote(name, safe="") for name in (self.namespace, self.component)
        )
        texts = {
            "project": self.project,
            "env": self.environment,
            "pod": self.pod,
            "container": self.container,
            "stdin": "true" if self.stdin else "",
            "tty": "true" if self.tty else "",
        }
        query = [(name, text) for name, text in texts.items() if text]
        query += [("command", word) for word in self.command]
        path = f"/exec/namespaces/{namespace}/components/{component}"
        return f"{path}?{urllib.parse.urlencode(query)}"


class Session:
    """A running command."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self.exit_code = 1

    async def write(self, data: bytes) -> None:
        """Give it input."""
        for start in range(0, len(data), _LONGEST):
            await self._socket.send(bytes([STDIN]) + data[start : start + _LONGEST])

    async def end_input(self) -> None:
        """There is no more input."""
        await self._socket.send(bytes([STDIN]))

    async def resize(self, columns: int, rows: int) -> None:
        """Our terminal has another size."""
        size = orjson.dumps({"width": columns, "height": rows})
        await self._socket.send(bytes([RESIZE]) + size)

    async def output(self) -> AsyncIterator[tuple[int, bytes]]:
        """Channel and data of what it writes; afterwards `exit_code` is known.

        UnreachableError when the connection breaks.
        """
        from websockets.exceptions import ConnectionClosed

        while True:
            try:
                message = await self._socket.recv()
            except ConnectionClosed as closed:
                self._end(closed)
                return
            data = message.encode() if isinstance(message, str) else message
            if data:
                yield data[0], data[1:]

    def _end(self, closed: Exception) -> None:
        if self._socket.close_code is None:
            raise UnreachableError(f"the connection to the container broke: {closed}")
        if self._socket.close_code == _NORMAL:
            found = _EXIT.fullmatch(self._socket.close_reason or "")
            self.exit_code = int(found[1]) if found else 0


@asynccontextmanager
async def opened(access: Access, wanted: Wanted) -> AsyncIterator[Session]:
    """Run a command; refusals of the API are raised as the errors that they stand for."""
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidStatus, WebSocketException

    url = access.url.rstrip("/").replace("http", "ws", 1) + wanted.target
    try:
        socket = await connect(
            url,
            additional_headers=headers(access),
            open_timeout=_OPEN_SECONDS,
            max_size=None,
            compression=None,
            proxy=None,
        )
    except InvalidStatus as error:
        answer = error.response
        missing = answer.headers.get(failures.MISSING_PERMISSION, "")
        raise failures.from_answer(
            answer.status_code, bytes(answer.body or b""), missing=missing
        ) from error
    except (TimeoutError, OSError, WebSocketException) as error:
        raise UnreachableError(
            f"cannot reach the API at {access.url}: {error}",
            remedy="See whether the instance runs: choreo status",
        ) from error
    async with socket:
        yield Session(socket)


def headers(access: Access) -> dict[str, str]:
    """The headers that say who asks."""
    found = {"Authorization": f"Bearer {access.token}"}
    if access.persona:
        found["Choreo-As"] = access.persona
    return found
