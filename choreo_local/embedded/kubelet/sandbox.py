"""Isolation on Linux: bubblewrap makes namespaces for users, mounts, processes, IPC and host name.

The network namespace is the pod's, made by the network. Which users of this machine those of a
container are, `containerusers` decides.
"""

from __future__ import annotations

import asyncio
import base64
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from choreo_local.embedded.kubelet import (
    beginnings,
    controlgroups,
    guarantees,
    launch,
    ownroot,
    privileges,
    remarks,
    rootfilesystem,
    seccomp,
    sysctls,
)
from choreo_local.embedded.kubelet.containerusers import Confinement, SingleUser, Users
from choreo_local.embedded.kubelet.controlgroups import ControlGroups, Group
from choreo_local.embedded.kubelet.guarantees import Obstacles
from choreo_local.embedded.kubelet.hostimages import HostImage
from choreo_local.embedded.kubelet.launch import Command, Surroundings
from choreo_local.embedded.kubelet.plain import parent_death_command, root_of
from choreo_local.embedded.kubelet.podnetwork import HOST_NETWORK, Attachment, PodNetwork
from choreo_local.embedded.kubelet.privileges import Privileges
from choreo_local.embedded.kubelet.processlimit import NO_LIMIT, ProcessLimit
from choreo_local.embedded.kubelet.rootfilesystem import (
    LayeredRoot,
    MachineRoot,
    RootFileSystem,
    Scratch,
)
from choreo_local.embedded.kubelet.runtime import (
    Capability,
    ContainerRequest,
    NotEnteredError,
    PodRequest,
    StartError,
)
from choreo_local.errors import ChoreoError

NAME = "sandbox"
_MOST_POLLS, _POLL_SECONDS, _BEGINNING_SECONDS = 600, 0.005, 1.0
_UNSHARED = ("pid", "ipc", "uts", "cgroup-try")
_NOT_PREPARED = "nothing was prepared for containers of further users"


