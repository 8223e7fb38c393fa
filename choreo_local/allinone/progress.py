"""How far a start has come: phases with their times, told to whoever started us.

The starting process reads JSON lines from a pipe; the pipe's end means that we died.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from choreo_local.errors import ChoreoError

_CHUNK_BYTES = 65536


class Progress:
    """Tells of the phases of one start.

    Args:
        stream: where the JSON lines go; None says nothing.
        record: the file that keeps the times of the last start.
    """

    def __init__(self, stream: TextIO | None, record: Path) -> None:
        self.times: dict[str, float] = {}
        self._stream = stream
        self._record = record
        self._last = last_times(record)
        self._began = time.monotonic()

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """A named part of the start; it is over when the block is left without an exception."""
        began = time.monotonic()
        self._tell({"phase": name, "last": self._last.get(name)})
        yield
        self.times[name] = round(time.monotonic() - began, 3)
        self._tell({"phase": name, "seconds": self.times[name]})

    def ready(self, facts: Mapping[str, Any]) -> None:
        """The platform is ready; the times become those of the last start."""
        total = round(time.monotonic() - self._began, 3)
        with contextlib.suppress(OSError):  # the times are for show: a full disk may lose them
            self._record.write_text(json.dumps(self.times), encoding="utf-8")
        self._tell({"ready": True, "seconds": total, **facts})
        self.close()

    def failed(self, error: BaseException) -> None:
        """The start failed."""
        known = isinstance(error, ChoreoError)
        message = error.message if isinstance(error, ChoreoError) else repr(error)
        message = ", ".join([message, *getattr(error, "__notes__", ())])
        remedy = error.remedy if isinstance(error, ChoreoError) else ""
        code = error.exit_code if isinstance(error, ChoreoError) else 1
        self._tell({"failed": message, "remedy": remedy, "exitCode": code, "expected": known})
        self.close()

    def close(self) -> None:
        """Nothing more will be said."""
        if self._stream is not None:
            with contextlib.suppress(OSError):
                self._stream.close()
            self._stream = None

    def _tell(self, event: Mapping[str, Any]) -> None:
        if self._stream is None:
            return
        try:
            self._stream.write(json.dumps(event) + "\n")
            self._stream.flush()
        except OSError:
            # Whoever started us has gone; the start goes on.
            self.close()


def last_times(record: Path) -> dict[str, float]:
    """The seconds that each phase took last time; nothing when they cannot be read."""
    try:
        content = json.loads(record.read_text(encoding="utf-8"))
        return {str(name): float(seconds) for name, seconds in content.items()}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}


def follow(descriptor: int, *, timeout_seconds: float) -> Iterator[dict[str, Any]]:
    """What a starting instance tells, until it closes its end of the pipe.

    Raises TimeoutError when the time is over, however silent it is.
    """
    deadline = time.monotonic() + timeout_seconds
    rest = b""
    while True:
        remaining = max(deadline - time.monotonic(), 0)
        if not select.select([descriptor], [], [], remaining)[0]:
            raise TimeoutError
        chunk = os.read(descriptor, _CHUNK_BYTES)
        if not chunk:
            return  # half a line is the last word of a process that was killed
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield json.loads(line)
