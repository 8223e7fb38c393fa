"""A process runtime for tests, with what it is given and what it says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from choreo_local import clock
from choreo_local.embedded.kubelet.hostimages import Catalogue
from choreo_local.embedded.kubelet.launch import Surroundings, inherited_variables
from choreo_local.embedded.kubelet.plain import PlainProcesses
from choreo_local.embedded.kubelet.process import ProcessRuntime
from choreo_local.embedded.kubelet.records import ContainerRecord
from choreo_local.embedded.kubelet.runtime import (
    ContainerRequest,
    ContainerRuntime,
    Mount,
    OutputSink,
    PodRequest,
)
from choreo_local.embedded.kubelet.sandbox import Sandbox

IMAGES = Path(__file__).parent / "testdata" / "images"
WAIT_SECONDS = 10.0


async def until(fulfilled: Callable[[], Any], *, within: float = WAIT_SECONDS) -> Any:
    """Wait until something is true; answers it."""
    async with asyncio.timeout(within):
        while True:
            if found := fulfilled():
                return found
            await asyncio.sleep(0.002)


@dataclass
class Output:
    """What a container wrote."""

    stdout: bytes = b""
    stderr: bytes = b""
    is_closed: bool = False

    def write(self, stream: str, data: bytes) -> None:
        setattr(self, stream, getattr(self, stream) + data)

    def close(self) -> None:
        self.is_closed = True

    def lines(self) -> list[str]:
        return self.stdout.decode().splitlines()


@dataclass
class Caller:
    """The caller of exec or attach."""

    sent: Sequence[bytes] = ()
    stays: bool = False
    sizes: Sequence[Any] = ()
    delay: float = 0
    out: bytes = b""
    err: bytes = b""
    is_gone: bool = False
    got: asyncio.Event = field(default_factory=asyncio.Event)

    async def stdin(self) -> AsyncIterator[bytes]:
        for data in self.sent:
            yield data
        if self.stays:
            await asyncio.Event().wait()

    async def resizes(self) -> AsyncIterator[Any]:
        for size in self.sizes:
            yield size

    async def write_stdout(self, data: bytes) -> None:
        if self.is_gone:
            raise ConnectionError
        await asyncio.sleep(self.delay)
        self.out += data
        self.got.set()

    async def write_stderr(self, data: bytes) -> None:
        self.err += data
        self.got.set()


@dataclass(frozen=True)
class Streams:
    stdin: bool = False
    stdout: bool = True
    stderr: bool = True
    tty: bool = False


class ContainerBench:
    """Starts containers of the image `tester` and waits for them."""

    runtime: ContainerRuntime

    def __init__(self, runtime: ContainerRuntime, folder: Path) -> None:
        self.runtime = runtime
        self.folder = folder
        self.changes: list[str] = []

    def pod(self, uid: str = "u1", **fields: Any) -> PodRequest:
        return PodRequest(
            uid=uid,
            namespace="shop",
            name=f"pod-{uid}",
            hostname=f"pod-{uid}",
            folder=self.folder / uid,
            **fields,
        )

    async def start(
        self,
        *arguments: str,
        uid: str = "u1",
        image: str = "test.local/tester:1",
        command: Sequence[str] = (),
        mounts: Sequence[Mount] = (),
        pod: PodRequest | None = None,
        output: OutputSink | None = None,
        **fields: Any,
    ) -> tuple[ContainerRecord, Output]:
        request = pod or self.pod(uid)
        await self.runtime.start_pod(request)
        found = self.runtime.find_image(image) or await self.runtime.pull_image(image, [])
        written = Output()
        record = await self.runtime.start_container(
            ContainerRequest(
                pod=request,
                name=fields.pop("name", "main"),
                attempt=fields.pop("attempt", 0),
                image=found,
                command=command,
                arguments=arguments,
                environment=fields.pop("environment", {}),
                working_folder=fields.pop("working_folder", ""),
                mounts=mounts,
                resources=fields.pop("resources", {}),
                security=fields.pop("security", {}),
                output=output or written,
                **fields,
            )
        )
        return record, written

    def record(self, record: ContainerRecord, uid: str = "u1") -> ContainerRecord:
        return next(found for found in self.runtime.containers(uid) if found.id == record.id)

    async def ended(self, record: ContainerRecord, uid: str = "u1") -> ContainerRecord:
        await until(lambda: self.record(record, uid).has_exited)
        return self.record(record, uid)

    async def run(self, *arguments: str, **fields: Any) -> list[str]:
        """The lines that a container writes until it ends."""
        record, output = await self.start(*arguments, **fields)
        ended = await self.ended(record, fields.get("uid", "u1"))
        assert ended.exit_code == 0, output.stderr.decode()
        assert output.stderr == b"", output.stderr.decode()
        return output.lines()


class Bench(ContainerBench):
    """The same where containers are processes of this machine."""

    runtime: ProcessRuntime

    def __init__(
        self, runtime: ProcessRuntime, isolation: PlainProcesses | Sandbox, folder: Path
    ) -> None:
        super().__init__(runtime, folder)
        self.isolation = isolation


@asynccontextmanager
async def process_runtime(
    folder: Path, *, images: Path = IMAGES, own_addresses: bool = True, **surroundings: Any
) -> AsyncIterator[Bench]:
    """A runtime of an instance of its own; nothing of it is left behind."""
    instance_id = surroundings.pop("instance_id", clock.new_uid())
    shared = Surroundings(
        instance_id, cache_folder=folder / "cache", inherited=inherited_variables(), **surroundings
    )
    isolation = PlainProcesses(shared, own_addresses=own_addresses)
    runtime = ProcessRuntime(
        instance_id,
        isolation,
        Catalogue.of_folders([images]),
        memory_check_seconds=0.05,
        stop_seconds=0.2,
    )
    bench = Bench(runtime, isolation, folder / "pods")
    await runtime.start(bench.changes.append)
    try:
        yield bench
    finally:
        await runtime.stop()
