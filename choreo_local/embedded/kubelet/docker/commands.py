"""Further commands in containers of an engine, for a caller."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Sequence

from choreo_local.embedded.kubelet import interactive
from choreo_local.embedded.kubelet.docker.engine import Engine, EngineError
from choreo_local.embedded.kubelet.docker.streams import EngineProgram
from choreo_local.embedded.kubelet.interactive import Outlet
from choreo_local.embedded.kubelet.runtime import CallerStreams, StartError, StreamChoice
from choreo_local.tasks import TaskGroup

logger = logging.getLogger(__name__)

_POLL_SECONDS = 0.02
# How long the engine may need to notice that a command whose output has ended has ended too.
_END_SECONDS = 5.0
_UNKNOWN = 137


async def run(
    engine: Engine,
    number: str,
    words: Sequence[str],
    streams: CallerStreams,
    choice: StreamChoice,
    *,
    tasks: TaskGroup,
) -> int:
    """Run a command in a container until it ends or the caller leaves; answers its exit code."""
    wanted = {
        "Cmd": list(words),
        "AttachStdin": choice.stdin,
        "AttachStdout": True,
        "AttachStderr": True,
        "Tty": choice.tty,
        "Env": ["TERM=xterm"] if choice.tty else [],
    }
    try:
        made = await engine.post(f"/containers/{number}/exec", None, wanted)
        path = f"/exec/{made['Id']}"
        start = {"Detach": False, "Tty": choice.tty}
        connection = await engine.hijack(f"{path}/start", None, start)
    except EngineError as error:
        raise StartError(error.message) from error

    async def resize(columns: int, rows: int) -> None:
        await engine.post(f"{path}/resize", {"w": columns, "h": rows})

    outlet = Outlet(streams, choice)
    is_left = asyncio.Event()

    def leave() -> None:
        is_left.set()
        connection.abort()

    program = EngineProgram(
        connection,
        outlet.offer,
        resize=resize if choice.tty else None,
        kill=leave,
        tasks=tasks,
    )
    ending = tasks.start(_until_ended(engine, path, program, is_left), name="command")
    try:
        return await interactive.serve(program, outlet, streams, choice)
    finally:
        await asyncio.wait({ending})


async def _until_ended(
    engine: Engine, path: str, program: EngineProgram, is_left: asyncio.Event
) -> None:
    """Learn the exit code once the output has ended; end the command when its caller has left."""
    code = _UNKNOWN
    try:
        await asyncio.wait({program.read})
        state = await engine.get(f"{path}/json")
        async with asyncio.timeout(_END_SECONDS):
            # Engines know the process a moment after they have begun it.
            while state.get("Running") and not (is_left.is_set() and state.get("Pid")):
                await asyncio.sleep(_POLL_SECONDS)
                state = await engine.get(f"{path}/json")
        if state.get("Running"):
            _end(int(state.get("Pid") or 0))
        else:
            code = int(state.get("ExitCode") or 0)
    except (EngineError, TimeoutError) as error:
        logger.info("End of a command not learnt error=%s", error)
    finally:
        program.finish(code)


def _end(pid: int) -> None:
    """End a command whose caller has left: engines have no request for that."""
    if pid:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
