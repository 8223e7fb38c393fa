"""User namespaces for containers: each pod has a range of users that are nobody else here.

The kernel gives a namespace to whoever has made it, so a small program makes it as the user that
its containers start as, and ends once its map is written. Needs root of the machine itself.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

COUNT = 65536
# Between what service managers give to containers and what programs take for negative numbers. The
# upper half of each range is for the few users of a container with larger numbers.
_FIRST, _SLOTS, _STEP = 0x70000000, 2047, 2 * COUNT
_SECONDS = 30
_WHOLE_MACHINE = ("0", "0", "4294967295")


class Ranges:
    """Gives out ranges of users; two instances begin at different places.

    A range is used again after all others, so that it rests in between.
    """

    def __init__(self, instance_id: str) -> None:
        digest = hashlib.sha256(instance_id.encode()).digest()
        self._next = int.from_bytes(digest[:4], "big") % _SLOTS
        self._taken: set[int] = set()

    def take(self) -> int:
        """The first user of a range."""
        for _ in range(_SLOTS):
            base = _FIRST + self._next * _STEP
            self._next = (self._next + 1) % _SLOTS
            if base not in self._taken:
                self._taken.add(base)
                return base
        raise OSError("all ranges of users are taken")

    def release(self, base: int) -> None:
        """Nobody is of that range now."""
        self._taken.discard(base)


@dataclass(frozen=True, slots=True)
class Map:
    """Which users (and groups) of the machine those of a container are.

    Attributes:
        large: those that are numbered beyond the range, in order.
    """

    base: int
    large: tuple[int, ...] = ()

    @classmethod
    def of(cls, base: int, numbers: Iterable[int]) -> Map:
        """The map of a range in which all of these numbers exist."""
        return cls(base, tuple(sorted({each for each in numbers if each >= COUNT})))

    def outside(self, number: int) -> int:
        """The user of the machine."""
        if number < COUNT:
            return self.base + number
        return self.base + COUNT + self.large.index(number)

    def text(self) -> str:
        """As the kernel takes it."""
        rest = (f"{each} {self.outside(each)} 1\n" for each in self.large)
        return "".join([f"0 {self.base} {COUNT}\n", *rest])


def is_whole_machine() -> bool:
    """Whether this process has the rights of root over all users of the machine."""
    words = Path("/proc/self/uid_map").read_text(encoding="ascii").split()
    return os.geteuid() == 0 and tuple(words) == _WHOLE_MACHINE


def make(nsenter: Path, *, owner: int, text: str) -> int:
    """A namespace that a user of the machine may enter, as a descriptor; `text` is its map."""
    as_owner = [str(nsenter), f"--setuid={owner}", f"--setgid={owner}", "--"]
    # It answers once it runs in the namespace, and ends with its input.
    program = ["unshare", "--user", "cat"]
    with subprocess.Popen(
        [*as_owner, *program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
        if not process.stdout.readline():
            raise OSError("a user namespace cannot be made")
        folder = Path(f"/proc/{process.pid}")
        for name in ("uid_map", "gid_map"):
            (folder / name).write_text(text, encoding="ascii")
        found = os.open(folder / "ns/user", os.O_RDONLY | os.O_CLOEXEC)
        process.stdin.close()
        process.wait(_SECONDS)
    return found
