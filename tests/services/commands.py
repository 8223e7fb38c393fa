"""Commands in pretended containers: processes of this machine; in a terminal, only its size."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from choreo_local.embedded.kubelet.runtime import CallerStreams


async def run(words: Sequence[str], streams: CallerStreams) -> int:
    """The exit code of a process that has the caller's streams."""
    process = await asyncio.create_subprocess_exec(
        *words,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    feeding = asyncio.create_task(_feed(process.stdin, streams))
    try:
        await asyncio.gather(
            _copy(process.stdout, streams.write_stdout),
            _copy(process.stderr, streams.write_stderr),
        )
        return await process.wait()
    finally:
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)
        if process.returncode is None:
            process.kill()
            await process.wait()


async def show_size(streams: CallerStreams) -> int:
    """Write the size of the caller's terminal, once it is known."""
    async for size in streams.resizes():
        await streams.write_stdout(f"{size.width}x{size.height}".encode())
        break
    return 0


async def _feed(stdin: asyncio.StreamWriter, streams: CallerStreams) -> None:
    async for data in streams.stdin():
        stdin.write(data)
        await stdin.drain()
    stdin.close()


async def _copy(source: asyncio.StreamReader, write: Callable[[bytes], Awaitable[None]]) -> None:
    while data := await source.read(4096):
        await write(data)
