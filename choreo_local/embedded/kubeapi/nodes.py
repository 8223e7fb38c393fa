"""What the kube API asks of a node: logs, exec, attach, ports, usage.

The kubelet implements `NodeConnection`; the composition root plugs it into `KubeApi`. The two
packages do not import each other, so what travels is plain: strings, numbers, manifests, and the
objects of this module, of which a node only reads the attributes.

Refusals are `errors.ApiError` (e.g. NotFoundError for an unknown container, BadRequestError for
one that has not started); their text reaches the user of kubectl.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class LogOptions:
    """Which lines of a container's output are wanted, as in the query of `pods/log`.

    Attributes:
        follow: keep sending until the container ends.
        previous: of the instance before the running one.
        since: only lines written at or after this moment.
        tail_lines: only the last so many lines; None for all.
        limit_bytes: end after so many bytes; None for no limit.
        timestamps: begin each line with its RFC 3339 time and a blank.
        stream: "All", "Stdout" or "Stderr".
    """

    follow: bool = False
    previous: bool = False
    since: datetime | None = None
    tail_lines: int | None = None
    limit_bytes: int | None = None
    timestamps: bool = False
    stream: str = "All"


@dataclass(frozen=True, slots=True)
class ContainerAddress:
    """A container of a pod of this node; the API has resolved a default container already."""

    namespace: str
    pod: str
    uid: str
    container: str


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """Which streams the caller of exec or attach has connected; with `tty` there is no stderr."""

    stdin: bool = False
    stdout: bool = True
    stderr: bool = True
    tty: bool = False


@dataclass(frozen=True, slots=True)
class TerminalSize:
    """Columns and rows of the caller's terminal."""

    width: int
    height: int


class CallerStreams(Protocol):
    """The caller's end of exec or attach.

    Iterators end when the caller closes that stream or goes away. Writing after the caller has gone
    raises ConnectionError; the node should then stop the command.
    """

    def stdin(self) -> AsyncIterator[bytes]: ...

    def resizes(self) -> AsyncIterator[TerminalSize]: ...

    async def write_stdout(self, data: bytes) -> None: ...

    async def write_stderr(self, data: bytes) -> None: ...


class NodeConnection(Protocol):
    """The kubelet of one node, as the kube API sees it."""

    async def logs(self, container: ContainerAddress, options: LogOptions) -> AsyncIterator[bytes]:
        """Open the log; what cannot be opened raises here, before anything is answered."""
        ...

    async def exec(
        self,
        container: ContainerAddress,
        command: Sequence[str],
        streams: CallerStreams,
        options: StreamOptions,
    ) -> int:
        """Run a command in a container until it ends; answers its exit code."""
        ...

    async def attach(
        self, container: ContainerAddress, streams: CallerStreams, options: StreamOptions
    ) -> int:
        """Connect to the container's main process until it ends or the caller leaves."""
        ...

    async def open_port(
        self, namespace: str, pod: str, port: int
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to a port at the pod's address; OSError when nothing listens."""
        ...

    async def open_local_port(
        self, namespace: str, pod: str, port: int
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect as a program in the pod connects to localhost; OSError when nothing listens."""
        ...

    async def pod_metrics(self) -> Sequence[dict[str, Any]]:
        """Current usage as `metrics.k8s.io/v1beta1 PodMetrics` manifests, one a running pod."""
        ...

    async def node_metrics(self) -> dict[str, Any]:
        """Current usage as a `metrics.k8s.io/v1beta1 NodeMetrics` manifest."""
        ...


class NodeConnections(Protocol):
    """Finds the connection of a node."""

    def __call__(self, node_name: str) -> NodeConnection | None: ...
