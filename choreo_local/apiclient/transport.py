"""How requests of `ApiClient` travel.

Two ways, with the same failures: `Pooled` for whoever asks much at once or follows streams (the
dashboard, on aiohttp), `Blocking` for commands that ask one thing after another: to load aiohttp
would take them longer than all the rest.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self

import orjson

from choreo_local.apiclient import failures
from choreo_local.errors import UnreachableError

if TYPE_CHECKING:
    from http.client import HTTPConnection

    import aiohttp

_CONNECT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Call:
    """A request, as far as it differs from others.

    Attributes:
        target: path and query.
        body: what is sent as JSON; None for nothing.
        silence_seconds: of a stream: after how long without a word it counts as broken.
    """

    method: str
    target: str
    body: Any = None
    silence_seconds: float | None = None

    @property
    def content(self) -> bytes | None:
        """The body as it is sent."""
        return None if self.body is None else orjson.dumps(self.body)


def target(path: str, query: Mapping[str, str | None] | None) -> str:
    """Path and query; what is None is left out."""
    given = {key: value for key, value in (query or {}).items() if value is not None}
    return f"{path}?{urllib.parse.urlencode(given)}" if given else path


def load() -> None:
    """Load what `Pooled` needs, which takes a while, before the first request."""
    import aiohttp

    del aiohttp


class Transport(Protocol):
    """Sends requests to one API; what answers with a failure is raised."""

    async def request(self, call: Call) -> bytes: ...

    def stream(self, call: Call) -> AsyncIterator[bytes]: ...

    async def close(self) -> None: ...


class Pooled:
    """Many requests at once, and streams.

    Args:
        base_url: of the API.
        headers: of every request.
        timeout_seconds: for answers that are not streams.
    """

    def __init__(
        self, base_url: str, headers: Mapping[str, str], *, timeout_seconds: float
    ) -> None:
        self._url = base_url
        self._headers = headers
        self._timeout_seconds = timeout_seconds
        self._session: aiohttp.ClientSession | None = None

    async def request(self, call: Call) -> bytes:
        """The body of a successful answer."""
        with _reaching(self._url):
            async with await self._send(call, total=self._timeout_seconds) as response:
                return await response.read()

    def stream(self, call: Call) -> AsyncIterator[bytes]:
        """The body of a successful answer, as it comes."""
        return _Body(self._url, lambda: self._send(call, total=None))

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _send(self, call: Call, *, total: float | None) -> aiohttp.ClientResponse:
        """A successful answer, of which nothing has been read yet."""
        import aiohttp
        import yarl

        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(headers=self._headers)
        timeout = aiohttp.ClientTimeout(
            total=total, sock_connect=_CONNECT_SECONDS, sock_read=call.silence_seconds
        )
        # What is encoded stays as it is: a name with an escaped slash is one name.
        url = yarl.URL(self._url + call.target, encoded=True)
        response = await self._session.request(
            call.method, url, data=call.content, headers=_typed(call), timeout=timeout
        )
        if response.status < 400:
            return response
        async with response:
            missing = response.headers.get(failures.MISSING_PERMISSION, "")
            content = await response.read()
            raise failures.from_answer(response.status, content, missing=missing)


class _Body:
    """A body as it comes; its connection goes with it. No generator, see `streams`."""

    def __init__(self, url: str, send: Callable[[], Awaitable[aiohttp.ClientResponse]]) -> None:
        self._url = url
        self._send = send
        self._response: aiohttp.ClientResponse | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        with _reaching(self._url):
            if self._response is None:
                self._response = await self._send()
            chunk = await self._response.content.readany()
        if not chunk:
            raise StopAsyncIteration
        return chunk

    async def aclose(self) -> None:
        """Read no more of it."""
        if self._response is not None:
            self._response.close()


class Blocking:
    """One request after another over one connection; nothing else runs meanwhile.

    Streams go another way, for they are read while something else happens.
    """

    def __init__(
        self, base_url: str, headers: Mapping[str, str], *, timeout_seconds: float
    ) -> None:
        self._url = base_url
        self._headers = headers
        self._timeout_seconds = timeout_seconds
        self._connection: HTTPConnection | None = None
        self._streams = Pooled(base_url, headers, timeout_seconds=timeout_seconds)

    async def request(self, call: Call) -> bytes:
        """The body of a successful answer."""
        with self._connected() as (connection, path):
            connection.request(
                call.method,
                path + call.target,
                body=call.content,
                headers={**self._headers, **_typed(call)},
            )
            response = connection.getresponse()
            content = response.read()
        if response.status >= 400:
            missing = response.headers.get(failures.MISSING_PERMISSION, "")
            raise failures.from_answer(response.status, content, missing=missing)
        return content

    def stream(self, call: Call) -> AsyncIterator[bytes]:
        """The body of a successful answer, as it comes."""
        return self._streams.stream(call)

    async def close(self) -> None:
        """Close all connections."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        await self._streams.close()

    @contextmanager
    def _connected(self) -> Iterator[tuple[HTTPConnection, str]]:
        """A connection that is open, and the path of the API on it."""
        import http.client

        parts = urllib.parse.urlsplit(self._url)
        try:
            if self._connection is None:
                is_secure = parts.scheme == "https"
                cls = http.client.HTTPSConnection if is_secure else http.client.HTTPConnection
                host, seconds = parts.hostname or "", _CONNECT_SECONDS
                self._connection = cls(host, parts.port, timeout=seconds)
                self._connection.connect()
                self._connection.sock.settimeout(self._timeout_seconds)
            yield self._connection, parts.path
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._connection = None
            raise _unreachable(self._url, error) from error


def _typed(call: Call) -> dict[str, str]:
    return {} if call.body is None else {"Content-Type": "application/json"}


@contextmanager
def _reaching(url: str) -> Iterator[None]:
    import aiohttp

    try:
        yield
    except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
        raise _unreachable(url, error) from error


def _unreachable(url: str, error: Exception) -> UnreachableError:
    detail = str(error) or type(error).__name__
    return UnreachableError(
        f"cannot reach the API at {url}: {detail}",
        remedy="See whether the instance runs: choreo status",
    )
