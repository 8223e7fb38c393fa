"""Asks a component's URL as a browser would: what answers, and how fast."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

from tui.state import Probe

if TYPE_CHECKING:
    import aiohttp

_TIMEOUT_SECONDS = 3.0
# By these a program can tell our questions from those of its users, e.g. to keep them out of logs.
_HEADERS = {"User-Agent": "choreo-tui (probe)", "Choreo-Probe": "dashboard"}


class Prober:
    """Asks URLs; names below `localhost` are this machine, whatever its resolver thinks of them."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def ask(self, url: str) -> Probe:
        """GET the URL without following redirects; only the head of the answer is awaited."""
        import aiohttp

        session = self._opened()
        started = time.perf_counter()
        try:
            async with session.get(url, allow_redirects=False) as response:
                elapsed = (time.perf_counter() - started) * 1000
                return Probe(status=response.status, milliseconds=elapsed)
        except TimeoutError:
            return Probe(problem=f"no answer within {_TIMEOUT_SECONDS:.0f} s")
        except aiohttp.ClientConnectorError as error:
            return Probe(problem=f"no connection: {error.strerror or error.os_error}")
        except (aiohttp.ClientError, ValueError, OSError) as error:
            return Probe(problem=str(error) or type(error).__name__)

    def _opened(self) -> aiohttp.ClientSession:
        import aiohttp

        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(resolver=_resolver(), limit=4, ssl=False),
                timeout=aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS),
                headers=_HEADERS,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


def is_local(host: str) -> bool:
    """Does the name mean this machine by itself (RFC 6761)?"""
    bare = host.rstrip(".").lower()
    return bare == "localhost" or bare.endswith(".localhost")


def _resolver() -> aiohttp.abc.AbstractResolver:
    import aiohttp

    class LocalhostResolver(aiohttp.ThreadedResolver):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> list[aiohttp.abc.ResolveResult]:
            name = "127.0.0.1" if is_local(host) else host
            return await super().resolve(name, port, family)

    return LocalhostResolver()
