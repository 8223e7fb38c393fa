"""One container of an engine: its streams, its end, what is known of it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from choreo_local import clock
from choreo_local.embedded.kubelet.children import OnOutput
from choreo_local.embedded.kubelet.docker.engine import Engine, EngineError, Hijacked
from choreo_local.embedded.kubelet.docker.streams import EngineProgram
from choreo_local.embedded.kubelet.hostimages import HostImage
from choreo_local.embedded.kubelet.records import ContainerRecord, ContainerState
from choreo_local.embedded.kubelet.runtime import ContainerRequest
from choreo_local.tasks import TaskGroup

logger = logging.getLogger(__name__)

_KILLED = 137
_LAST_OUTPUT_SECONDS = 5.0
_RETRY_SECONDS = 1.0
_KILL_SECONDS = 10.0
_REMOVED = {"ExitCode": _KILLED, "Error": "somebody removed the container"}
# The words of engines for containers that are being removed, which have no exit code any more.
_GOING = frozenset({"removing", "dead"})
_ATTACH = {"stream": 1, "stdout": 1, "stderr": 1}


class EngineContainer:
    """A container that was created; `start` runs it.

    Args:
        number: the engine's id of it.
        on_end: called when it has ended.

    Attributes:
        record: what is known of it now.
        listeners: called with every piece of output, beside the log.
    """

    def __init__(
        self,
        engine: Engine,
        number: str,
        request: ContainerRequest,
        image: HostImage,
        *,
        on_end: Callable[[], None],
        tasks: TaskGroup,
    ) -> None:
        self._engine = engine
        self.number = number
        self.request = request
        self.image = image
        self._on_end = on_end
        self._tasks = tasks
        self.listeners: set[OnOutput] = set()
        self.program: EngineProgram | None = None
        self.pid = 0
        self.record = ContainerRecord(
            id=f"{engine.facts.name}://{number}",
            name=request.name,
            attempt=request.attempt,
            state=ContainerState.CREATED,
            image=request.image.reference,
            image_id=request.image.id,
            created_at=clock.now(),
        )

    @property
    def _path(self) -> str:
        return f"/containers/{self.number}"

    @property
    def is_running(self) -> bool:
        """Whether its end has not been noticed yet."""
        return self.program is not None and not self.program.ended.done()

    async def start(self) -> None:
        """Connect its streams and run it; EngineError when the engine cannot."""
        query = {**_ATTACH, **({"stdin": 1} if self.request.stdin else {})}
        connection = await self._engine.hijack(f"{self._path}/attach", query)
        program = self._follow(connection)
        try:
            await self._engine.post(f"{self._path}/start")
        except BaseException:
            program.read.cancel()
            raise
        self.program = program
        self.record = replace(self.record, state=ContainerState.RUNNING, started_at=clock.now())
        self._tasks.start(self._until_ended(program), name=self.request.name)

    def _follow(self, connection: Hijacked) -> EngineProgram:
        return EngineProgram(
            connection,
            self._output,
            resize=self._resize if self.request.tty else None,
            kill=lambda: None,
            tasks=self._tasks,
        )

    async def _resize(self, columns: int, rows: int) -> None:
        await self._engine.post(f"{self._path}/resize", {"w": columns, "h": rows})

    def _output(self, stream: str, data: bytes) -> None:
        self.request.output.write(stream, data)
        for listener in list(self.listeners):
            listener(stream, data)

    # --- its end ---------------------------------------------------------------------------------

    async def _until_ended(self, program: EngineProgram) -> None:
        try:
            state = await self._last_state()
            await asyncio.wait({program.read}, timeout=_LAST_OUTPUT_SECONDS)
            program.read.cancel()
        except asyncio.CancelledError:
            program.ended.cancel()  # Nobody will learn of the end.
            raise
        finally:
            self.request.output.close()
        code = int(state.get("ExitCode") or 0)
        lacked_memory = bool(state.get("OOMKilled")) and code == _KILLED
        self.record = replace(
            self.record,
            state=ContainerState.EXITED,
            finished_at=clock.now(),
            exit_code=code,
            reason="OOMKilled" if lacked_memory else "",
            message=str(state.get("Error") or ""),
        )
        program.finish(code)
        self._on_end()
        # All that anybody may ask of it is known now.
        with contextlib.suppress(EngineError):
            await self.remove()

    async def _last_state(self) -> Mapping[str, Any]:
        """Wait for the end; the engine may be started anew meanwhile."""
        while True:
            try:
                found = await self._engine.get(f"{self._path}/json")
                state: Mapping[str, Any] = found["State"]
                if state.get("Status") in _GOING:
                    return _REMOVED
                if not state.get("Running"):
                    return state
                self.pid = int(state.get("Pid") or 0)
                await self._engine.ask(
                    "POST", f"{self._path}/wait", {"condition": "not-running"}, seconds=None
                )
            except EngineError as error:
                if error.is_missing:
                    return _REMOVED
                logger.warning("Container engine does not answer error=%s", error)
                await asyncio.sleep(_RETRY_SECONDS)

    async def stop(self, grace_seconds: float) -> None:
        """Ask the program to end; end it when it does not in time."""
        if self.program is None or self.program.ended.done():
            return
        if grace_seconds > 0:
            await self.signal(self.image.stop_signal)
            await asyncio.wait({self.program.ended}, timeout=grace_seconds)
        if not self.program.ended.done():
            await self.signal(signal.SIGKILL)
            # An engine that does not answer tells of no end.
            await asyncio.wait({self.program.ended}, timeout=_KILL_SECONDS)

    async def signal(self, number: signal.Signals) -> None:
        """Send a signal to the main process; it may have ended meanwhile."""
        with contextlib.suppress(EngineError):
            await self._engine.post(f"{self._path}/kill", {"signal": number.name})

    async def remove(self) -> None:
        """Have the engine forget it, running or not."""
        await self._engine.remove_container(self.number)
