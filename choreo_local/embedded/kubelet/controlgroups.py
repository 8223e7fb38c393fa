"""Control groups of Linux, version 1 or 2: how much a container may use, and whether it was killed.

An instance has one group in each hierarchy, and below it one for each container. What an earlier
life left is empty, because the processes ended with it, and is removed by `remove_all`.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from choreo_local.apimachinery import quantity
from choreo_local.embedded.kubelet import hierarchies, resources
from choreo_local.embedded.kubelet.groupmoves import GroupMoves
from choreo_local.embedded.kubelet.hierarchies import CONTROLLERS, Hierarchies

# No program of ours or of a user's needs more, and a machine survives this many.
MOST_PROCESSES = 2048
_PERIOD = 100_000
_LEAST_QUOTA = 1000
# Writes its own process id into each group, then becomes the program.
_ENTER = (
    'count=$1; shift; while [ "$count" -gt 0 ]; do echo $$ > "$1/cgroup.procs" || exit 125; '
    'shift; count=$((count-1)); done; exec "$@"'
)


def find(instance_id: str) -> Hierarchies | str:
    """Where this process can limit all we want to limit; else why it cannot."""
    reason = "this machine has no control groups for processors, memory and processes"
    for found in hierarchies.candidates():
        try:
            _prepare(found, instance_id)
        except OSError as error:
            remove_all(instance_id)
            reason = f"control groups cannot be made: {error.strerror}"
        else:
            return found
    return reason


def _prepare(found: Hierarchies, instance_id: str) -> None:
    for folder in found.distinct:
        own = _of_instance(folder, instance_id)
        own.mkdir(exist_ok=True)
        if found.is_unified:
            if found.is_given:
                hierarchies.make_room(folder, own)
            for place in (folder, own):
                _write(place / "cgroup.subtree_control", " ".join(f"+{c}" for c in CONTROLLERS))


def group_name(instance_id: str) -> str:
    """The name of an instance's group in every hierarchy."""
    return f"choreo-{hashlib.sha256(instance_id.encode()).hexdigest()[:12]}"


def _of_instance(folder: Path, instance_id: str) -> Path:
    return folder / group_name(instance_id)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="ascii")


@dataclass(frozen=True, slots=True)
class Group:
    """The groups of one container."""

    folders: Mapping[str, Path]
    is_unified: bool

    @property
    def enter(self) -> list[str]:
        """A command prefix that runs a program in them."""
        distinct = [str(each) for each in dict.fromkeys(self.folders.values())]
        return ["/bin/sh", "-c", _ENTER, "sh", str(len(distinct)), *distinct]

    def limit(self, wanted: Mapping[str, Any], controllers: Collection[str]) -> None:
        """Set limits of some controllers, unless the container has ended."""
        with contextlib.suppress(FileNotFoundError):
            for controller, file, text in settings(wanted, is_unified=self.is_unified):
                if controller in controllers:
                    _write(self.folders[controller] / file, text)

    def lacked_memory(self) -> bool:
        """Whether the kernel has ended a process for lack of memory."""
        name = "memory.events" if self.is_unified else "memory.oom_control"
        try:
            text = (self.folders["memory"] / name).read_text(encoding="ascii")
        except OSError:
            return False
        counts = dict(line.split() for line in text.splitlines())
        return int(counts.get("oom_kill", 0)) > 0

    def remove(self) -> bool:
        """Remove them; False while a process has not gone yet."""
        try:
            for folder in dict.fromkeys(self.folders.values()):
                if folder.exists():
                    folder.rmdir()
        except OSError:
            return False
        return True


class ControlGroups:
    """Makes the groups of an instance's containers.

    Args:
        most_processes: of one container.

    Attributes:
        moves: shortens the wait of processes that enter a group.
    """

    def __init__(
        self, places: Hierarchies, instance_id: str, *, most_processes: int = MOST_PROCESSES
    ) -> None:
        self._most_processes = most_processes
        self.moves = GroupMoves(places)
        self._hierarchies = places
        self._instance_id = instance_id

    def create(self, name: str, wanted: Mapping[str, Any]) -> Group:
        """The group of a container, with limits of memory and processes.

        `wanted` is `resources` of its spec. Its processors are for `Group.limit` to limit, once the
        program has begun: a tenth of a processor would stretch that from 50 ms to half a second.
        """
        folders = {
            controller: _of_instance(folder, self._instance_id) / name
            for controller, folder in self._hierarchies.folders.items()
        }
        for folder in dict.fromkeys(folders.values()):
            folder.mkdir(exist_ok=True)
        group = Group(folders, self._hierarchies.is_unified)
        _write(folders["pids"] / "pids.max", str(self._most_processes))
        group.limit(wanted, ["memory"])
        return group


def settings(wanted: Mapping[str, Any], *, is_unified: bool) -> Iterator[tuple[str, str, str]]:
    """What a container's limits come to: controller, file, content."""
    memory = resources.memory_limit(wanted)
    if memory is not None:
        yield "memory", "memory.max" if is_unified else "memory.limit_in_bytes", str(memory)
    processors = (wanted.get("limits") or {}).get("cpu")
    if processors is not None:
        quota = max(_LEAST_QUOTA, int(quantity.parse(processors).value * _PERIOD))
        if is_unified:
            yield "cpu", "cpu.max", f"{quota} {_PERIOD}"
        else:
            yield "cpu", "cpu.cfs_period_us", str(_PERIOD)
            yield "cpu", "cpu.cfs_quota_us", str(quota)


def remove_all(instance_id: str) -> None:
    """Remove the groups of an instance whose processes have ended."""
    for folder in hierarchies.places():
        own = _of_instance(folder, instance_id)
        _remove([*_children(own), own])


def _children(folder: Path) -> Sequence[Path]:
    return [each for each in folder.glob("*") if each.is_dir()]


def _remove(folders: Iterable[Path]) -> None:
    for folder in folders:
        with contextlib.suppress(OSError):  # It does not exist, or is still in use.
            folder.rmdir()