class Sandbox:
    """Implements `isolation.Isolation` with namespaces.

    Args:
        surroundings: what all containers of the instance share.
        bubblewrap: the program.
        network: where pods get their network namespace from.
        groups: limits what containers use; or why nothing does.
        users: gives containers their users; each has one if nothing does.
        processes: bounds their number where `groups` cannot.
    """

    name = NAME

    def __init__(
        self,
        surroundings: Surroundings,
        bubblewrap: Path,
        network: PodNetwork,
        groups: ControlGroups | str,
        users: Users | None = None,
        *,
        processes: ProcessLimit = NO_LIMIT,
    ) -> None:
        self._surroundings = surroundings
        self._processes = processes
        self._users = users or SingleUser(bubblewrap, _NOT_PREPARED)
        self._confined: dict[str, Confinement] = {}
        self._network = network
        self._attached: dict[str, Attachment] = {}
        self._groups = groups
        self._grouped: dict[str, Group] = {}
        self._leaving: list[Group] = []
        self._moves = groups.moves if isinstance(groups, ControlGroups) else None
        self._filter = seccomp.program(platform.machine())

    @property
    def limits_memory(self) -> bool:
        """Whether the kernel does."""
        return isinstance(self._groups, ControlGroups)

    @property
    def has_one_user(self) -> bool:
        """Whether there are no users to become."""
        return bool(self._users.obstacle)

    def capabilities(self) -> Sequence[Capability]:
        """What containers expect of Linux, and what of it holds here."""
        limits = "" if isinstance(self._groups, ControlGroups) else self._groups
        unknown = f"there is no filter for processors of type {platform.machine()}"
        return guarantees.told(
            Obstacles(
                datagrams=self._network.datagram_obstacle,
                users=self._users.obstacle,
                system_calls="" if self._filter else unknown,
                limits=limits,
                processes=self._unlimited(limits),
            )
        )

    def _unlimited(self, limits: str) -> str:
        """Why the number of processes is not bounded."""
        if not limits or self._processes.enter:
            return ""
        return "; ".join(filter(None, [limits, self._processes.obstacle]))

    def not_enforced(self, pod: Mapping[str, Any]) -> str:
        """What a pod asks for in vain."""
        has_groups = not self._users.obstacle
        limits = self.limits_memory
        return remarks.not_sandboxed(pod, limits_processors=limits, has_groups=has_groups)

    async def start(self) -> None:
        """Find out how processes are tied to ours; whoever made the network has started it."""
        found = await asyncio.to_thread(parent_death_command)
        self._surroundings = replace(self._surroundings, parent_death=found)

    async def stop(self) -> None:
        """Remove the control groups, once the last processes have gone."""
        self._leaving += self._grouped.values()
        self._grouped.clear()
        for _ in range(_MOST_POLLS):
            if not self._remove_left():
                break
            await asyncio.sleep(_POLL_SECONDS)
        controlgroups.remove_all(self._surroundings.instance_id)
        await self._users.stop()

    def _remove_left(self) -> bool:
        """Remove groups of containers that ended; whether some are left."""
        self._leaving = [each for each in self._leaving if not each.remove()]
        return bool(self._leaving)

    def ended(self, request: ContainerRequest) -> bool:
        """Remove the group of a container; whether it lacked memory."""
        if confined := self._confined.pop(_key(request), None):
            confined.end()
        group = self._grouped.pop(_key(request), None)
        if group is None:
            return False
        lacked = group.lacked_memory()
        self._leaving.append(group)
        self._remove_left()
        return lacked

    def _enter_group(self, request: ContainerRequest) -> Sequence[str]:
        """What puts the processes of a container where its limits are."""
        if not isinstance(self._groups, ControlGroups):
            return ()
        found = self._grouped.get(_key(request))
        if found is None:
            found = self._groups.create(_key(request), request.resources)
            self._grouped[_key(request)] = found
            loop = asyncio.get_running_loop()
            loop.call_later(_BEGINNING_SECONDS, found.limit, request.resources, ["cpu"])
        return found.enter

    async def attach(self, pod: PodRequest) -> str:
        """Give a pod its place in the network."""
        if self._moves:
            self._moves.prepare()
        sysctls.check(pod.sysctls)
        found: Attachment = HOST_NETWORK
        if not pod.host_network:
            try:
                found = await self._network.attach(pod.uid, address=pod.address)
            except (OSError, ChoreoError) as error:
                raise StartError(f"cannot attach the pod to its network: {error}") from error
        self._attached[pod.uid] = found
        if pod.sysctls and not pod.host_network:
            await sysctls.write(pod.sysctls, found.enter)
        return found.address

    async def detach(self, pod: PodRequest, address: str) -> None:
        """Take the place back."""
        del address
        await self._users.release(pod.uid)
        if self._attached.pop(pod.uid, HOST_NETWORK) is not HOST_NETWORK:
            await self._network.detach(pod.uid)

    async def prepare(self, request: ContainerRequest) -> None:
        """Make the users of a container."""
        if self._moves:
            self._moves.prepare()
        await self._users.prepare(request.pod.uid, privileges.of_security(request.security))

    def container(self, request: ContainerRequest, image: HostImage, *, address: str) -> Command:
        """The main process of a container, behind bubblewrap."""
        who = privileges.of_security(request.security)
        confined = self._users.confine(request.pod.uid, who)
        try:
            found = self._behind(confined, request, image, who=who, address=address)
            confined.show()
        except OSError as error:
            confined.end()
            raise StartError(f"cannot place the files of the container: {error}") from error
        except BaseException:
            confined.end()
            raise
        self._confined[_key(request)] = confined
        return launch.terminal_command(found, self._surroundings) if request.tty else found

    def _behind(
        self,
        confined: Confinement,
        request: ContainerRequest,
        image: HostImage,
        *,
        who: Privileges,
        address: str,
    ) -> Command:
        scratch = Scratch(root_of(request))
        scratch.fresh()
        environment = ownroot.variables(request, image, self._surroundings)
        words = launch.entry_words(request, image, environment)
        root, allowed = self._root(image), self._filter_of(request)
        if isinstance(root, MachineRoot):
            scratch.open_ways(root, (mount.container_path for mount in request.mounts))
        if confined.owner is not None and not image.keeps_owners:
            # As on the disk; the container sees it as its own.
            scratch.give(who.user, who.group)
        for mount in request.mounts:
            if rootfilesystem.hides(root, mount.container_path):
                raise StartError(
                    f"cannot mount at {mount.container_path}: programs of this machine that the "
                    "image is made of lie below"
                )
        inside = [
            *_confined(request, who),
            *rootfilesystem.options(root, scratch, confined),
            *rootfilesystem.kernel_options(),
            *self._own_files(request, image, scratch, address=address, who=who),
            *_mounts(request, confined),
            *(("--remount-ro", "/") if who.read_only_root else ()),
            *("--chdir", _working_folder(request, image), "--"),
            *self._program(words, image, environment),
        ]
        filters = [_in_memory(allowed)] if allowed else []
        arguments = [
            # Bubblewrap ties itself to our life; until it runs, somebody else must.
            *(self._surroundings.parent_death or ()),
            *self._enter_group(request),
            *_entering(self._attached[request.pod.uid].enter, confined.enter),
            *self._processes.enter,
            str(confined.program),
            *confined.options,
            *(word for each in filters for word in ("--seccomp", str(each))),
            *inside,
        ]
        return Command(
            arguments,
            environment,
            Path("/"),
            descriptors=[*filters, *confined.hand_over()],
            shared=confined.descriptors,
            owner=confined.owner,
        )

    def _filter_of(self, request: ContainerRequest) -> bytes | None:
        return self._filter if seccomp.wants_filter(request.security) else None

    def _root(self, image: HostImage) -> RootFileSystem:
        if image.layers:
            return LayeredRoot(image.layers, image.keeps_owners)
        return ownroot.machine_root(image)

    def _own_files(
        self,
        request: ContainerRequest,
        image: HostImage,
        scratch: Scratch,
        *,
        address: str,
        who: Privileges,
    ) -> Iterator[str]:
        """System files, as every container has them."""
        files = ownroot.network_files(
            request.pod, self._surroundings, address=address, resolver=self._network.resolver
        )
        if not image.layers:  # an image has its own
            files["nsswitch.conf"] = "passwd: files\ngroup: files\nhosts: files dns\n"
            files |= ownroot.account_files(who.user, who.group)
        folder = scratch.written / "etc"
        folder.mkdir(exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
        shared = ("--perms", "1777")
        yield from (*shared, "--dir", "/tmp", *shared, "--tmpfs", "/dev/shm", "--dir", "/root")
        yield from ("--dir", _working_folder(request, image))

    def _program(
        self, words: Sequence[str], image: HostImage, environment: Mapping[str, str]
    ) -> list[str]:
        """A program of the image, else one that the container sees."""
        if image.layers:
            if not rootfilesystem.has_program(image.layers, words[0], environment.get("PATH", "")):
                raise StartError(ownroot.missing(words[0]))
            return list(words)
        return ownroot.host_program(words, image, environment, self._surroundings)

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
        """A further command in the namespaces of a container."""
        if os.stat(f"/proc/{pid}/ns/pid").st_ino == os.stat("/proc/self/ns/pid").st_ino:
            raise NotEnteredError(f"container {request.name} is still being started")
        enter = [*self._surroundings.interpreter, "-I", "-S", str(launch.SHIM / "enter.py")]
        who = privileges.of_security(request.security)
        found = self._program(words, image, base.environment)
        enter = [*self._enter_group(request), *enter]
        allowed = base64.b64encode(self._filter_of(request) or b"").decode() or "-"
        is_several = base.owner is not None
        identity = ":".join(map(str, (who.user, who.group, *who.groups))) if is_several else "-"
        folder = _working_folder(request, image)
        arguments = [*enter, str(pid), identity, who.mask, allowed, folder, *found]
        environment = {"TERM": "xterm", **base.environment} if terminal else base.environment
        return Command(arguments, environment, Path("/"), owner=base.owner)

    def main_pid(self, started: int) -> int:
        """The program, once it has begun."""
        return beginnings.program(started) or started

    def began(self, request: ContainerRequest, started: int) -> None:
        """Its files need not be found any more once it sees them: each costs all others time."""
        if confined := self._confined.get(_key(request)):
            beginnings.when_begun(started, confined.end)


def _entering(network: Sequence[str], users: Sequence[str]) -> list[str]:
    """Commands that enter namespaces; one does where both are the same program."""
    if network and users and network[0] == users[0] and network[-1] == "--":
        return [*network[:-1], *users[1:]]
    return [*network, *users]


def _in_memory(content: bytes) -> int:
    """A file without a name, to be read once."""
    found = os.memfd_create("filter")
    os.write(found, content)
    os.lseek(found, 0, os.SEEK_SET)
    return found


def _key(request: ContainerRequest) -> str:
    return f"{request.pod.uid}-{request.name}-{request.attempt}"


def _confined(request: ContainerRequest, who: Privileges) -> Iterator[str]:
    yield from (f"--unshare-{kind}" for kind in _UNSHARED)
    yield from ("--hostname", request.pod.hostname, "--die-with-parent", "--cap-drop", "ALL")
    for name in who.capabilities:
        yield from ("--cap-add", f"CAP_{name}")


def _mounts(request: ContainerRequest, confined: Confinement) -> Iterator[str]:
    for mount in sorted(request.mounts, key=lambda mount: mount.container_path.count("/")):
        if mount.within is None:
            option, source = "bind", str(confined.own(mount.host_path))
        else:
            option, source = confined.within(mount.within, mount.host_path)
        # Folders that come with a mount may be passed by their owner alone.
        yield from ("--dir", os.path.dirname(os.path.normpath(mount.container_path)))
        yield from (f"--{'ro-' * mount.read_only}{option}", source, mount.container_path)


def _working_folder(request: ContainerRequest, image: HostImage) -> str:
    return request.working_folder or image.working_folder
