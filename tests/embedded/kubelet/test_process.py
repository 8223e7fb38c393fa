"""Containers as real processes."""

from __future__ import annotations

import asyncio
import io
import os
import posixpath
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from choreo_local import clock
from choreo_local.embedded.kubelet import hostcontainer, leftovers
from choreo_local.embedded.kubelet.records import ContainerState
from choreo_local.embedded.kubelet.runtime import ImageError, Mount, StartError
from choreo_local.errors import BadRequestError, NotFoundError
from tests.embedded.kubelet.processes import (
    IMAGES,
    Bench,
    Caller,
    Streams,
    process_runtime,
    until,
)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with process_runtime(tmp_path) as found:
        yield found


async def get(address: str, port: int, path: str = "/") -> tuple[int, str]:
    reader, writer = await asyncio.open_connection(address, port)
    writer.write(f"GET {path} HTTP/1.1\r\n\r\n".encode())
    answer = (await reader.read()).decode()
    writer.close()
    await writer.wait_closed()
    return int(answer.split()[1]), answer.rpartition("\r\n")[2]


async def test_a_container_runs_and_ends(bench: Bench) -> None:
    record, output = await bench.start("print:hello", "error:oops", "exit:3")
    assert record.state is ContainerState.RUNNING
    ended = await bench.ended(record)
    assert (ended.exit_code, ended.reason) == (3, "")
    assert ended.finished_at is not None
    assert (output.stdout, output.stderr) == (b"hello\n", b"oops\n")
    assert output.is_closed
    assert bench.changes == ["u1"]


async def test_the_image_gives_defaults_that_the_pod_replaces(bench: Bench) -> None:
    record, _ = await bench.start()
    assert record.is_running
    assert await bench.run("env:FROM_IMAGE") == ["FROM_IMAGE=yes"]
    assert await bench.run("env:FROM_IMAGE", environment={"FROM_IMAGE": "no"}) == ["FROM_IMAGE=no"]


@pytest.mark.parametrize("word", ["tester", "./tester", "/work/tester", "/usr/bin/tester"])
async def test_a_command_names_a_program_of_the_image(bench: Bench, word: str) -> None:
    assert await bench.run("print:hi", command=[word]) == ["hi"]


async def test_a_command_may_be_a_program_of_the_machine(bench: Bench) -> None:
    assert await bench.run("-c", "echo $FROM_IMAGE $0", command=["sh"]) == ["yes sh"]
    assert await bench.run("a", "b", command=["shout"]) == ["shout a b"]


async def test_a_command_that_does_not_exist_is_an_error(bench: Bench) -> None:
    with pytest.raises(StartError, match='"no-such": executable file not found') as caught:
        await bench.start(command=["no-such"])
    assert caught.value.reason == "RunContainerError"


async def test_an_image_nobody_answers_for_is_an_error(bench: Bench) -> None:
    with pytest.raises(ImageError, match="runs host images only"):
        await bench.start(image="nginx:1")


