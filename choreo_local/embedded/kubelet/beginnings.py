"""When a container has begun: bubblewrap has made its namespaces, and the program runs in them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

_LOOK_SECONDS = 0.5


def program(started: int) -> int | None:
    """The program: the only child of the first process of its namespace, `started` is outside."""
    first = _only_child(started)
    return first and _only_child(first)


def _only_child(pid: int) -> int | None:
    try:
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return None
    return int(found[0]) if found else None


def when_begun(started: int, then: Callable[[], None]) -> None:
    """Call `then` some time after the program has begun; never when it does not."""
    loop = asyncio.get_running_loop()

    def look() -> None:
        if program(started) is not None:
            then()
        elif os.path.exists(f"/proc/{started}"):
            loop.call_later(_LOOK_SECONDS, look)

    loop.call_later(_LOOK_SECONDS, look)
