"""No isolation: containers are plain processes of this machine, with loopback addresses.

What containers of Linux get from namespaces does not exist here; `capabilities` says what is not
enforced.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from choreo_local.embedded.kubelet import launch, places, remarks, rootfolder
from choreo_local.embedded.kubelet.addresses import AddressPool, has_own_addresses
from choreo_local.embedded.kubelet.hostimages import HostImage
from choreo_local.embedded.kubelet.launch import Command, Surroundings
from choreo_local.embedded.kubelet.runtime import Capability, ContainerRequest, PodRequest

NAME = "process"


class PlainProcesses:
    """Implements `isolation.Isolation` without any.

    Args:
        surroundings: what all containers of the instance share.
        network: the range of pod addresses; without it one is chosen by the instance's name.
        own_addresses: whether pods get them; found out when not given.
        instead_of: why this machine gets no better one; empty when it was asked for.
    """

    name = NAME
    limits_memory = False
    has_one_user = False

    def __init__(
        self,
        surroundings: Surroundings,
        *,
        network: IPv4Network | None = None,
        own_addresses: bool | None = None,
        instead_of: str = "",
    ) -> None:
        self._surroundings = surroundings
        self._addresses = AddressPool(surroundings.instance_id, network=network)
        self._own_addresses = has_own_addresses() if own_addresses is None else own_addresses
        self._instead_of = instead_of

    def capabilities(self) -> Sequence[Capability]:
        """What containers expect of Linux, and what of it holds here."""
        no_namespaces = "containers are plain processes of this machine"
        if self._instead_of:
            no_namespaces += f": {self._instead_of}"
        address = Capability("pod-address", enforced=True)
        if not self._own_addresses:
            reason = (
                "this machine has no loopback address beside 127.0.0.1: pods that listen on the "
                "same port collide"
            )
            address = Capability("pod-address", enforced=False, reason=reason)
        return [
            address,
            Capability("network-policy", enforced=False, reason=no_namespaces),
            Capability("file-isolation", enforced=False, reason=no_namespaces),
            Capability("users", enforced=False, reason="all run as the user of the instance"),
            Capability("cpu-limit", enforced=False, reason=no_namespaces),
            Capability("memory-limit", enforced=True, reason="checked every few seconds"),
            Capability("process-limit", enforced=False, reason=no_namespaces),
        ]

    def not_enforced(self, pod: Mapping[str, Any]) -> str:
        """What a pod asks for in vain."""
        return remarks.not_enforced(pod)

    async def start(self) -> None:
        """Take an address range; find out how processes are tied to ours."""
        if self._own_addresses:
            self._addresses.claim()
        if self._surroundings.parent_death is None:
            found = await asyncio.to_thread(parent_death_command)
            self._surroundings = replace(self._surroundings, parent_death=found)

    async def stop(self) -> None:
        """Let go of the addresses."""
        self._addresses.close()

    async def attach(self, pod: PodRequest) -> str:
        """Give a pod its address."""
        own = self._own_addresses and not pod.host_network
        return self._addresses.take(pod.address) if own else "127.0.0.1"

    async def detach(self, pod: PodRequest, address: str) -> None:
        """Take the address back."""
        if self._own_addresses and not pod.host_network:
            self._addresses.release(address)

    async def prepare(self, request: ContainerRequest) -> None:
        """There is nothing to prepare."""

    def container(self, request: ContainerRequest, image: HostImage, *, address: str) -> Command:
        """The main process of a container, and the folder that stands for its root."""
        root, surroundings = root_of(request), self._surroundings
        rootfolder.prepare(
            request,
            root,
            address=address,
            working_folder=request.working_folder or image.working_folder,
            resolver=launch.resolver_file(request.pod, surroundings),
        )
        command = launch.container_command(
            request, image, address=address, root=root, surroundings=surroundings
        )
        return launch.terminal_command(command, surroundings) if request.tty else command

    def inside(
        self,
        words: Sequence[str],
        request: ContainerRequest,
        image: HostImage,
        *,
        base: Command,
        pid: int,
        terminal: bool,
    ) -> Command:
        """A further command with the variables, mounts and working folder of a container."""
        del pid
        surroundings = self._surroundings
        command = launch.command_in(
            words, request, image, base=base, root=root_of(request), surroundings=surroundings
        )
        return launch.terminal_command(command, surroundings) if terminal else command

    def began(self, request: ContainerRequest, started: int) -> None:
        """Nobody waits for it."""

    def ended(self, request: ContainerRequest) -> bool:
        """Nothing is kept; the kernel knows no limit."""
        return False

    def main_pid(self, started: int) -> int:
        """The process that was started is the program."""
        return started


def root_of(request: ContainerRequest) -> Path:
    """The folder that belongs to one container of a pod."""
    return request.pod.folder / places.RUNTIME / request.name


def parent_death_command() -> Sequence[str] | None:
    """A command of this machine that ties a process to the life of its parent, if it has one."""
    if sys.platform != "linux" or shutil.which("setpriv") is None:
        return None
    command = ["setpriv", "--pdeathsig", "KILL", "--"]
    tried = subprocess.run([*command, "true"], capture_output=True, check=False)
    return command if tried.returncode == 0 else None
