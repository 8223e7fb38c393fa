"""A person at a terminal of a certain size, who sees what a command paints and presses keys."""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from tests.e2e.screen import Screen
from tests.e2e.user import User

_PATIENCE_SECONDS = 60.0


class Terminal:
    """Runs a command of a person in a pseudo terminal.

    Args:
        user: whose surroundings.
        command: what is typed.

    Attributes:
        screen: what is seen at the moment.
    """

    def __init__(self, user: User, *command: str, columns: int = 80, lines: int = 24) -> None:
        self.screen = Screen(columns, lines)
        self._user = user
        self._command = command
        self._size = struct.pack("HHHH", lines, columns, 0, 0)
        self._changed = threading.Condition()

    def __enter__(self) -> Terminal:
        self._outer, inner = pty.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, self._size)
        self._child = subprocess.Popen(
            [
                *self._user.becoming,
                str(self._user.program(self._command[0])),
                *self._command[1:],
            ],
            stdin=inner,
            stdout=inner,
            stderr=inner,
            start_new_session=True,
            cwd=self._user.home,
            env={**self._user.environment, "TERM": "xterm-256color", "LANG": "C.UTF-8"},
        )
        os.close(inner)
        self._reading = threading.Thread(target=self._read)
        self._reading.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._child.kill()
        self._child.wait()
        self._reading.join()
        os.close(self._outer)

    def resize(self, *, columns: int, lines: int) -> None:
        """Make the window larger or smaller."""
        self.screen = Screen(columns, lines)
        fcntl.ioctl(self._outer, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self._child.send_signal(signal.SIGWINCH)

    def press(self, keys: str) -> None:
        """Type keys."""
        os.write(self._outer, keys.encode())

    def sees(self, *words: str) -> None:
        """Wait until all the words are on the screen."""
        self.until(lambda text: all(word in text for word in words), what=f"words {words}")

    def until(self, holds: Callable[[str], bool], *, what: str) -> None:
        """Wait until the screen is as it should be."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        with self._changed:
            while not holds(self.screen.text):
                if not self._changed.wait(deadline - time.monotonic()):
                    raise AssertionError(f"not seen: {what}; but:\n{self.screen.text}")

    def ended(self) -> int:
        """Wait for the end of the command; its exit code."""
        code = self._child.wait(_PATIENCE_SECONDS)
        self._reading.join(_PATIENCE_SECONDS)
        return code

    def _read(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        # When the last process has closed the terminal, Linux answers with an error.
        with suppress(OSError):
            while self._child.poll() is None or select.select([self._outer], [], [], 0)[0]:
                if not select.select([self._outer], [], [], 0.2)[0]:
                    continue
                piece = decoder.decode(os.read(self._outer, 65536))
                with self._changed:
                    self.screen.feed(piece)
                    self._changed.notify_all()
