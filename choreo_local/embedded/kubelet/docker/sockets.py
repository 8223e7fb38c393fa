"""Where a container engine listens on this machine, and what it says of itself. Blocking.

Asked before an event loop runs: by the choice of a runtime, and by whoever removes an instance.
"""

from __future__ import annotations

import http.client
import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from choreo_local.errors import PreflightError, UsageError

_ANSWER_SECONDS = 10.0
# What all that is asked of an engine has been in; newer engines still understand it.
OLDEST_API = (1, 41)
_NEWEST_API = (1, 47)


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """An engine that answers.

    Attributes:
        name: docker or podman.
        api: the version of the interface that is spoken with it, e.g. `1.41`.
        obstacle: why pods cannot run in it; empty when they can.
    """

    socket: Path
    name: str
    version: str
    api: str
    obstacle: str = ""


def candidates(environment: Mapping[str, str]) -> Iterator[Path]:
    """Where engines listen, the likeliest first; only one place when `DOCKER_HOST` names it."""
    wanted = environment.get("DOCKER_HOST", "")
    if wanted:
        scheme, _, path = wanted.partition("://")
        if scheme != "unix" or not path.startswith("/"):
            raise UsageError(
                f"cannot use the engine at DOCKER_HOST={wanted}: pods need files and networks of "
                "this machine",
                remedy="Name a socket of this machine: export DOCKER_HOST=unix:///PATH",
            )
        yield Path(path)
        return
    yield Path("/var/run/docker.sock")
    personal = environment.get("XDG_RUNTIME_DIR")
    if personal:
        yield Path(personal, "docker.sock")
        yield Path(personal, "podman/podman.sock")
    yield Path("/run/podman/podman.sock")


def find(environment: Mapping[str, str] = os.environ) -> EngineFacts:
    """The first engine that answers; PreflightError says why there is none."""
    problems = []
    for path in candidates(environment):
        if not path.exists():
            problems.append(f"{path} does not exist")
            continue
        try:
            return ask(path)
        except OSError as error:
            problems.append(f"{path}: {error.strerror or error}")
        except (http.client.HTTPException, ValueError, KeyError) as error:
            problems.append(f"{path} does not speak the interface of Docker: {error}")
    raise PreflightError(
        f"no container engine answers: {'; '.join(problems)}",
        remedy="Start Docker, or podman system service --time=0, or export DOCKER_HOST=unix:///PATH",
    )


def ask(path: Path) -> EngineFacts:
    """What the engine at a socket says; OSError, HTTPException or ValueError when it is none."""
    answer = request(path, "GET", "/version")
    names = {str(each.get("Name")) for each in answer.get("Components") or ()}
    newest = _numbers(answer["ApiVersion"])
    return EngineFacts(
        socket=path,
        name="podman" if "Podman Engine" in names else "docker",
        version=str(answer.get("Version")),
        api=".".join(str(each) for each in min(newest, _NEWEST_API)),
        obstacle=_obstacle(answer, newest),
    )


def _obstacle(answer: Mapping[str, Any], newest: tuple[int, ...]) -> str:
    if newest < OLDEST_API:
        return f"its interface {answer['ApiVersion']} is too old"
    if answer.get("Os") != "linux" or answer.get("KernelVersion") != os.uname().release:
        return "its containers run on another machine than this one"
    return ""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(each) for each in version.split("."))


class Refused(ValueError):
    """The engine does not do what it was asked for."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.is_missing = status == http.client.NOT_FOUND


class _Connection(http.client.HTTPConnection):
    """HTTP over a socket of this machine."""

    def __init__(self, path: Path) -> None:
        super().__init__("engine", timeout=_ANSWER_SECONDS)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket instead of a host."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def request(path: Path, method: str, target: str) -> Any:
    """One request; its JSON answer, None when it has none."""
    connection = _Connection(path)
    try:
        connection.request(method, target)
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    if answer.status >= http.client.BAD_REQUEST:
        message = f"{method} {target}: {answer.status} {content[:300]!r}"
        raise Refused(message, answer.status)
    return orjson.loads(content) if content.strip() else None