async def test_nothing_of_the_user_reaches_a_container(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_SECRET", "of the user")
    assert await bench.run("env:A_SECRET") == ["A_SECRET=None"]


async def test_python_starts_without_installed_packages(bench: Bench) -> None:
    assert await bench.run("site") == ["False"]


async def test_each_pod_has_an_address_of_its_own(bench: Bench) -> None:
    for uid in ("u1", "u2"):
        await bench.start("serve:8080", uid=uid)
    one = await bench.runtime.start_pod(bench.pod("u1"))
    two = await bench.runtime.start_pod(bench.pod("u2"))
    assert one != two
    for address in (one, two):
        assert await connected(address) == (200, "/x 127.0.0.1")


async def connected(address: str) -> tuple[int, str]:
    async with asyncio.timeout(30):
        while True:
            try:
                return await get(address, 8080, "/x")
            except OSError:
                await asyncio.sleep(0.005)


async def test_a_pod_sees_its_name_and_address(bench: Bench) -> None:
    address = await bench.runtime.start_pod(bench.pod())
    found = await bench.run("hostname", "env:HOSTNAME", "resolve:pod-u1", "cat:/etc/hostname")
    assert found[:3] == ["pod-u1", "HOSTNAME=pod-u1", address]
    assert found[3] == "pod-u1"


async def test_host_aliases_are_names_of_the_pod(bench: Bench) -> None:
    pod = bench.pod(host_aliases={"db.test": "10.1.2.3"})
    assert await bench.run("resolve:db.test", pod=pod) == ["10.1.2.3"]


async def test_mounts_are_seen_at_their_paths(bench: Bench, tmp_path: Path) -> None:
    config, data = tmp_path / "config", tmp_path / "data"
    config.mkdir()
    data.mkdir()
    (config / "colour").write_text("green", encoding="utf-8")
    mounts = [
        Mount("/etc/config", config),
        Mount("/data", data),
        Mount("/etc/one", config / "colour"),
    ]
    found = await bench.run(
        "cat:/etc/config/colour",
        "ls:/etc/config",
        "cat:/etc/one",
        "write:/data/out=kept",
        "write:/tmp/scratch=gone",
        mounts=mounts,
    )
    assert [line for line in found if line] == ["green", "colour", "green"]
    assert (data / "out").read_text(encoding="utf-8") == "kept"
    assert not Path("/tmp/scratch").exists()


async def test_executables_get_translated_paths(bench: Bench, tmp_path: Path) -> None:
    (found,) = await bench.run(
        "/data/x", "--file=/data", "/database", command=["shout"], mounts=[Mount("/data", tmp_path)]
    )
    first, second, third = found.split()[1:]
    assert Path(first).parent.resolve() == tmp_path
    assert Path(second.removeprefix("--file=")).resolve() == tmp_path
    assert third == "/database"


async def test_a_mounted_script_can_be_run(bench: Bench, tmp_path: Path) -> None:
    script = tmp_path / "run.sh"
    script.write_text("#!/bin/sh\necho ran $1\n", encoding="utf-8")
    script.chmod(0o755)
    mounts = [Mount("/scripts", tmp_path)]
    assert await bench.run("1", command=["/scripts/run.sh"], mounts=mounts) == ["ran 1"]
    assert await bench.run("2", command=["sh", "/scripts/run.sh"], mounts=mounts) == ["ran 2"]


async def test_the_working_folder_is_the_pods_or_the_images(bench: Bench) -> None:
    assert (await bench.run("cwd"))[0].endswith("/u1/runtime/main/work")
    (found,) = await bench.run("cwd", working_folder="/else/where")
    assert found.endswith("/u1/runtime/main/else/where")


async def test_a_stop_is_asked_for_first(bench: Bench) -> None:
    record, output = await bench.start("on-term:7", "print:ready", "sleep")
    await until(lambda: output.stdout)
    await bench.runtime.stop_container(record.id, 5)
    assert bench.record(record).exit_code == 7
    assert output.lines() == ["ready", "asked to end"]


async def test_a_container_that_does_not_end_is_ended(bench: Bench) -> None:
    record, output = await bench.start("ignore-term", "print:ready", "sleep")
    await until(lambda: output.stdout)
    await bench.runtime.stop_container(record.id, 0.1)
    assert bench.record(record).exit_code == 137


async def test_a_signal_shows_in_the_exit_code(bench: Bench) -> None:
    record, _ = await bench.start("sleep")
    await bench.runtime.stop_container(record.id, 5)
    assert bench.record(record).exit_code == 143


async def test_what_a_container_started_ends_with_it(bench: Bench) -> None:
    record, output = await bench.start("spawn:same", "exit:0")
    await bench.ended(record)
    child = int(output.lines()[0].split()[1])
    await until(lambda: not is_alive(child))


async def test_what_left_the_session_ends_with_the_pod(bench: Bench) -> None:
    record, output = await bench.start("spawn:detached", "exit:0")
    await bench.ended(record)
    child = int(output.lines()[0].split()[1])
    assert psutil.pid_exists(child)
    await bench.runtime.remove_pod("u1")
    await until(lambda: not is_alive(child))


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_too_much_memory_ends_a_container(bench: Bench) -> None:
    limits = {"limits": {"memory": "64Mi"}}
    record, _ = await bench.start("allocate:200000000", "sleep", resources=limits)
    ended = await bench.ended(record)
    assert (ended.exit_code, ended.reason) == (137, "OOMKilled")


async def test_usage_is_that_of_all_processes_of_a_container(bench: Bench) -> None:
    _, output = await bench.start("allocate:50000000", "spawn:same", "print:done", "sleep")
    await until(lambda: b"done" in output.stdout)
    (used,) = bench.runtime.usage()["u1"]
    assert used.container == "main"
    assert used.memory_bytes > 50_000_000
    assert used.cpu_seconds >= 0


async def test_only_the_last_attempts_are_remembered(bench: Bench) -> None:
    for attempt in range(4):
        record, _ = await bench.start("exit:1", attempt=attempt)
        await bench.ended(record)
    assert [each.attempt for each in bench.runtime.containers("u1")] == [2, 3]


async def test_exec_runs_in_the_surroundings_of_the_container(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("mounted", encoding="utf-8")
    record, _ = await bench.start(
        "sleep", environment={"A": "b"}, mounts=[Mount("/data", tmp_path)]
    )
    caller = Caller()
    code = await bench.runtime.exec(
        record.id, ["tester", "env:A", "cat:/data/x", "error:oops", "exit:4"], caller, Streams()
    )
    assert (code, caller.out, caller.err) == (4, b"A=b\nmounted\n", b"oops\n")


async def test_what_tar_packs_has_the_names_of_the_container(bench: Bench, tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    (volume / "x").write_text("mounted", encoding="utf-8")
    record, _ = await bench.start("sleep", working_folder="/data", mounts=[Mount("/data", volume)])

    async def packed(*arguments: str) -> list[str]:
        caller = Caller()
        assert await bench.runtime.exec(record.id, ["tar", *arguments], caller, Streams()) == 0
        with tarfile.open(fileobj=io.BytesIO(caller.out)) as archive:
            return [posixpath.normpath(name) for name in archive.getnames()]

    assert await packed("cf", "-", "/data/x") == ["data/x"]
    assert await packed("-c", "-f", "-", "/data") == ["data", "data/x"]
    assert await packed("cf", "-", "-C", "/data", "x") == ["x"]
    assert await packed("cf", "-", "/etc/hosts", "x") == ["etc/hosts", "x"]


async def test_exec_reads_what_the_caller_sends(bench: Bench) -> None:
    record, _ = await bench.start("sleep")
    caller = Caller(sent=[b"one\n", b"two\n" * 100_000])
    code = await bench.runtime.exec(record.id, ["wc", "-l"], caller, Streams(stdin=True))
    assert (code, caller.out.strip()) == (0, b"100001")


async def test_nothing_is_lost_when_a_caller_is_slow(bench: Bench) -> None:
    record, _ = await bench.start("sleep")
    caller = Caller(delay=0.001)
    command = ["sh", "-c", "head -c 20000000 /dev/zero"]
    assert await bench.runtime.exec(record.id, command, caller, Streams()) == 0
    assert len(caller.out) == 20_000_000


async def test_a_program_that_writes_without_end_leaves_time_for_others(bench: Bench) -> None:
    slow = SlowSink()
    await bench.start(command=["yes"], output=slow)
    turns = 0
    while slow.pieces < 5:
        await asyncio.sleep(0.001)
        turns += 1
    # Without a rest after each piece there would be one turn for each.
    assert turns > 25


class SlowSink:
    """Takes time for every piece of output."""

    def __init__(self) -> None:
        self.pieces = 0

    def write(self, stream: str, data: bytes) -> None:
        self.pieces += 1
        time.sleep(0.01)

    def close(self) -> None:
        """Nothing is open."""


async def test_lines_that_follow_each_other_are_read_together(bench: Bench) -> None:
    gathered = TimedSink()
    script = "for i in $(seq 100); do echo $i; sleep 0.001; done; echo end"
    record, _ = await bench.start(command=["sh", "-c", script], output=gathered)
    await bench.ended(record)
    # The last pieces come at the program's end, which waits for nothing.
    gaps = [later - earlier for earlier, later in pairwise(gathered.moments[:-2])]
    assert all(gap > 0.005 for gap in gaps)
    assert b"".join(gathered.pieces).split()[-2:] == [b"100", b"end"]


class TimedSink:
    """Notes when pieces of output come."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.moments: list[float] = []

    def write(self, stream: str, data: bytes) -> None:
        self.pieces.append(data)
        self.moments.append(time.monotonic())

    def close(self) -> None:
        """Nothing is open."""


async def test_exec_on_a_terminal(bench: Bench) -> None:
    record, _ = await bench.start("sleep")
    caller = Caller(sent=[b"echo $((6*7)); stty size; exit 5\n"], stays=True, sizes=[Size(100, 40)])
    choice = Streams(stdin=True, tty=True, stderr=False)
    code = await bench.runtime.exec(record.id, ["sh"], caller, choice)
    assert code == 5
    assert b"42\r\n40 100\r\n" in caller.out


class Size:
    """The size of a terminal."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height


async def test_a_caller_who_leaves_ends_the_command(bench: Bench) -> None:
    record, _ = await bench.start("sleep")
    caller = Caller(is_gone=True)
    command = ["sh", "-c", "echo $$; while :; do echo; sleep 0.01; done"]
    async with asyncio.timeout(30):
        assert await bench.runtime.exec(record.id, command, caller, Streams()) == 137


async def test_exec_needs_a_container_that_runs(bench: Bench) -> None:
    record, _ = await bench.start("exit:0")
    await bench.ended(record)
    with pytest.raises(BadRequestError, match="not running"):
        await bench.runtime.exec(record.id, ["true"], Caller(), Streams())
    with pytest.raises(NotFoundError):
        await bench.runtime.exec("process://none", ["true"], Caller(), Streams())


async def test_attach_joins_the_main_process(bench: Bench) -> None:
    record, _ = await bench.start("read-line", "print:bye", stdin=True)
    caller = Caller(sent=[b"hello\n"])
    code = await bench.runtime.attach(record.id, caller, Streams(stdin=True))
    assert (code, caller.out) == (0, b"read hello\nbye\n")


async def test_a_container_may_have_a_terminal(bench: Bench) -> None:
    _, output = await bench.start("tty", stdin=True, tty=True)
    await until(lambda: output.is_closed)
    assert output.stdout == b"True\r\n"


async def test_a_stop_of_the_runtime_ends_everything(tmp_path: Path) -> None:
    instance_id = clock.new_uid()
    async with process_runtime(tmp_path, instance_id=instance_id) as bench:
        await bench.start("ignore-term", "spawn:detached", "sleep")
        await until(lambda: len(leftovers.orphans(instance_id)) == 2)
    assert leftovers.orphans(instance_id) == []


def sleeping(variables: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "1000"], env=variables)


async def test_a_start_ends_what_a_killed_instance_left(tmp_path: Path) -> None:
    instance_id = clock.new_uid()
    variables = {"CHOREO_INSTANCE": instance_id, "CHOREO_POD": "u9", "PATH": os.environ["PATH"]}
    left = sleeping(variables)
    other = sleeping({**variables, "CHOREO_INSTANCE": "other"})
    try:
        assert [found.pid for found in leftovers.orphans(instance_id)] == [left.pid]
        async with process_runtime(tmp_path, instance_id=instance_id):
            assert left.wait(5) == -signal.SIGKILL
            assert other.poll() is None
    finally:
        for process in (left, other):
            process.kill()
            process.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
async def test_containers_end_with_a_killed_instance(tmp_path: Path) -> None:
    instance_id = clock.new_uid()
    script = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from tests.embedded.kubelet.processes import process_runtime\n"
        "async def main():\n"
        "    folder = Path(sys.argv[1])\n"
        "    async with process_runtime(folder, instance_id=sys.argv[2]) as bench:\n"
        "        await bench.start('sleep')\n"
        "        await bench.start('1000', command=['sleep'], name='machine')\n"
        "        print('started', flush=True)\n"
        "        await asyncio.sleep(1000)\n"
        "asyncio.run(main())\n"
    )
    root = Path(__file__).parents[3]
    instance = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, str(tmp_path), instance_id, cwd=root,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert instance.stdout is not None
    assert await instance.stdout.readline() == b"started\n"
    # Between fork and exec the surroundings of a process cannot be read.
    await until(lambda: len(leftovers.orphans(instance_id)) == 2)
    instance.kill()
    await instance.wait()
    await until(lambda: leftovers.orphans(instance_id) == [])


async def test_the_tie_to_the_instance_needs_no_tool_of_the_machine(tmp_path: Path) -> None:
    async with process_runtime(tmp_path) as bench:
        plain = replace(bench.isolation._surroundings, parent_death=None)
        bench.isolation._surroundings = plain
        assert await bench.run("print:tied") == ["tied"]
        assert await bench.run("tied", command=["echo"]) == ["tied"]


async def test_a_container_is_running_once_it_listens(tmp_path: Path) -> None:
    images = tmp_path / "images"
    shutil.copytree(IMAGES / "tester", images / "tester")
    manifest = images / "tester" / "image.yaml"
    text = manifest.read_text(encoding="utf-8") + "startedWhen: listening\n"
    manifest.write_text(text, encoding="utf-8")
    async with process_runtime(tmp_path, images=images) as bench:
        address = await bench.runtime.start_pod(bench.pod())
        record, _ = await bench.start("sleep:0.2", "serve:8080")
        assert record.is_running
        assert await get(address, 8080, "/x") == (200, "/x 127.0.0.1")


async def test_a_program_of_the_machine_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hostcontainer, "_LISTENING_SECONDS", 3600.0)
    images = tmp_path / "images"
    shutil.copytree(IMAGES / "tester", images / "tester")
    manifest = images / "tester" / "image.yaml"
    text = manifest.read_text(encoding="utf-8") + "startedWhen: listening\n"
    manifest.write_text(text, encoding="utf-8")
    async with process_runtime(tmp_path, images=images) as bench:
        record, _ = await bench.start("60", command=["sleep"])
        assert record.is_running


async def test_a_machine_with_one_loopback_address_says_so(tmp_path: Path) -> None:
    async with process_runtime(tmp_path, own_addresses=False) as bench:
        (found,) = [each for each in bench.runtime.capabilities() if each.name == "pod-address"]
        assert not found.enforced
        assert "pods that listen on the same port collide" in found.reason
        assert await bench.runtime.start_pod(bench.pod()) == "127.0.0.1"
        assert await bench.run("resolve:pod-u1") == ["127.0.0.1"]
