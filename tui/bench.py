"""`python -m tui.bench`: how fast the dashboard is, measured from outside, in its own terminal.

A child process runs the dashboard over made-up values (`tui.load`); the parent presses keys and
waits for what a user would see.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import statistics
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

_COLUMNS, _LINES = 120, 40
_DOWN = b"\x1b[B"
_LIMIT_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Figure:
    """Something that was measured.

    Attributes:
        samples: in the order they were taken.
    """

    name: str
    unit: str
    samples: tuple[float, ...]

    def quantile(self, share: float) -> float:
        """The value below which that share of the samples lies."""
        ordered = sorted(self.samples)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def run(*, components: int = 1000, keys: int = 200, starts: int = 5) -> list[Figure]:
    """Measure start, and keys on the board and in a log."""
    command = [sys.executable, "-m", "tui.load", str(components)]
    bare = tuple(_seconds([sys.executable, "-c", "pass"]) * 1000 for _ in range(starts))
    first = []
    for _ in range(starts):
        with Terminal(command) as terminal:
            first.append(terminal.wait_for(b"choreo") * 1000)
    beyond = tuple(max(sample - statistics.median(bare), 0.0) for sample in first)
    with Terminal(command) as terminal:
        on_board = _move(terminal, components, keys)
        in_log = _pause(terminal, keys)
    return [
        Figure("dashboard: start to first paint", "ms", tuple(first)),
        Figure("dashboard: the same beyond the interpreter's own start", "ms", beyond),
        Figure(f"dashboard: key to paint, {components} components", "ms", on_board),
        Figure("dashboard: key to paint, 5000 log lines a second", "ms", in_log),
    ]


def _move(terminal: Terminal, components: int, keys: int) -> tuple[float, ...]:
    """Go down row by row while rows change."""
    terminal.wait_for(b"component-00001")
    return tuple(
        terminal.press(_DOWN, f"component-{number % components:05}".encode()) * 1000
        for number in range(1, keys + 1)
    )


def _pause(terminal: Terminal, keys: int) -> tuple[float, ...]:
    """Stop and go on in a log that is flooded."""
    terminal.press(b"l", b"dropped, the oldest")
    shown = (b"paused", b"following")
    return tuple(terminal.press(b" ", shown[number % len(shown)]) * 1000 for number in range(keys))


def _seconds(command: Sequence[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - started


class Terminal:
    """A terminal of its own for a command.

    Args:
        command: what runs in it.

    Attributes:
        seen: what was painted since the last wait began.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self.seen = b""

    def __enter__(self) -> Terminal:
        self._screen, inner = pty.openpty()
        size = struct.pack("HHHH", _LINES, _COLUMNS, 0, 0)
        fcntl.ioctl(inner, termios.TIOCSWINSZ, size)
        self._started = time.perf_counter()
        self._child = subprocess.Popen(
            self._command,
            stdin=inner,
            stdout=inner,
            stderr=inner,
            env={**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"},
        )
        os.close(inner)
        return self

    def __exit__(self, *error: object) -> None:
        self._child.kill()
        self._child.wait()
        os.close(self._screen)

    def wait_for(self, text: bytes) -> float:
        """Seconds from the start of the process until the text is painted."""
        return self._painted(text) - self._started

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._screen, keys)

    def press(self, key: bytes, text: bytes) -> float:
        """Seconds from a key until the text is painted."""
        started = time.perf_counter()
        os.write(self._screen, key)
        return self._painted(text) - started

    def ended(self) -> int:
        """Wait for the command's end; its exit code. What it still paints is read meanwhile."""
        with suppress(OSError):
            while select.select([self._screen], [], [], _LIMIT_SECONDS)[0]:
                self.seen += os.read(self._screen, 65536)
        return self._child.wait(_LIMIT_SECONDS)

    def _painted(self, text: bytes) -> float:
        self.seen = b""
        until = time.perf_counter() + _LIMIT_SECONDS
        while text not in self.seen:
            left = until - time.perf_counter()
            if left <= 0 or not select.select([self._screen], [], [], left)[0]:
                raise TimeoutError(f"not painted within {_LIMIT_SECONDS:.0f} s: {text!r}")
            self.seen += os.read(self._screen, 65536)
        return time.perf_counter()


def main() -> int:
    """Print the figures."""
    for figure in run():
        line = (
            f"{figure.name:<56} median {statistics.median(figure.samples):7.1f}"
            f"  p95 {figure.quantile(0.95):7.1f} {figure.unit}  ({len(figure.samples)} samples)\n"
        )
        sys.stdout.write(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
