"""HTTP with registries: redirects without leaking credentials, bounded answers, clear failures."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

import aiohttp

from choreo_local import __version__
from choreo_local.images import hosts
from choreo_local.images.failures import Denied, InvalidContent, NotThere, Unavailable
from choreo_local.images.hosts import TlsChoice

_MOST_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_RETRIABLE = frozenset({408, 425, 429, 500, 502, 503, 504})
_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=15, sock_read=60)
# Of queries, what everybody may know.
_TOLD = frozenset({"scope", "service"})
_AGENT = f"choreo/{__version__}"


@dataclass(slots=True)
class Answer:
    """An answer whose body has not been read."""

    url: str
    status: int
    headers: Mapping[str, str]
    challenges: list[str]
    body: aiohttp.StreamReader

    async def read(self, most: int) -> bytes:
        """The whole body; InvalidContent when it is longer than `most`."""
        found = bytearray()
        with _failures(self.url):
            while part := await self.body.read(1 << 16):
                found += part
                if len(found) > most:
                    raise InvalidContent(f"answer of {shown(self.url)} is longer than {most} bytes")
        return bytes(found)

    async def parts(self) -> AsyncIterator[bytes]:
        """The body, piece by piece."""
        with _failures(self.url):
            while part := await self.body.read(1 << 20):
                yield part


@dataclass(slots=True)
class Transport:
    """Sends requests; a context manager that closes its connections.

    Attributes:
        tls: what is special about a host's TLS.
        plain: hosts beside this machine's that are spoken to without TLS.
    """

    tls: Mapping[str, TlsChoice] = field(default_factory=dict)
    plain: frozenset[str] = frozenset()
    _session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            auto_decompress=False,
            timeout=_TIMEOUT,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": _AGENT, "Accept-Encoding": "identity"},
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()

    @contextlib.asynccontextmanager
    async def send(
        self, method: str, url: str, *, headers: Mapping[str, str], data: str | None = None
    ) -> AsyncIterator[Answer]:
        """Ask; redirects are followed, to other hosts without the `Authorization`."""
        assert self._session is not None, "a transport is used as a context manager"
        sent = dict(headers)
        for _ in range(_MOST_REDIRECTS + 1):
            with _failures(url, method):
                found = await self._session.request(
                    method,
                    url,
                    headers=sent,
                    data=data,
                    allow_redirects=False,
                    ssl=self._context(url),
                    proxy=_proxy(url),
                )
            try:
                target = found.headers.get("Location", "")
                if found.status not in _REDIRECTS or not target:
                    challenges = found.headers.getall("WWW-Authenticate", [])
                    yield Answer(url, found.status, found.headers, challenges, found.content)
                    return
            finally:
                found.release()
            there = self._redirected(url, target, sent)
            if data is not None and not _is_same_origin(url, there):
                raise Unavailable(f"{shown(url)} redirects what holds a secret to {shown(there)}")
            url = there
        raise Unavailable(f"{method} {shown(url)}: stopped after {_MOST_REDIRECTS} redirects")

    def _redirected(self, url: str, target: str, headers: dict[str, str]) -> str:
        there = urljoin(url, target)
        before, after = urlsplit(url), urlsplit(there)
        if after.scheme not in {"http", "https"} or not after.hostname:
            raise Unavailable(f"{shown(url)} redirects to {there[:200]!r}, no web address")
        if before.scheme == "https" and after.scheme == "http":
            raise Unavailable(f"{shown(url)} redirects to {after.netloc} without TLS")
        if not _is_same_origin(url, there):
            headers.pop("Authorization", None)
        return there

    def _context(self, url: str) -> ssl.SSLContext | bool:
        parts = urlsplit(url)
        if parts.scheme == "http":
            if not hosts.is_loopback(parts.netloc) and parts.netloc not in self.plain:
                raise Unavailable(f"{parts.netloc} is not named as a host without TLS")
            return True
        return _context(self.tls.get(parts.netloc, TlsChoice()))


def shown(url: str) -> str:
    """An address as errors tell it: places that registries redirect to hold signatures."""
    parts = urlsplit(url)
    query = urlencode(
        [
            (name, value if name in _TOLD else "[REDACTED]")
            for name, value in parse_qsl(parts.query, keep_blank_values=True)
        ],
        safe="[]:/,*",
    )
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=query))


def _is_same_origin(url: str, other: str) -> bool:
    one, two = urlsplit(url), urlsplit(other)
    return (one.scheme, one.netloc) == (two.scheme, two.netloc)


@lru_cache(maxsize=16)
def _context(choice: TlsChoice) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=choice.authority_file or None)
        if choice.certificate_file:
            context.load_cert_chain(choice.certificate_file, choice.key_file or None)
    except OSError as error:
        raise Unavailable(
            f"cannot read the certificates named in registries.yaml: {error}"
        ) from error
    if choice.skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _proxy(url: str) -> str | None:
    """The proxy that the environment names. Not aiohttp's own look-up, which reads ~/.netrc too."""
    parts = urlsplit(url)
    if hosts.is_loopback(parts.netloc) or urllib.request.proxy_bypass(parts.hostname or ""):
        return None
    return urllib.request.getproxies().get(parts.scheme)


@contextlib.contextmanager
def _failures(url: str, method: str = "GET") -> Iterator[None]:
    request = f'failed to do request: {method.title()} "{shown(url)}"'
    try:
        yield
    except aiohttp.ClientConnectorDNSError as error:
        name = urlsplit(url).hostname
        raise Unavailable(f"{request}: dial tcp: lookup {name}: no such host") from error
    except aiohttp.ClientConnectorCertificateError as error:
        detail = getattr(error.certificate_error, "verify_message", "") or error.certificate_error
        raise Unavailable(f"{request}: tls: failed to verify certificate: {detail}") from error
    except aiohttp.ClientConnectorError as error:
        address = f"{error.host}:{error.port}"
        number = error.os_error.errno
        reason = (os.strerror(number) if number else str(error.os_error)).lower()
        raise Unavailable(f"{request}: dial tcp {address}: connect: {reason}") from error
    except (TimeoutError, asyncio.IncompleteReadError) as error:
        raise Interrupted(f"{request}: i/o timeout") from error
    except (aiohttp.ClientError, ConnectionError, ssl.SSLError) as error:
        detail = str(error) or type(error).__name__
        raise Interrupted(f"{request}: {detail}") from error
    except ValueError as error:
        raise Unavailable(f"{request}: {error}") from error


class Interrupted(Unavailable):
    """An answer failed on its way, or the server has a bad moment: worth another attempt.

    Attributes:
        after_seconds: how long the server wants to be left alone.
    """

    def __init__(self, message: str, *, after_seconds: float = 0) -> None:
        super().__init__(message)
        self.after_seconds = after_seconds


def check(answer: Answer, method: str) -> None:
    """Raise what a status means, unless it means success."""
    status = answer.status
    if 200 <= status < 300:
        return
    place = shown(answer.url)
    words = f"unexpected status from {method} request to {place}: {status} {_phrase(status)}"
    if status == 404:
        raise NotThere(words)
    if status in {401, 403}:
        raise Denied(words)
    if status in _RETRIABLE:
        raise Interrupted(words, after_seconds=_seconds(answer.headers.get("Retry-After", "")))
    raise Unavailable(words)


def _phrase(status: int) -> str:
    from http import HTTPStatus

    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _seconds(text: str) -> float:
    return min(float(text), 60.0) if text.isdecimal() and len(text) < 6 else 0.0
