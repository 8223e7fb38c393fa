"""What containers use, as the kernel counts it: engines answer the same much more slowly."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_NANOSECONDS = 1e9
_MICROSECONDS = 1e6


def used(pid: int) -> tuple[float, int] | None:
    """Processor seconds and bytes of memory of a process's container; None when unknown."""
    try:
        groups = dict(parse(Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8")))
        if "" in groups and "memory" not in groups:
            return _unified(_ROOT / groups[""].lstrip("/"))
        return _separate(groups)
    except (OSError, ValueError, KeyError):
        return None


def parse(text: str) -> Iterable[tuple[str, str]]:
    """Controller and path of each line; the controller of version 2 has no name."""
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        yield from ((controller, path) for controller in controllers.split(","))


def _unified(folder: Path) -> tuple[float, int]:
    lines = (folder / "cpu.stat").read_text(encoding="ascii").splitlines()
    counts = dict(line.split() for line in lines)
    seconds = int(counts["usage_usec"]) / _MICROSECONDS
    return seconds, int((folder / "memory.current").read_text(encoding="ascii"))


def _separate(groups: dict[str, str]) -> tuple[float, int]:
    processors = _ROOT / "cpuacct" / groups["cpuacct"].lstrip("/") / "cpuacct.usage"
    memory = _ROOT / "memory" / groups["memory"].lstrip("/") / "memory.usage_in_bytes"
    seconds = int(processors.read_text(encoding="ascii")) / _NANOSECONDS
    return seconds, int(memory.read_text(encoding="ascii"))
