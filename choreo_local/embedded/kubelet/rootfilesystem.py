"""The root file system of a sandboxed container: a view of this machine, or layers of an image.

The seam between images and the sandbox: whoever unpacks images hands over a `LayeredRoot`; host
images run in a `MachineRoot`. Pure, except for `fresh`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from choreo_local.embedded.kubelet import trees
from choreo_local.images import treepaths

# What programs of the machine need beside the folders below; nothing here holds secrets.
_CONFIGURATION = (
    "alternatives",
    "ca-certificates",
    "ca-certificates.conf",
    "crypto-policies",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "mime.types",
    "pki",
    "protocols",
    "services",
    "ssl",
)
# What belongs to the whole machine: the kernel lets root write there without asking for more.
_READ_ONLY = ("bus", "fs", "irq", "sys", "sysrq-trigger")
_MASKED_FILES = ("kcore", "keys", "latency_stats", "sched_debug", "timer_list")
_MASKED_FOLDERS = ("acpi", "scsi")
MACHINE = ("usr", "bin", "sbin", "lib", "lib32", "lib64")


@dataclass(frozen=True, slots=True)
class MachineRoot:
    """The programs of this machine, read-only.

    Attributes:
        folders: further folders that are seen where they lie.
        placed: path in the container → folder of this machine.
    """

    folders: Sequence[Path] = ()
    placed: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LayeredRoot:
    """Unpacked layers of an image, the lowest first; they are shared and never written to.

    Attributes:
        keeps_owners: whether their files belong to whom the image says, else all to one user.
    """

    layers: Sequence[Path]
    keeps_owners: bool = False


RootFileSystem = MachineRoot | LayeredRoot


@dataclass(frozen=True, slots=True)
class Scratch:
    """The folder of one container in which everything it writes to its root ends."""

    folder: Path

    @property
    def written(self) -> Path:
        """What was written."""
        return self.folder / "root"

    @property
    def work(self) -> Path:
        """For the kernel."""
        return self.folder / "work"

    def fresh(self) -> None:
        """Begin anew."""
        if self.folder.exists():
            trees.remove_wholly(self.folder)
        for each in (self.written, self.work):
            each.mkdir(parents=True)

    def give(self, user: int, group: int) -> None:
        """Give what is there so far to the user of the container."""
        for each in (self.written, *self.written.rglob("*")):
            os.chown(each, user, group)

    def open_ways(self, root: MachineRoot, mounts: Iterable[str]) -> None:
        """Make the folders above what will be put there, for every user of the container.

        Those that bubblewrap makes may be passed by their owner alone.
        """
        for path in (*map(str, outermost(root.folders)), *root.placed, *mounts):
            way = self.written
            # What is a link of the machine's must not be there before.
            names = [name for name in os.path.normpath(f"/{path}").split("/")[:-1] if name]
            for name in names if names[:1] and names[0] not in MACHINE else ():
                way /= name
                if not way.exists():
                    way.mkdir()
                    way.chmod(0o1777 if way == self.written / "tmp" else 0o755)


class View(Protocol):
    """Where bubblewrap finds what is of the machine, of an image's layers, of the container."""

    def machine(self, path: Path) -> Path: ...

    def layer(self, path: Path) -> Path: ...

    def own(self, path: Path) -> Path: ...


def options(root: RootFileSystem, scratch: Scratch, view: View) -> list[str]:
    """The arguments of bubblewrap that make the root."""
    # As one: what is written and what the kernel needs for it have to be in the same mount.
    own = view.own(scratch.folder)
    written = str(own / scratch.written.name)
    if isinstance(root, LayeredRoot):
        see = view.own if root.keeps_owners else view.layer
        sources = [str(see(each)) for each in root.layers]
        overlay = ["--overlay", written, str(own / scratch.work.name), "/"]
        return [*(word for each in sources for word in ("--overlay-src", each)), *overlay]
    found = ["--bind", written, "/"]
    found += _machine_folders()
    for folder in outermost(root.folders):
        found += ["--ro-bind", str(view.machine(folder)), str(folder)]
    for path, folder in root.placed.items():
        seen = view.machine(folder)
        # One by one: below the same path there may be folders of the machine that are needed.
        for each in sorted(folder.iterdir()):
            found += ["--ro-bind", str(seen / each.name), f"{path.rstrip('/')}/{each.name}"]
    return found


def kernel_options() -> list[str]:
    """The arguments that show a container its own processes, and let it change nothing else."""
    found = ["--proc", "/proc", "--dev", "/dev"]
    for path in (Path("/proc", name) for name in _READ_ONLY):
        found += ["--ro-bind-try", str(path), str(path)]
    for path in (Path("/proc", name) for name in _MASKED_FILES):
        found += ["--ro-bind", "/dev/null", str(path)] if path.exists() else []
    for path in (Path("/proc", name) for name in _MASKED_FOLDERS):
        found += ["--tmpfs", str(path), "--remount-ro", str(path)] if path.exists() else []
    return found


def hides(root: RootFileSystem, path: str) -> bool:
    """Whether a mount at a path would take away what the container's programs are made of."""
    if isinstance(root, LayeredRoot):
        return False
    needed = [*root.folders, Path("/usr")]
    return any(folder.is_relative_to(path) for folder in needed)


def has_program(layers: Sequence[Path], word: str, path: str) -> bool:
    """Whether an image has a program; a word that is relative to a folder is not looked for."""
    if "/" in word and not word.startswith("/"):
        return True
    names = [word] if word.startswith("/") else [f"{folder}/{word}" for folder in path.split(":")]
    return any(
        treepaths.resolve(layer, name.split("/")).is_file() for layer in layers for name in names
    )


def machine_paths() -> list[Path]:
    """The folders and files of this machine that every container with its programs sees."""
    folders = [path for name in MACHINE if (path := Path("/", name)).is_dir()]
    return [*folders, *(path for name in _CONFIGURATION if (path := Path("/etc", name)).exists())]


def _machine_folders() -> list[str]:
    found: list[str] = []
    for path in machine_paths():
        if path.is_symlink() and path.parent == Path("/"):
            found += ["--symlink", os.readlink(path), str(path)]
        else:
            found += ["--ro-bind", str(path), str(path)]
    return found


def outermost(folders: Iterable[Path]) -> list[Path]:
    """The folders that no other one contains, nor the machine's own programs."""
    found: list[Path] = []
    for folder in sorted(set(folders)):
        inside = [*found, Path("/usr")]
        if not any(folder.is_relative_to(each) for each in inside):
            found.append(folder)
    return found


def of_interpreter() -> list[Path]:
    """The folders that the Python of this instance lives in, also behind links."""
    found = {Path(sys.prefix), Path(sys.base_prefix)}
    return sorted(found | {each.resolve() for each in found})
