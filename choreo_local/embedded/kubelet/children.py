"""Child processes on the loop: start, follow the output, learn of the end, end a whole session.

Every child leads a session of its own, so that all it starts can be found and ended with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterable

import psutil

from choreo_local.embedded.kubelet.launch import Command

_CHUNK = 1 << 16
# A program that writes without end gets no more of the loop's time than one part in so many: all
# others of the instance live in the same loop.
_REST_FACTOR = 9
_NOTICEABLE_SECONDS = 0.001
# More than a pipe holds.
_MOST_PIECES = 32
_SLOW, _CALLER = "slow", "caller"

# Called with the stream's name and what came; with empty data when the stream has ended.
OnOutput = Callable[[str, bytes], None]


class Child:
    """A running process; made by `spawn`.

    Attributes:
        ended: set to the return code (negative: the signal) when the process has ended and its
            output was read.
        input: file descriptor of its standard input; None without one.
    """

    def __init__(self, process: subprocess.Popen[bytes], on_output: OnOutput) -> None:
        self._loop = asyncio.get_running_loop()
        self._process = process
        self._on_output = on_output
        self._readers: dict[int, str] = {}
        self._pauses: set[str] = set()
        self._pidfd: int | None = None
        self.ended: asyncio.Future[int] = self._loop.create_future()
        self.input: int | None = None
        self.terminal: int | None = None

    @property
    def pid(self) -> int:
        """The process id; stays taken until the end has been noticed."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the end has not been noticed yet."""
        return not self.ended.done()

    def follow(self, descriptor: int, stream: str) -> None:
        """Pass on what comes out of `descriptor` as output of `stream`."""
        os.set_blocking(descriptor, False)
        self._readers[descriptor] = stream
        self._loop.add_reader(descriptor, self._readable, descriptor)

    def pause_output(self, reason: str = _CALLER) -> None:
        """Leave output where it is, so that the program has to wait."""
        if not self._pauses:
            for descriptor in self._readers:
                self._loop.remove_reader(descriptor)
        self._pauses.add(reason)

    def resume_output(self, reason: str = _CALLER) -> None:
        """Read output again, unless it was paused for another reason too."""
        if reason in self._pauses:
            self._pauses.discard(reason)
            if not self._pauses:
                for descriptor in self._readers:
                    self._loop.add_reader(descriptor, self._readable, descriptor)

    def watch(self) -> None:
        """Begin to wait for the end."""
        if sys.platform == "linux":
            self._pidfd = os.pidfd_open(self.pid)
            self._loop.add_reader(self._pidfd, self._exited)
        else:
            name = f"wait-{self.pid}"
            threading.Thread(target=self._wait, name=name, daemon=True).start()

    def _wait(self) -> None:
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        with contextlib.suppress(RuntimeError):  # The loop has been closed meanwhile.
            self._loop.call_soon_threadsafe(self._exited)

    def _readable(self, descriptor: int) -> None:
        begun = self._loop.time()
        self._read(descriptor)
        taken = self._loop.time() - begun
        if taken > _NOTICEABLE_SECONDS and self._readers:
            self.pause_output(_SLOW)
            self._loop.call_later(taken * _REST_FACTOR, self.resume_output, _SLOW)

    def _read(self, descriptor: int) -> bool:
        """Read a piece; False when there is none."""
        try:
            data = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return False
        except OSError:  # A terminal whose last user has gone.
            data = b""
        if not data:
            self._close_reader(descriptor)
            return False
        self._on_output(self._readers[descriptor], data)
        return True

    def _close_reader(self, descriptor: int) -> None:
        stream = self._readers.pop(descriptor, None)
        if stream is None:
            return
        self._loop.remove_reader(descriptor)
        if descriptor != self.terminal:
            os.close(descriptor)
        self._on_output(stream, b"")

    def _exited(self) -> None:
        if self._pidfd is not None:
            self._loop.remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = None
        # Before the process is reaped its id cannot belong to anybody else's session.
        kill_session(self.pid)
        code = self._process.wait()
        self._drain()
        self.close_input()
        if self.terminal is not None:
            os.close(self.terminal)
            self.terminal = None
        if not self.ended.done():
            self.ended.set_result(code)

    def _drain(self) -> None:
        """Read the rest of the output; somebody may still hold the pipe, so do not wait."""
        self._pauses.clear()
        for descriptor in list(self._readers):
            for _ in range(_MOST_PIECES):
                if not self._read(descriptor):
                    break
            self._close_reader(descriptor)

    def close_input(self) -> None:
        """Close standard input, so that the program sees its end."""
        if self.input is not None and self.input != self.terminal:
            os.close(self.input)
        self.input = None

    async def write_input(self, data: bytes) -> None:
        """Write to standard input; waits while the program does not read."""
        rest = memoryview(data)
        while rest and self.input is not None:
            os.set_blocking(self.input, False)
            try:
                rest = rest[os.write(self.input, rest) :]
            except BlockingIOError:
                await self._writable(self.input)
            except OSError as error:
                raise BrokenPipeError("the program does not read its input") from error

    async def _writable(self, descriptor: int) -> None:
        ready = asyncio.Event()
        self._loop.add_writer(descriptor, ready.set)
        self.ended.add_done_callback(lambda _: ready.set())
        try:
            await ready.wait()
        finally:
            self._loop.remove_writer(descriptor)

    async def end_input(self) -> None:
        """Let the program see the end of its input; on a terminal others may still write."""
        if self.terminal is None:
            self.close_input()
        else:
            await self.write_input(b"\x04")

    def resize(self, *, width: int, height: int) -> None:
        """Tell the terminal its size, and the program that it has changed."""
        if self.terminal is not None and self.is_alive:
            termios.tcsetwinsize(self.terminal, (height, width))
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGWINCH)

    def kill(self) -> None:
        """End the process and all of its session at once."""
        if self.is_alive:
            kill_session(self.pid)


