"""`choreo exec`, `choreo component exec`: a command in a container, with a terminal or without."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from choreo_local.cli import connection, options

if TYPE_CHECKING:
    from choreo_local.apiclient.shell import Session, Wanted

_PIECE = 32 * 1024
_DEFAULT = ("/bin/sh",)
_INPUT, _OUTPUT, _ERRORS = 0, 1, 2


@click.command("exec")
@click.argument("component")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--env",
    "-e",
    "environment",
    default="",
    metavar="ENVIRONMENT",
    help="Environment; the first of the pipeline unless given.",
)
@click.option("-p", "--project", default="", help="Project that the component must belong to.")
@click.option("--pod", default="", help="Which pod; a ready one unless given.")
@click.option("-c", "--container", default="", help="Which container; the first unless given.")
@click.option("-t", "--tty", is_flag=True, help="Run it in a terminal.")
@click.option("-i", "--stdin", is_flag=True, help="Let it read our input.")
@options.namespace
@click.pass_obj
def execute(
    name: str,
    component: str,
    command: Sequence[str],
    *,
    environment: str,
    project: str,
    pod: str,
    container: str,
    tty: bool,
    stdin: bool,
    namespace: str,
) -> int:
    """Run COMMAND in a container of COMPONENT: choreo exec greeter --env development -- ls -l

    Without COMMAND it is a shell. Without -t and -i both are on, the terminal where there is one.
    The exit code is the command's.
    """
    from choreo_local.apiclient.shell import Wanted

    is_plain = not tty and not stdin
    has_terminal = os.isatty(_INPUT) and os.isatty(_OUTPUT)
    wanted = Wanted(
        namespace,
        component,
        tuple(command) or _DEFAULT,
        environment=environment,
        project=project,
        pod=pod,
        container=container,
        stdin=stdin or is_plain,
        tty=(tty or is_plain) and has_terminal,
    )
    return asyncio.run(_run(name, wanted))


async def _run(name: str, wanted: Wanted) -> int:
    from choreo_local.apiclient import shell

    async with shell.opened(connection.access(name), wanted) as session:
        with _raw() if wanted.tty else contextlib.nullcontext():
            background = [asyncio.create_task(_feed(session))] if wanted.stdin else []
            with _followed_size(session) if wanted.tty else contextlib.nullcontext():
                try:
                    async for channel, data in session.output():
                        _write(_ERRORS if channel == shell.STDERR else _OUTPUT, data)
                finally:
                    for task in background:
                        task.cancel()
    return session.exit_code


async def _feed(session: Session) -> None:
    """Pass our input on until it ends."""
    pieces: asyncio.Queue[bytes] = asyncio.Queue(1)
    loop = asyncio.get_running_loop()

    def read() -> None:
        # A read cannot be broken off: the thread ends with the process, or with the input.
        data = b"more"
        while data:
            data = os.read(_INPUT, _PIECE)
            try:
                asyncio.run_coroutine_threadsafe(pieces.put(data), loop).result()
            except (RuntimeError, asyncio.CancelledError):
                return

    threading.Thread(target=read, name="input", daemon=True).start()
    while data := await pieces.get():
        await session.write(data)
    await session.end_input()


def _write(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BrokenPipeError:
            raise click.exceptions.Exit(0) from None


@contextlib.contextmanager
def _raw() -> Iterator[None]:
    """Keys go to the other side as they are pressed; afterwards the terminal is as before."""
    import termios
    import tty

    before = termios.tcgetattr(_INPUT)
    # What was typed ahead is not thrown away.
    tty.setraw(_INPUT, termios.TCSADRAIN)
    try:
        yield
    finally:
        termios.tcsetattr(_INPUT, termios.TCSADRAIN, before)


@contextlib.contextmanager
def _followed_size(session: Session) -> Iterator[None]:
    """The other side knows the size of our terminal, now and when it changes."""
    loop = asyncio.get_running_loop()
    tasks: set[asyncio.Task[None]] = set()

    def tell() -> None:
        columns, rows = os.get_terminal_size(_OUTPUT)
        task = loop.create_task(session.resize(columns, rows))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    tell()
    loop.add_signal_handler(signal.SIGWINCH, tell)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGWINCH)
        for task in tasks:
            task.cancel()
