"""How far the containers of a runtime are kept apart from this machine and from each other.

`plain` keeps nothing apart, `sandbox` uses the namespaces of Linux. `process.ProcessRuntime` does
everything else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from choreo_local.embedded.kubelet.hostimages import HostImage
from choreo_local.embedded.kubelet.launch import Command
from choreo_local.embedded.kubelet.runtime import Capability, ContainerRequest, PodRequest


class Isolation(Protocol):
    """Where pods get their address from, and what their processes are wrapped in.

    `attach` and `detach` may be repeated without harm. `prepare` comes before `container`, `began`
    follows when its process has been started.
    `main_pid` is the process that signals of a container go to, by the process that was started for
    it. `ended` is told when that process has ended, and answers whether the kernel did it for lack
    of memory; `limits_memory` says that it does so. `has_one_user` says that a
    container cannot become another user than it begins as.
    """

    @property
    def name(self) -> str: ...

    @property
    def limits_memory(self) -> bool: ...

    @property
    def has_one_user(self) -> bool: ...

    def capabilities(self) -> Sequence[Capability]: ...

    def not_enforced(self, pod: Mapping[str, Any]) -> str: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def attach(self, pod: PodRequest) -> str: ...

    async def detach(self, pod: PodRequest, address: str) -> None: ...

    async def prepare(self, request: ContainerRequest) -> None: ...

    def container(
        self, request: ContainerRequest, image: HostImage, *, address: str
    ) -> Command: ...

    def inside(
        self,
        words: Sequence[str],
        request: ContainerRequest,
        image: HostImage,
        *,
        base: Command,
        pid: int,
        terminal: bool,
    ) -> Command: ...

    def began(self, request: ContainerRequest, started: int) -> None: ...

    def ended(self, request: ContainerRequest) -> bool: ...

    def main_pid(self, started: int) -> int: ...