def spawn(
    command: Command,
    on_output: OnOutput,
    *,
    stdin: bool = False,
    pass_descriptors: Iterable[int] = (),
) -> Child:
    """Start a command with pipes; OSError when it cannot be started."""
    output, errors = os.pipe(), os.pipe()
    given = os.pipe() if stdin else None
    try:
        _give(command, output[1], errors[1], *(given[:1] if given else ()))
        process = subprocess.Popen(
            command.arguments,
            env=dict(command.environment),
            cwd=command.folder,
            stdin=given[0] if given else subprocess.DEVNULL,
            stdout=output[1],
            stderr=errors[1],
            start_new_session=True,
            pass_fds=(*command.descriptors, *command.shared, *pass_descriptors),
        )
    except OSError:
        _close(output[0], errors[0], *(given[1:] if given else ()))
        raise
    finally:
        _close(output[1], errors[1], *(given[:1] if given else ()), *command.descriptors)
    child = Child(process, on_output)
    child.input = given[1] if given else None
    child.follow(output[0], "stdout")
    child.follow(errors[0], "stderr")
    child.watch()
    return child


def spawn_on_terminal(command: Command, on_output: OnOutput) -> Child:
    """Start a command on a terminal of its own; the command makes it its controlling terminal."""
    ours, theirs = os.openpty()
    try:
        _give(command, theirs)
        process = subprocess.Popen(
            command.arguments,
            env=dict(command.environment),
            cwd=command.folder,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            pass_fds=(*command.descriptors, *command.shared),
        )
    except OSError:
        _close(ours)
        raise
    finally:
        _close(theirs, *command.descriptors)
    child = Child(process, on_output)
    child.terminal = child.input = ours
    child.follow(ours, "stdout")
    child.watch()
    return child


def _give(command: Command, *descriptors: int) -> None:
    """Programs open their standard streams again, by the names of /dev."""
    if command.owner is not None:
        for descriptor in descriptors:
            os.fchown(descriptor, *command.owner)


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def kill_session(leader: int) -> None:
    """Send SIGKILL to `leader` and to every process of the session that it leads."""
    for pid in {leader, *session_members(leader)}:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def session_members(leader: int) -> list[int]:
    """The processes of a session."""
    return sessions().get(leader, [])


def sessions() -> dict[int, list[int]]:
    """The processes of this machine by the leader of their session."""
    found: dict[int, list[int]] = {}
    for pid in psutil.pids():
        try:
            found.setdefault(os.getsid(pid), []).append(pid)
        except OSError:  # It has ended, or must not be looked at.
            continue
    return found
