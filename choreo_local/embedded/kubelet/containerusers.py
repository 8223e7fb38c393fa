"""Which users of the machine the users of sandboxed containers are.

With root of the machine each pod has a range of users of its own (`RangeOfUsers`): a container has
all users that images expect, and none of them is anybody on this machine. Else a container has the
one user that it runs as, who is the user of the instance (`SingleUser`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from choreo_local.embedded.kubelet import beneath, usernamespaces
from choreo_local.embedded.kubelet.privileges import Privileges
from choreo_local.embedded.kubelet.rootfilesystem import View
from choreo_local.embedded.kubelet.runtime import StartError
from choreo_local.embedded.kubelet.stage import Part, Stage
from choreo_local.embedded.kubelet.usernamespaces import Map, Ranges

logger = logging.getLogger(__name__)

_MOST_IDLE, _SPARE = 16, 2
# The pod that was just prepared is being started: the processor is its own first.
_REST_SECONDS = 0.1
_PACKAGE_DEPTH = 2
_SECONDS = 30
_Key = TypeVar("_Key")


class Confinement(View, Protocol):
    """How one container gets its users.

    `enter` is a command prefix; `options` and `descriptors` are bubblewrap's, which lies at
    `program`; who starts it closes what `hand_over` answers. `owner` are the user and group of the
    machine that the main process is. `within` answers option and source for a path that must not
    lead out of a folder. `show` makes visible what was asked for of the `View`; `end` follows when
    the container has ended.
    """

    @property
    def enter(self) -> Sequence[str]: ...

    @property
    def program(self) -> Path: ...

    @property
    def options(self) -> Sequence[str]: ...

    @property
    def descriptors(self) -> Sequence[int]: ...

    @property
    def owner(self) -> tuple[int, int] | None: ...

    def within(self, folder: Path, path: Path) -> tuple[str, str]: ...

    def show(self) -> None: ...

    def hand_over(self) -> Sequence[int]: ...

    def end(self) -> None: ...


class Users(Protocol):
    """Gives containers their users.

    `obstacle` says why containers have one user only; empty when they do not. `prepare` comes
    before `confine`, and `release` when the pod has gone.
    """

    @property
    def obstacle(self) -> str: ...

    async def prepare(self, pod: str, who: Privileges) -> None: ...

    def confine(self, pod: str, who: Privileges) -> Confinement: ...

    async def release(self, pod: str) -> None: ...

    async def stop(self) -> None: ...


@dataclass(frozen=True, slots=True)
class _Alone:
    """The one user of a container is the user of the instance."""

    program: Path
    options: Sequence[str]
    enter: Sequence[str] = ()
    descriptors: Sequence[int] = ()
    owner: tuple[int, int] | None = None
    opened: list[int] = field(default_factory=list)

    def machine(self, path: Path) -> Path:
        return path

    def layer(self, path: Path) -> Path:
        return path

    def own(self, path: Path) -> Path:
        return path

    def within(self, folder: Path, path: Path) -> tuple[str, str]:
        self.opened.append(beneath.find(folder, str(path.relative_to(folder))))
        return "bind-fd", str(self.opened[-1])

    def show(self) -> None:
        """Everything is seen where it is."""

    def hand_over(self) -> Sequence[int]:
        handed = tuple(self.opened)
        self.opened.clear()
        return handed

    def end(self) -> None:
        for each in self.hand_over():
            os.close(each)


class SingleUser:
    """Implements `Users` without any rights.

    Args:
        obstacle: why there is nothing better.
    """

    def __init__(self, bubblewrap: Path, obstacle: str) -> None:
        self._bubblewrap = bubblewrap
        self.obstacle = obstacle

    async def prepare(self, pod: str, who: Privileges) -> None:
        """Bubblewrap makes the namespace."""

    def confine(self, pod: str, who: Privileges) -> Confinement:
        """For one container."""
        del pod
        return _Alone(self._bubblewrap, ["--unshare-user", *_identity(who)])

    async def release(self, pod: str) -> None:
        """Nothing is kept."""

    async def stop(self) -> None:
        """Nothing is kept."""


def _identity(who: Privileges) -> list[str]:
    return ["--uid", str(who.user), "--gid", str(who.group)]


@dataclass(slots=True)
class _Range:
    """The users of one pod, and the namespaces that have them: by map and owner, or for layers."""

    base: int
    namespaces: dict[tuple[Map, int], int] = field(default_factory=dict)
    of_layers: dict[int, int] = field(default_factory=dict)

    def close(self) -> None:
        for each in (*self.namespaces.values(), *self.of_layers.values()):
            os.close(each)


class RangeOfUsers:
    """Implements `Users` as root; made by `find`.

    Args:
        nsenter: the program that enters namespaces.
    """

    obstacle = ""

    def __init__(self, instance_id: str, *, bubblewrap: Path, nsenter: Path) -> None:
        self._bubblewrap, self._nsenter = bubblewrap, nsenter
        self._setpriv = shutil.which("setpriv")
        self._ranges = Ranges(instance_id)
        self._stage = Stage()
        self._program = self._stage.begin()
        # With what it is linked to, which its package keeps beside it.
        package = bubblewrap.parents[_PACKAGE_DEPTH]
        self._seen_program = self._program.add(package, owners=None) / bubblewrap.relative_to(
            package
        )
        self._program.show()
        self._pods: dict[str, _Range] = {}
        self._idle: list[_Range] = []
        self._stocking: asyncio.Task[None] | None = None
        self._is_stopped = False

    def check(self, folder: Path) -> None:
        """OSError when the files of a folder cannot be shown to users of a range."""
        with contextlib.closing(_Range(self._ranges.take())) as found:
            who = Map(found.base)
            owners = found.namespaces[who, 0] = self._make(who, found.base)
            part = self._stage.begin()
            try:
                part.add(folder, owners=owners)
            finally:
                part.remove()
            self._try_program(found.base)
            self._ranges.release(found.base)

    def _try_program(self, user: int) -> None:
        """OSError when the users of a range cannot run bubblewrap."""
        words = [f"--mount={self._stage.path}", f"--setuid={user}", f"--setgid={user}", "--"]
        command = [str(self._nsenter), *words, str(self._seen_program), "--version"]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_SECONDS
        )
        if done.returncode:
            raise OSError(done.stderr.strip()[:300])

    def _make(self, map_: Map, owner: int) -> int:
        return usernamespaces.make(self._nsenter, owner=owner, text=map_.text())

    async def prepare(self, pod: str, who: Privileges) -> None:
        """Make the namespaces that a container of a pod needs, if need be."""
        try:
            await self._furnish(self._range(pod), who)
        except OSError as error:
            raise StartError(f"cannot make users for the container: {error}") from error
        if self._stocking is None or self._stocking.done():
            self._stocking = asyncio.create_task(self._stock_up(who))

    async def _furnish(self, found: _Range, who: Privileges) -> None:
        map_ = _map(found, who)
        if (map_, who.user) not in found.namespaces:
            made = await asyncio.to_thread(self._make, map_, map_.outside(who.user))
            _keep(found.namespaces, (map_, who.user), made)
        if who.user and who.user not in found.of_layers:
            text = f"0 {map_.outside(who.user)} 1\n"
            made = await asyncio.to_thread(
                usernamespaces.make, self._nsenter, owner=found.base, text=text
            )
            _keep(found.of_layers, who.user, made)

    async def _stock_up(self, who: Privileges) -> None:
        """Have users ready for pods to come, as the last pod's were: making them takes a while."""
        await asyncio.sleep(_REST_SECONDS)
        while len(self._idle) < _SPARE and not self._is_stopped:
            spare = _Range(self._ranges.take())
            try:
                await self._furnish(spare, who)
            except OSError as error:
                logger.warning("No users made for pods to come error=%s", error)
                self._ranges.release(spare.base)
                spare.close()
                return
            self._idle.append(spare)

    def _range(self, pod: str) -> _Range:
        if pod not in self._pods:
            self._pods[pod] = self._idle.pop(0) if self._idle else _Range(self._ranges.take())
        return self._pods[pod]

    def confine(self, pod: str, who: Privileges) -> Confinement:
        """For one container that was prepared for."""
        found = self._range(pod)
        map_ = _map(found, who)
        namespace = found.namespaces[map_, who.user]
        return _Mapped(
            part=self._stage.begin(),
            users=namespace,
            # Files of images belong to root on this machine, and to the user of their container.
            users_of_layers=found.of_layers[who.user] if who.user else namespace,
            enter=[
                *(str(self._nsenter), f"--mount={self._stage.path}"),
                *self._becoming(map_, who),
            ],
            program=self._seen_program,
            descriptors=[namespace],
            # What it waits for is closed before the program begins, and there is nothing to read.
            options=["--userns", str(namespace), "--block-fd", str(namespace), *_identity(who)],
            owner=(map_.outside(who.user), map_.outside(who.group)),
        )

    def _becoming(self, map_: Map, who: Privileges) -> list[str]:
        user, group = map_.outside(who.user), map_.outside(who.group)
        if not who.groups:
            return [f"--setuid={user}", f"--setgid={group}", "--"]
        if self._setpriv is None:
            raise StartError(
                "cannot give the container further groups: this machine lacks the program setpriv "
                "(package util-linux)"
            )
        groups = ",".join(str(map_.outside(each)) for each in who.groups)
        own = [f"--reuid={user}", f"--regid={group}", f"--groups={groups}", "--"]
        return ["--", self._setpriv, *own]

    async def release(self, pod: str) -> None:
        """Let others have the users of a pod, after a rest."""
        found = self._pods.pop(pod, None)
        if found is None:
            return
        if len(self._idle) < _MOST_IDLE:
            self._idle.append(found)
        else:
            self._ranges.release(found.base)
            found.close()

    async def stop(self) -> None:
        """Let go of everything."""
        self._is_stopped = True
        if self._stocking is not None:
            await self._stocking
        self.close()

    def close(self) -> None:
        """The same where nobody has been given users yet."""
        for each in (*self._pods.values(), *self._idle):
            each.close()
        self._pods.clear()
        self._idle.clear()
        self._stage.close()


