"""What the kubelet asks of whatever runs containers; implemented by `process` and `simulated`.

A runtime owns pods (an address, a folder) and the containers in them. It never restarts anything
by itself and knows nothing of the kube API: the kubelet decides, the runtime does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from choreo_local.embedded.kubelet.records import ContainerRecord
from choreo_local.errors import ChoreoError
from choreo_local.images.credentials import Credential

# Called with the uid of a pod when one of its containers started or ended.
OnChange = Callable[[str], None]


class ImageError(ChoreoError):
    """An image cannot be had; `reason` is the waiting reason, e.g. ErrImagePull."""

    def __init__(self, message: str, *, reason: str = "ErrImagePull") -> None:
        super().__init__(message)
        self.reason = reason


class StartError(ChoreoError):
    """A container cannot be started; `reason` is the waiting reason, e.g. RunContainerError."""

    def __init__(self, message: str, *, reason: str = "RunContainerError") -> None:
        super().__init__(message)
        self.reason = reason


class NotEnteredError(StartError):
    """A container cannot be entered yet: it is still being made."""


@dataclass(frozen=True, slots=True)
class Capability:
    """Something that pods expect of their node, and whether this runtime really does it."""

    name: str
    enforced: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Image:
    """An image that is ready to run.

    Attributes:
        reference: as the pod names it.
        id: identifies the content.
        size_bytes: as reported in the status of the node.
        stands_in: why this is not the real image; empty when it is.
        is_real: whether it is of a registry, not a host image.
    """

    reference: str
    id: str
    size_bytes: int = 0
    stands_in: str = ""
    is_real: bool = False


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder or file of the host that a container sees at `container_path`.

    Attributes:
        within: a folder that containers can write to, and that the path must not lead out of.
    """

    container_path: str
    host_path: Path
    read_only: bool = False
    within: Path | None = None


@dataclass(frozen=True, slots=True)
class PodRequest:
    """A pod to make ready for containers.

    Attributes:
        folder: the pod's own folder; the runtime may make `runtime/` in it.
        address: the one it had before, to be given again if possible.
        host_aliases: additional names of addresses, name → address.
        full_name: as the DNS of the cluster knows the pod; empty when it does not.
        search_domains: further suffixes for short names.
        nameservers: further servers to ask; `only_own_servers` leaves out the cluster's.
        resolver_options: as in `/etc/resolv.conf`.
        sysctls: settings of the pod's own network.
    """

    uid: str
    namespace: str
    name: str
    hostname: str
    folder: Path
    address: str = ""
    host_network: bool = False
    host_aliases: Mapping[str, str] = field(default_factory=dict)
    uses_cluster_dns: bool = True
    full_name: str = ""
    search_domains: Sequence[str] = ()
    nameservers: Sequence[str] = ()
    only_own_servers: bool = False
    resolver_options: Sequence[str] = ()
    sysctls: Mapping[str, str] = field(default_factory=dict)


class OutputSink(Protocol):
    """Where the output of a container goes."""

    def write(self, stream: str, data: bytes) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class ContainerRequest:
    """A container to start in a pod that is ready.

    Attributes:
        command: replaces the entrypoint of the image when given.
        arguments: replace the default arguments of the image when given.
        resources: as in the pod's spec; which limits are enforced, the capabilities say.
        security: the merged securityContext of pod and container.
    """

    pod: PodRequest
    name: str
    attempt: int
    image: Image
    command: Sequence[str]
    arguments: Sequence[str]
    environment: Mapping[str, str]
    working_folder: str
    mounts: Sequence[Mount]
    resources: Mapping[str, Any]
    security: Mapping[str, Any]
    output: OutputSink
    stdin: bool = False
    tty: bool = False


class TerminalSize(Protocol):
    """Columns and rows of a caller's terminal."""

    @property
    def width(self) -> int: ...

    @property
    def height(self) -> int: ...


class CallerStreams(Protocol):
    """The caller's end of exec or attach; writing after the caller left raises ConnectionError."""

    def stdin(self) -> AsyncIterator[bytes]: ...

    def resizes(self) -> AsyncIterator[TerminalSize]: ...

    async def write_stdout(self, data: bytes) -> None: ...

    async def write_stderr(self, data: bytes) -> None: ...


class StreamChoice(Protocol):
    """Which streams a caller of exec or attach has connected."""

    @property
    def stdin(self) -> bool: ...

    @property
    def stdout(self) -> bool: ...

    @property
    def stderr(self) -> bool: ...

    @property
    def tty(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Usage:
    """What a container has used: processor seconds since it started, memory now."""

    container: str
    cpu_seconds: float
    memory_bytes: int


class ContainerRuntime(Protocol):
    """Runs containers.

    `start_pod`, `stop_container` and `remove_pod` may be repeated without harm. `containers`
    (attempts in a pod) and `usage` (by uid of pods) answer at once. `remarks` are conditions of a
    pod, type → message, that say what is not as its manifest asks. A runtime that `pretends` runs
    nothing, so that probes and hooks are taken to succeed. `find_image` with credentials finds only
    what they allow to use.
    """

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def pretends(self) -> bool: ...

    def capabilities(self) -> Sequence[Capability]: ...

    def remarks(self, pod: Mapping[str, Any]) -> Mapping[str, str]: ...

    async def start(self, on_change: OnChange) -> None: ...

    async def stop(self) -> None: ...

    def find_image(
        self, reference: str, credentials: Sequence[Credential] | None = None
    ) -> Image | None: ...

    async def pull_image(self, reference: str, credentials: Sequence[Credential]) -> Image: ...

    def images(self) -> Sequence[Image]: ...

    async def start_pod(self, pod: PodRequest) -> str: ...

    async def remove_pod(self, uid: str) -> None: ...

    async def start_container(self, request: ContainerRequest) -> ContainerRecord: ...

    async def stop_container(self, container_id: str, grace_seconds: float) -> None: ...

    def containers(self, uid: str) -> Sequence[ContainerRecord]: ...

    async def exec(
        self,
        container_id: str,
        command: Sequence[str],
        streams: CallerStreams,
        choice: StreamChoice,
    ) -> int: ...

    async def attach(
        self, container_id: str, streams: CallerStreams, choice: StreamChoice
    ) -> int: ...

    def usage(self) -> Mapping[str, Sequence[Usage]]: ...
