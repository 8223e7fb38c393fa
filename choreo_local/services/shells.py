"""Run a command in a container of a component, and the streams of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson

from choreo_local.errors import BadRequestError, NotFoundError
from choreo_local.kubeclient.transport import WebSocket
from choreo_local.services import pipelines
from choreo_local.services.gathering import Gatherer
from choreo_local.services.live import Cell, Live
from choreo_local.services.podlogs import PODS

Manifest = Mapping[str, Any]
# Channels of a kube API; the last one of the first protocol tells which other one has ended.
STDIN, STDOUT, STDERR, STATUS, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
_HALF_CLOSING = "v5.channel.k8s.io"
_PROTOCOLS = (_HALF_CLOSING, "v4.channel.k8s.io")


@dataclass(frozen=True, slots=True)
class Command:
    """What is to run.

    Attributes:
        words: the program and its arguments.
        stdin: whether it reads what the caller types.
        tty: whether it runs in a terminal.
    """

    words: Sequence[str]
    stdin: bool = False
    tty: bool = False

    def query(self, container: str) -> list[tuple[str, str]]:
        """The parameters of a kube API's exec."""
        flags = {"stdin": self.stdin, "stdout": True, "stderr": not self.tty, "tty": self.tty}
        found = [(name, "true") for name, wanted in flags.items() if wanted]
        return [*found, ("container", container), *(("command", word) for word in self.words)]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended.

    Attributes:
        exit_code: of the program; None when it could not be run.
        problem: why it could not be run.
    """

    exit_code: int | None = None
    problem: str = ""


class Session:
    """A running command."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self.outcome = Outcome(problem="the connection to the data plane was lost")

    async def write(self, data: bytes) -> None:
        """Give it input."""
        await self._socket.send(bytes([STDIN]) + data)

    async def end_input(self) -> None:
        """There is no more input; clusters that know no such message go on waiting."""
        if self._socket.protocol == _HALF_CLOSING:
            await self._socket.send(bytes([CLOSE, STDIN]))

    async def resize(self, width: int, height: int) -> None:
        """The caller's terminal has another size."""
        size = {"Width": width, "Height": height}
        await self._socket.send(bytes([RESIZE]) + orjson.dumps(size))

    async def output(self) -> AsyncIterator[tuple[int, bytes]]:
        """What it writes, by channel; afterwards `outcome` is known."""
        async for message in self._socket.messages():
            channel, data = message[:1], message[1:]
            if channel == bytes([STATUS]):
                self.outcome = outcome(data)
            elif channel in {bytes([STDOUT]), bytes([STDERR])} and data:
                yield channel[0], data


class Shells:
    """Finds the container and runs commands in it."""

    def __init__(self, gatherer: Gatherer, live: Live) -> None:
        self._gatherer = gatherer
        self._live = live

    async def default_environment(self, namespace: str, component: str) -> str:
        """The first environment of the component's pipeline."""
        scope = await self._gatherer.scope(namespace, component)
        found = pipelines.root(scope.pipeline)
        if not found:
            raise NotFoundError("the deployment pipeline has no first environment; name one")
        return found

    @asynccontextmanager
    async def open(
        self, component: Manifest, command: Command, *, environment: str, pod: str, container: str
    ) -> AsyncIterator[Session]:
        """Run a command; `pod` and `container` are chosen where they are empty.

        Raises:
            NotFoundError: there is no such pod or container, or none that runs.
            UnreachableError: the data plane does not answer, or refuses.
        """
        cell = await self._live.cell(dict(component), environment)
        target = chosen(await cell.pods(), pod)
        query = command.query(container_of(target, container))
        path = _path(cell, str(target["metadata"]["name"]))
        opened = cell.client.transport.websocket(path, query=query, protocols=_PROTOCOLS)
        async with opened as socket:
            yield Session(socket)


def _path(cell: Cell, pod: str) -> str:
    return PODS.path(cell.namespace, pod, "exec")


def chosen(pods: Sequence[Manifest], name: str) -> Manifest:
    """The pod of a name; without a name the first that is ready, or at least runs."""
    if name:
        found = next((pod for pod in pods if pod["metadata"]["name"] == name), None)
        if found is None:
            raise NotFoundError(f'pod "{name}" is none of this component in this environment')
        return found
    running = [pod for pod in pods if (pod.get("status") or {}).get("phase") == "Running"]
    ready = next(filter(_is_ready, running), None)
    if not running:
        raise NotFoundError("no pod of this component runs in this environment")
    return ready or running[0]


def container_of(pod: Manifest, name: str) -> str:
    """The container of a name; without a name the one that the pod says, or its first."""
    names = [str(container["name"]) for container in pod["spec"]["containers"]]
    annotations = pod["metadata"].get("annotations") or {}
    wanted = name or annotations.get("kubectl.kubernetes.io/default-container") or names[0]
    if wanted not in names:
        raise NotFoundError(
            f'pod "{pod["metadata"]["name"]}" has no container "{wanted}", only {", ".join(names)}'
        )
    return str(wanted)


def _is_ready(pod: Manifest) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions)


def outcome(data: bytes) -> Outcome:
    """What the last message of a session says, which is a Status."""
    try:
        status = orjson.loads(data)
        if status.get("status") == "Success":
            return Outcome(exit_code=0)
        causes = (status.get("details") or {}).get("causes") or ()
        codes = [int(each["message"]) for each in causes if each.get("reason") == "ExitCode"]
        message = str(status.get("message") or "the command could not be run")
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError):
        return Outcome(problem="cannot understand how the command ended")
    return Outcome(exit_code=codes[0]) if codes else Outcome(problem=message)


def size(data: bytes) -> tuple[int, int]:
    """Width and height of a terminal, as a caller sends them."""
    try:
        content = orjson.loads(data)
        width, height = int(content["width"]), int(content["height"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise BadRequestError("a size is an object with width and height") from error
    if not (0 < width < 65536 and 0 < height < 65536):
        raise BadRequestError("width and height of a terminal are between 1 and 65535")
    return width, height