def _map(found: _Range, who: Privileges) -> Map:
    return Map.of(found.base, [who.user, who.group, *who.groups])


def _keep(kept: dict[_Key, int], key: _Key, made: int) -> None:
    """Keep what was made; somebody else may have been faster."""
    if kept.setdefault(key, made) != made:
        os.close(made)


@dataclass(frozen=True, slots=True)
class _Mapped:
    """The users of a container are a range of the machine's."""

    part: Part
    users: int
    users_of_layers: int
    enter: Sequence[str]
    program: Path
    options: Sequence[str]
    descriptors: Sequence[int]
    owner: tuple[int, int] | None

    def machine(self, path: Path) -> Path:
        return self.part.add(path, owners=self.users, must=False)

    def layer(self, path: Path) -> Path:
        return self.part.add(path, owners=self.users_of_layers)

    def own(self, path: Path) -> Path:
        return self.part.add(path, owners=self.users)

    def within(self, folder: Path, path: Path) -> tuple[str, str]:
        opened = beneath.find(folder, str(path.relative_to(folder)))
        try:
            return "bind", str(self.part.add_opened(opened, owners=self.users))
        finally:
            os.close(opened)

    def show(self) -> None:
        self.part.show()

    def hand_over(self) -> Sequence[int]:
        return ()

    def end(self) -> None:
        self.part.remove()


def find(instance_id: str, folder: Path, *, bubblewrap: Path, nsenter: Path) -> Users:
    """The best that this machine has, for containers whose files are in a folder."""
    if not usernamespaces.is_whole_machine():
        return SingleUser(bubblewrap, "only root of the machine has further users to give")
    try:
        found = RangeOfUsers(instance_id, bubblewrap=bubblewrap, nsenter=nsenter)
    except OSError as error:
        return SingleUser(bubblewrap, f"this kernel has no namespace for their files: {error}")
    try:
        found.check(folder)
    except OSError as error:
        found.close()
        return SingleUser(bubblewrap, f"files cannot be shown under other owners: {error}")
    return found
