"""One question to a container: run a command, fetch a page, open a port, ask for gRPC health.

Used by probes and by lifecycle hooks.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import aiohttp
from yarl import URL

from choreo_local.embedded import dialing
from choreo_local.embedded.dialing import DIRECTLY, Dialing
from choreo_local.embedded.kubelet import grpchealth, podspec
from choreo_local.embedded.kubelet.podspec import Manifest
from choreo_local.embedded.kubelet.probes import Answer
from choreo_local.embedded.kubelet.runtime import StartError, TerminalSize
from choreo_local.errors import ChoreoError

_LONGEST_MESSAGE = 10 * 1024
_AGENT = "kube-probe/1.36"
_MOVED, _MOST_MOVES = frozenset({301, 302, 303, 307, 308}), 10
_NO_INPUT: Sequence[bytes] = ()
_NO_SIZES: Sequence[TerminalSize] = ()


class CommandRunner(Protocol):
    """Runs a command in the container that is asked."""

    async def __call__(self, command: Sequence[str]) -> tuple[int, str]: ...


@dataclass(slots=True)
class Collected:
    """The streams of a command whose caller is ourselves: no input, bounded output."""

    output: bytearray = field(default_factory=bytearray)

    async def stdin(self) -> AsyncIterator[bytes]:
        """Nothing."""
        for nothing in _NO_INPUT:
            yield nothing

    async def resizes(self) -> AsyncIterator[TerminalSize]:
        """Nothing."""
        for nothing in _NO_SIZES:
            yield nothing

    async def write_stdout(self, data: bytes) -> None:
        """Keep the beginning."""
        self.output += data[: max(0, _LONGEST_MESSAGE - len(self.output))]

    async def write_stderr(self, data: bytes) -> None:
        """Keep the beginning."""
        await self.write_stdout(data)


@dataclass(frozen=True, slots=True)
class OutputOnly:
    """The choice of streams of such a command."""

    stdin: bool = False
    stdout: bool = True
    stderr: bool = True
    tty: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """The container that is asked."""

    pod: Manifest
    container: Manifest
    address: str
    run: CommandRunner


class Checker:
    """Asks; keeps one HTTP session for all.

    Args:
        pods: how they are connected to.
    """

    def __init__(self, pods: Dialing = DIRECTLY) -> None:
        self._pods = pods
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def ask(self, action: Mapping[str, Any], target: Target) -> Answer:
        """Carry out the one action that a probe or hook names."""
        if action.get("exec"):
            return await self._exec(action["exec"].get("command") or (), target)
        if action.get("httpGet"):
            return await self._http(action["httpGet"], target)
        if action.get("tcpSocket"):
            return await self._tcp(action["tcpSocket"], target)
        if action.get("grpc"):
            service = action["grpc"].get("service") or ""
            port = int(action["grpc"]["port"])
            return await grpchealth.check(target.address, port, service=service, pods=self._pods)
        return Answer(success=False, message="missing probe handler")

    async def _exec(self, command: Sequence[str], target: Target) -> Answer:
        try:
            code, output = await target.run(command)
        except (StartError, ChoreoError) as error:
            return Answer(success=False, message=error.message)
        return Answer(success=code == 0, message=output)

    async def _http(self, action: Mapping[str, Any], target: Target) -> Answer:
        host = action.get("host") or target.address
        port = resolve_port(action["port"], target.container)
        scheme = str(action.get("scheme") or "HTTP").lower()
        url = f"{scheme}://{host}:{port}/{(action.get('path') or '/').lstrip('/')}"
        headers = {"User-Agent": _AGENT, "Accept": "*/*", "Connection": "close"}
        headers |= {item["name"]: item["value"] for item in action.get("httpHeaders") or ()}
        try:
            return await self._fetched(URL(url), headers)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Answer(success=False, message=f'Get "{url}": {error}')

    async def _fetched(self, url: URL, headers: Mapping[str, str]) -> Answer:
        """What a page says; one that has moved on the same host is followed."""
        for _ in range(_MOST_MOVES):
            async with self._opened().get(url, headers=headers, allow_redirects=False) as response:
                body = await response.content.read(_LONGEST_MESSAGE)
            target = _moved_to(response)
            if target is None or target.host != url.host:
                return _judged(response.status, body)
            url = target
        raise ValueError(f"stopped after {_MOST_MOVES} redirects")

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            # Certificates are not checked: a probe asks whether the server answers.
            connector = aiohttp.TCPConnector(
                ssl=False,
                force_close=True,
                limit=0,
                socket_factory=dialing.socket_factory(self._pods),
            )
            timeout = aiohttp.ClientTimeout(total=None)
            self._session = aiohttp.ClientSession(
                connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()
            )
        return self._session

    async def _tcp(self, action: Mapping[str, Any], target: Target) -> Answer:
        host = action.get("host") or target.address
        port = resolve_port(action["port"], target.container)
        try:
            _, writer = await dialing.open_connection(self._pods, host, port)
        except OSError as error:
            return Answer(success=False, message=f"dial tcp {host}:{port}: {_reason(error)}")
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return Answer(success=True)


def _moved_to(response: aiohttp.ClientResponse) -> URL | None:
    location = response.headers.get("Location")
    if response.status not in _MOVED or not location:
        return None
    return response.url.join(URL(location))


def _judged(status: int, body: bytes) -> Answer:
    if 200 <= status < 400:
        return Answer(success=True, message=body.decode(errors="replace"))
    return Answer(success=False, message=f"HTTP probe failed with statuscode: {status}")


def _reason(error: OSError) -> str:
    detail = os.strerror(error.errno) if error.errno else str(error)
    return f"connect: {detail.lower()}"


def resolve_port(port: Any, container: Manifest) -> int:
    """A port number, or the number of the container's port of that name."""
    text = str(port)
    if text.isdigit():
        return int(text)
    for found in container.get("ports") or ():
        if found.get("name") == text:
            return int(found["containerPort"])
    raise StartError(f"couldn't find port: {text} for container {container['name']}")


def field_path(pod: Manifest, name: str) -> str:
    """How events name a container of a pod."""
    kind = "containers"
    if podspec.is_init(pod, name):
        kind = "initContainers"
    elif podspec.is_ephemeral(pod, name):
        kind = "ephemeralContainers"
    return f"spec.{kind}{{{name}}}"
