"""One container of the process runtime: its process, its output, what is known of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import psutil

from choreo_local import clock
from choreo_local.embedded.kubelet import children, interactive, launch, resources
from choreo_local.embedded.kubelet.hostimages import HostImage
from choreo_local.embedded.kubelet.isolation import Isolation
from choreo_local.embedded.kubelet.launch import Command
from choreo_local.embedded.kubelet.records import ContainerRecord, ContainerState
from choreo_local.embedded.kubelet.runtime import ContainerRequest, StartError, Usage

_LISTENING_SECONDS = 2.0
# A program that writes a line for each request is read a hundred times a second, not for each.
_GATHER_SECONDS = 0.01
_SMALL_PIECE = 1 << 14
_GATHERING = "gathering"
OnOutput = Callable[[str, bytes], None]


def waits_for_listening(request: ContainerRequest, image: HostImage) -> bool:
    """Whether a container counts as running only when its program accepts connections."""
    own = not request.command or launch.find_program(request.command[0], image) is not None
    return image.waits_for_listening and own


class HostContainer:
    """A process that stands for a container.

    Attributes:
        record: what is known of it now.
        listeners: called with every piece of output, beside the log.
    """

    def __init__(
        self,
        request: ContainerRequest,
        image: HostImage,
        command: Command,
        *,
        isolation: Isolation,
    ) -> None:
        self.request = request
        self.image = image
        self.command = command
        self._isolation = isolation
        self.listeners: set[OnOutput] = set()
        self._open_streams = 1 if request.tty else 2
        watched = not isolation.limits_memory
        self._limit = resources.memory_limit(request.resources) if watched else None
        self._out_of_memory = False
        self._listening: int | None = None
        self.child = self._spawn()
        now = clock.now()
        self.record = ContainerRecord(
            id=f"{isolation.name}://{clock.new_uid()}",
            name=request.name,
            attempt=request.attempt,
            state=ContainerState.CREATED,
            image=request.image.reference,
            image_id=request.image.id,
            created_at=now,
            started_at=now,
        )
        if self._listening is None:
            self._set_running()
        self.child.ended.add_done_callback(self._ended)

    def _spawn(self) -> children.Child:
        try:
            if self.request.tty:
                return children.spawn_on_terminal(self.command, self._output)
            return self._spawn_with_pipes()
        except OSError as error:
            detail = error.strerror or str(error)
            message = f'cannot start "{self.command.arguments[0]}": {detail}'
            raise StartError(message) from error

    def _spawn_with_pipes(self) -> children.Child:
        if not waits_for_listening(self.request, self.image):
            return children.spawn(self.command, self._output, stdin=self.request.stdin)
        self._listening, theirs = os.pipe()
        variables = {**self.command.environment, "CHOREO_LISTENING": str(theirs)}
        try:
            return children.spawn(
                replace(self.command, environment=variables),
                self._output,
                stdin=self.request.stdin,
                pass_descriptors=[theirs],
            )
        except OSError:
            os.close(self._listening)
            raise
        finally:
            os.close(theirs)

    def _set_running(self) -> None:
        self.record = replace(self.record, state=ContainerState.RUNNING)

    async def until_listening(self) -> None:
        """Wait, for a short while, until the program accepts connections or ends."""
        if self._listening is None:
            return
        loop = asyncio.get_running_loop()
        told = asyncio.Event()
        loop.add_reader(self._listening, told.set)
        self.child.ended.add_done_callback(lambda _: told.set())
        try:
            # It may never listen; that it runs is then all that can be said.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LISTENING_SECONDS):
                    await told.wait()
        finally:
            if self.child.is_alive:
                self._set_running()
            loop.remove_reader(self._listening)
            os.close(self._listening)
            self._listening = None

    def _output(self, stream: str, data: bytes) -> None:
        if not data:
            self._open_streams -= 1
            if not self._open_streams:
                self.request.output.close()
            return
        self.request.output.write(stream, data)
        if len(data) < _SMALL_PIECE and not self.request.tty:
            self._gather()
        for listener in list(self.listeners):
            listener(stream, data)

    def _gather(self) -> None:
        """Leave output in its pipe for a moment, so that lines come together."""
        self.child.pause_output(_GATHERING)
        loop = asyncio.get_running_loop()
        loop.call_later(_GATHER_SECONDS, self.child.resume_output, _GATHERING)

    def _ended(self, ended: asyncio.Future[int]) -> None:
        code = interactive.exit_code(ended.result())
        # Perhaps only a child was killed for it, and the program ended because of that.
        lacked_memory = self._isolation.ended(self.request) and code != 0
        self.record = replace(
            self.record,
            state=ContainerState.EXITED,
            finished_at=clock.now(),
            exit_code=code,
            signal=0,
            reason="OOMKilled" if self._out_of_memory or lacked_memory else "",
        )

    async def stop(self, grace_seconds: float) -> None:
        """Ask the program to end; end it when it does not in time."""
        if not self.child.is_alive:
            return
        if grace_seconds > 0:
            self._signal(self.image.stop_signal)
            await asyncio.wait({self.child.ended}, timeout=grace_seconds)
        self.child.kill()
        await asyncio.wait({self.child.ended})

    @property
    def main_pid(self) -> int:
        """The process that signals of the container go to."""
        return self._isolation.main_pid(self.child.pid)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.main_pid, number)

    def enforce_memory_limit(self, sessions: Mapping[int, Sequence[int]]) -> None:
        """End the container when its processes use more memory than it may."""
        if self._limit is None or not self.child.is_alive:
            return
        if self._memory(sessions) > self._limit:
            self._out_of_memory = True
            self.child.kill()

    @property
    def is_running(self) -> bool:
        """Whether its main process is alive."""
        return self.child.is_alive

    @property
    def has_memory_limit(self) -> bool:
        """Whether `enforce_memory_limit` may do anything."""
        return self._limit is not None

    def _memory(self, sessions: Mapping[int, Sequence[int]]) -> int:
        memory = 0
        for pid in sessions.get(self.child.pid, ()):
            with contextlib.suppress(psutil.Error):
                memory += psutil.Process(pid).memory_info().rss
        return memory

    def usage(self, sessions: Mapping[int, Sequence[int]]) -> Usage:
        """What all its processes use now."""
        seconds, memory = 0.0, 0
        for pid in sessions.get(self.child.pid, ()):
            try:
                process = psutil.Process(pid)
                with process.oneshot():
                    times = process.cpu_times()
                    memory += process.memory_info().rss
            except psutil.Error:
                continue
            seconds += times.user + times.system
        return Usage(self.request.name, seconds, memory)
