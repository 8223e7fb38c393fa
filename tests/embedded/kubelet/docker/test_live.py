"""Pods in real engines: a container's life, what it sees, what it may do, what is left of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psutil
import pytest

from choreo_local.embedded.kubelet.checks import Collected, OutputOnly
from choreo_local.embedded.kubelet.docker import leftovers, sockets
from choreo_local.embedded.kubelet.docker.sockets import EngineFacts
from choreo_local.embedded.kubelet.records import ContainerState
from choreo_local.embedded.kubelet.runtime import Mount, StartError
from tests.embedded.kubelet.docker.engines import EngineBench, containers, until
from tests.embedded.kubelet.processes import Caller, Streams

pytestmark = pytest.mark.timeout(120)


async def test_a_container_has_processes_names_and_files_of_its_own(
    engine: EngineFacts, tmp_path: Path
) -> None:
    async with containers(engine, tmp_path) as bench:
        script = (
            "ls -d /proc/[0-9]* | wc -l; hostname; cat /etc/hostname /etc/resolv.conf /etc/hosts;"
            f"ls -d {Path.home()}/.bashrc {tmp_path} /etc/shadow 2>/dev/null || echo none;"
            "echo kept > /tmp/x; cat /tmp/x; echo root > /choreo-test; cat /choreo-test"
        )
        lines = await bench.shell(script)
        assert int(lines[0]) <= 3
        assert lines[1:3] == ["pod-u1", "pod-u1"]
        assert "nameserver 192.0.2.53" in lines
        assert "192.0.2.7\tpod-u1" in lines
        assert lines[-3:] == ["none", "kept", "root"]
        assert not Path("/choreo-test").exists()


async def test_the_machine_cannot_be_written_to(engine: EngineFacts, tmp_path: Path) -> None:
    async with containers(engine, tmp_path) as bench:
        # Asked for, not tried: a test that fails must do no harm.
        settings = ("kernel/core_pattern", "vm/swappiness")
        paths = ["/usr/bin", "/etc/ssl", "/sys", "/proc/sysrq-trigger"]
        paths += [f"/proc/sys/{name}" for name in settings]
        script = "; ".join(f"test -w {path} || echo refused" for path in paths)
        assert await bench.shell(script) == ["refused"] * len(paths)


async def test_python_programs_of_an_image_run_and_end_when_told(
    engine: EngineFacts, tmp_path: Path
) -> None:
    async with containers(engine, tmp_path) as bench:
        record, output = await bench.start("print:hello", "sleep:600")
        await until(lambda: output.lines() == ["hello"])
        assert record.id.startswith(f"{engine.name}://")
        await bench.runtime.stop_container(record.id, 60)
        ended = bench.record(record)
        assert (ended.state, ended.exit_code) == (ContainerState.EXITED, 143)
        assert "u1" in bench.changes
        assert output.is_closed


async def test_users_capabilities_and_volumes_are_as_asked_for(
    engine: EngineFacts, tmp_path: Path
) -> None:
    data, config = tmp_path / "data", tmp_path / "config"
    data.mkdir()
    data.chmod(0o777)
    config.mkdir()
    (config / "key").write_text("value\n", encoding="utf-8")
    mounts = [Mount("/data", data), Mount("/etc/app", config, read_only=True)]
    script = (
        "id -u; id -g; id -G; grep -E 'CapEff|NoNewPrivs' /proc/self/status;"
        "echo 2>/dev/null > /x || echo read-only; echo 2>/dev/null > /etc/app/x || echo too;"
        "cat /etc/app/key; echo kept > /data/y; stat -c %u /data/y"
    )
    security = {
        "runAsUser": 1000,
        "runAsGroup": 2000,
        "fsGroup": 3000,
        "readOnlyRootFilesystem": True,
        "allowPrivilegeEscalation": False,
    }
    async with containers(engine, tmp_path) as bench:
        lines = await bench.shell(script, security=security, mounts=mounts)
        assert lines == [
            "1000",
            "2000",
            "2000 3000",
            "CapEff:\t0000000000000000",
            "NoNewPrivs:\t1",
            "read-only",
            "too",
            "value",
            "1000",
        ]
        assert (data / "y").read_text(encoding="utf-8") == "kept\n"
        script = "id -u; grep CapEff /proc/self/status"
        assert await bench.shell(script, name="b") == ["0", "CapEff:\t00000000a80425fb"]
        dropped = {"capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}}
        lines = await bench.shell(script, name="c", security=dropped)
        assert lines == ["0", "CapEff:\t0000000000000400"]


async def test_system_calls_are_filtered_unless_asked_otherwise(
    engine: EngineFacts, tmp_path: Path
) -> None:
    script = "grep '^Seccomp:' /proc/self/status"
    async with containers(engine, tmp_path) as bench:
        assert await bench.shell(script) == ["Seccomp:\t2"]
        unconfined = {"seccompProfile": {"type": "Unconfined"}}
        assert await bench.shell(script, name="b", security=unconfined) == ["Seccomp:\t0"]
        local = {"seccompProfile": {"type": "Localhost", "localhostProfile": "mine.json"}}
        with pytest.raises(StartError, match="is not on this node"):
            await bench.shell(script, name="c", security=local)


async def test_commands_run_in_the_container(engine: EngineFacts, tmp_path: Path) -> None:
    async with containers(engine, tmp_path) as bench:
        record, _ = await bench.start(
            "600", command=["sleep"], working_folder="/tmp", environment={"COLOUR": "blue"}
        )
        script = "pwd; hostname; echo $COLOUR; echo no >&2; exit 7"
        streams = Collected()
        command = ["sh", "-c", script]
        assert await bench.runtime.exec(record.id, command, streams, OutputOnly()) == 7
        assert sorted(streams.output.decode().split()) == ["/tmp", "blue", "no", "pod-u1"]
        caller = Caller(sent=[b"to ", b"upper"])
        choice = Streams(stdin=True)
        assert await bench.runtime.exec(record.id, ["tr", "a-z", "A-Z"], caller, choice) == 0
        assert caller.out == b"TO UPPER"


async def test_a_command_on_a_terminal_knows_its_size(engine: EngineFacts, tmp_path: Path) -> None:
    size = Streams(tty=True, stdin=True)
    async with containers(engine, tmp_path) as bench:
        record, _ = await bench.start("600", command=["sleep"])
        caller = Caller(stays=True, sizes=[_Size(132, 43)])
        script = "until [ \"$(stty size)\" = '43 132' ]; do sleep 0.02; done; echo $TERM"
        assert await bench.runtime.exec(record.id, ["sh", "-c", script], caller, size) == 0
        assert caller.out == b"xterm\r\n"


class _Size:
    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height


async def test_a_command_ends_when_its_caller_leaves(engine: EngineFacts, tmp_path: Path) -> None:
    async with containers(engine, tmp_path) as bench:
        record, _ = await bench.start("600", command=["sleep"])
        caller = Caller()
        command = ["sh", "-c", "echo begun; exec sleep 987653"]
        work = asyncio.ensure_future(bench.runtime.exec(record.id, command, caller, Streams()))
        await asyncio.wait_for(caller.got.wait(), 60)
        work.cancel()
        await asyncio.wait({work})
        await until(lambda: not _sleepers())


def _sleepers() -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if process.info["cmdline"] == ["sleep", "987653"]
    ]


async def test_a_caller_attaches_to_the_main_process(engine: EngineFacts, tmp_path: Path) -> None:
    async with containers(engine, tmp_path) as bench:
        script = 'while read line; do echo "got $line"; done; echo over'
        record, output = await bench.start("-c", script, command=["sh"], stdin=True)
        caller = Caller(sent=[b"one\n", b"two\n"])
        choice = Streams(stdin=True)
        assert await bench.runtime.attach(record.id, caller, choice) == 0
        assert caller.out == b"got one\ngot two\nover\n"
        assert output.lines() == ["got one", "got two", "over"]


async def test_a_container_on_a_terminal_writes_what_it_is_told(
    engine: EngineFacts, tmp_path: Path
) -> None:
    async with containers(engine, tmp_path) as bench:
        script = 'stty -echo; read line; echo "got $line on $(tty | cut -c 1-8)"'
        record, output = await bench.start("-c", script, command=["sh"], stdin=True, tty=True)
        caller = Caller(sent=[b"one\n"])
        choice = Streams(stdin=True, tty=True)
        assert await bench.runtime.attach(record.id, caller, choice) == 0
        await bench.ended(record)
        assert b"got one on /dev/pts\r\n" in output.stdout


async def test_exit_codes_and_output_of_both_kinds_are_told(
    engine: EngineFacts, tmp_path: Path
) -> None:
    async with containers(engine, tmp_path) as bench:
        record, output = await bench.start("-c", "echo out; echo err >&2; exit 9", command=["sh"])
        ended = await bench.ended(record)
        assert (ended.state, ended.exit_code, ended.reason) == (ContainerState.EXITED, 9, "")
        assert (output.stdout, output.stderr) == (b"out\n", b"err\n")
        assert ended.started_at is not None
        assert ended.finished_at is not None
        assert ended.created_at <= ended.started_at <= ended.finished_at


async def test_a_container_that_does_not_listen_to_requests_is_ended(
    engine: EngineFacts, tmp_path: Path
) -> None:
    async with containers(engine, tmp_path) as bench:
        script = "trap 'echo asked' TERM; echo ready; while :; do sleep 0.05; done"
        record, output = await bench.start("-c", script, command=["sh"])
        await until(lambda: output.lines() == ["ready"])
        await bench.runtime.stop_container(record.id, 0.5)
        assert bench.record(record).exit_code == 137
        assert output.lines()[1:] == ["asked"]


async def test_too_much_memory_ends_a_container(engine: EngineFacts, tmp_path: Path) -> None:
    if engine.name == "podman" and not Path("/sys/fs/cgroup/cgroup.controllers").exists():
        pytest.skip("podman tells of a lack of memory with control groups of version 2 only")
    async with containers(engine, tmp_path) as bench:
        limits = {"limits": {"memory": "50Mi"}}
        record, _ = await bench.start("allocate:200000000", "sleep:60", resources=limits)
        ended = await bench.ended(record)
        assert (ended.reason, ended.exit_code) == ("OOMKilled", 137)


async def test_a_fork_bomb_stays_in_its_container(engine: EngineFacts, tmp_path: Path) -> None:
    async with containers(engine, tmp_path) as bench:
        script = "cat /sys/fs/cgroup/pids/pids.max 2>/dev/null || cat /sys/fs/cgroup/pids.max"
        assert await bench.shell(script) == ["2048"]


async def test_processor_time_is_limited(engine: EngineFacts, tmp_path: Path) -> None:
    async with containers(engine, tmp_path) as bench:
        limits = {"limits": {"cpu": "50m"}}
        record, _ = await bench.start("-c", "while :; do :; done", command=["sh"], resources=limits)
        told = await asyncio.to_thread(
            sockets.request,
            engine.socket,
            "GET",
            f"/containers/{record.id.partition('://')[2]}/json",
        )
        host = told["HostConfig"]
        assert (host["CpuPeriod"], host["CpuQuota"]) == (100_000, 5_000)
        await until(lambda: _used(bench) > 0)
        await bench.runtime.stop_container(record.id, 0)
        assert list(bench.runtime.usage()["u1"]) == []


def _used(bench: EngineBench) -> float:
    found = [each for each in bench.runtime.usage()["u1"] if each.memory_bytes]
    assert [each.container for each in found] in ([], ["main"])
    return sum(each.cpu_seconds for each in found)


async def test_what_cannot_be_started_says_so(engine: EngineFacts, tmp_path: Path) -> None:
    async with containers(engine, tmp_path) as bench:
        with pytest.raises(StartError, match='"no-such-program": executable file not found'):
            await bench.start(command=["no-such-program"])
        with pytest.raises(StartError, match="/no/such"):
            await bench.start(command=["/no/such/program"], name="b")
        with pytest.raises(StartError, match="memory"):
            await bench.start(name="c", resources={"limits": {"memory": "1Ki"}})


async def test_a_lost_network_ends_the_containers_and_comes_back(
    engine: EngineFacts, tmp_path: Path
) -> None:
    async with containers(engine, tmp_path) as bench:
        record, _ = await bench.start("600", command=["sleep"])
        holder = bench.runtime._pods["u1"].holder
        await asyncio.to_thread(
            sockets.request, engine.socket, "POST", f"/containers/{holder}/kill"
        )
        ended = await bench.ended(record)
        assert ended.exit_code == 137
        again, output = await bench.start("print:back", attempt=1)
        await bench.ended(again)
        assert output.lines() == ["back"]
        assert bench.runtime._pods["u1"].holder not in ("", holder)


async def test_a_container_that_somebody_removed_has_ended(
    engine: EngineFacts, tmp_path: Path
) -> None:
    async with containers(engine, tmp_path) as bench:
        record, _ = await bench.start("600", command=["sleep"])
        number = record.id.partition("://")[2]
        await asyncio.to_thread(
            sockets.request, engine.socket, "DELETE", f"/containers/{number}?force=1"
        )
        assert (await bench.ended(record)).exit_code == 137


async def test_the_same_attempt_may_be_begun_anew(engine: EngineFacts, tmp_path: Path) -> None:
    async with containers(engine, tmp_path) as bench:
        await bench.start("600", command=["sleep"])
        record, output = await bench.start("print:anew")
        await bench.ended(record)
        assert output.lines() == ["anew"]


async def test_a_start_that_is_given_up_leaves_nothing(engine: EngineFacts, tmp_path: Path) -> None:
    async with containers(engine, tmp_path, instance_id="test-given-up") as bench:
        for patience in (0.0, 0.02, 0.1, 0.3):
            work = asyncio.ensure_future(bench.start("600", command=["sleep"]))
            await asyncio.wait({work}, timeout=patience)
            work.cancel()
            await asyncio.wait({work})
            assert not [each for each in bench.runtime.containers("u1") if not each.is_running]
            await bench.runtime.remove_pod("u1")
            assert bench.runtime.containers("u1") == []
        await until(lambda: leftovers.containers(engine.socket, "test-given-up") == [])


async def test_what_a_killed_instance_left_goes_at_the_next_start(
    engine: EngineFacts, tmp_path: Path
) -> None:
    async with containers(engine, tmp_path / "first", instance_id="test-killed") as first:
        await first.start("600", command=["sleep"])
        assert len(leftovers.containers(engine.socket, "test-killed")) == 2
        async with containers(engine, tmp_path / "second", instance_id="test-killed"):
            assert leftovers.containers(engine.socket, "test-killed") == []


async def test_pods_are_marked_and_named_for_people(engine: EngineFacts, tmp_path: Path) -> None:
    async with containers(engine, tmp_path, instance_id="test-marked") as bench:
        record, _ = await bench.start("600", command=["sleep"])
        number = record.id.partition("://")[2]
        told = await asyncio.to_thread(
            sockets.request, engine.socket, "GET", f"/containers/{number}/json"
        )
        labels = {key: value for key, value in told["Config"]["Labels"].items() if "choreo" in key}
        assert labels == {
            "choreo.local/instance": "test-marked",
            "choreo.local/pod": "u1",
            "choreo.local/container": "main",
        }
        assert told["Name"].endswith("_main_pod-u1_shop_u1_0")
        assert told["HostConfig"]["RestartPolicy"]["Name"] in ("", "no")


async def test_much_output_comes_whole(engine: EngineFacts, tmp_path: Path) -> None:
    async with containers(engine, tmp_path) as bench:
        record, output = await bench.start("-c", "seq 200000", command=["sh"])
        await bench.ended(record)
        assert output.stdout == b"".join(b"%d\n" % number for number in range(1, 200001))
