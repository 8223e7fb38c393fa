"""Containers in namespaces: what they see, who they are, and that nothing of them stays."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from choreo_local import clock
from choreo_local.embedded import podruntime
from choreo_local.embedded.kubelet import containerusers, controlgroups, leftovers
from choreo_local.embedded.kubelet.checks import Collected, OutputOnly
from choreo_local.embedded.kubelet.controlgroups import ControlGroups
from choreo_local.embedded.kubelet.hierarchies import Hierarchies
from choreo_local.embedded.kubelet.hostimages import Catalogue
from choreo_local.embedded.kubelet.launch import Surroundings, inherited_variables
from choreo_local.embedded.kubelet.podnetwork import Attachment
from choreo_local.embedded.kubelet.process import ProcessRuntime
from choreo_local.embedded.kubelet.records import ContainerState
from choreo_local.embedded.kubelet.runtime import Mount, PodRequest, StartError
from choreo_local.embedded.kubelet.sandbox import Sandbox
from tests.embedded.kubelet.processes import IMAGES, Bench, until


class MachineOnly:
    """The network of pods that all share this machine's."""

    resolver = "192.0.2.53"
    datagram_obstacle = ""

    async def attach(self, uid: str, *, address: str) -> Attachment:
        raise AssertionError(f"pod {uid} shares the machine's network")

    async def detach(self, uid: str) -> None:
        raise AssertionError(f"pod {uid} shares the machine's network")


class SandboxBench(Bench):
    """Starts containers in sandboxes."""

    sandbox: Sandbox

    def pod(self, uid: str = "u1", **fields: Any) -> PodRequest:
        return super().pod(uid, host_network=True, **fields)

    async def shell(self, script: str, **fields: Any) -> list[str]:
        """The lines that a script writes."""
        return await self.run("-c", script, command=["sh"], **fields)


@asynccontextmanager
async def sandboxes(
    folder: Path, *, grouped: bool = True, single_user: bool = False
) -> AsyncIterator[SandboxBench]:
    """A runtime of an instance of its own; nothing of it is left behind."""
    tools = podruntime.probe().tools
    if tools is None:
        pytest.skip(f"no sandboxes on this machine: {podruntime.probe().obstacle}")
    instance_id = clock.new_uid()
    surroundings = Surroundings(
        instance_id,
        cache_folder=folder / "cache",
        inherited=inherited_variables(),
    )
    found = controlgroups.find(instance_id) if grouped else "the test wants none"
    groups = (
        found if isinstance(found, str) else ControlGroups(found, instance_id, most_processes=50)
    )
    programs = {"bubblewrap": tools.bubblewrap, "nsenter": tools.nsenter}
    users = None if single_user else containerusers.find(instance_id, folder, **programs)
    isolation = Sandbox(surroundings, tools.bubblewrap, MachineOnly(), groups, users)
    runtime = ProcessRuntime(
        instance_id,
        isolation,
        Catalogue.of_folders([IMAGES]),
        memory_check_seconds=0.05,
        stop_seconds=0.2,
    )
    bench = SandboxBench(runtime, isolation, folder / "pods")
    bench.sandbox = isolation
    await runtime.start(bench.changes.append)
    try:
        yield bench
    finally:
        await runtime.stop()
    assert leftovers.orphans(instance_id) == []
    if isinstance(found, Hierarchies):
        name = controlgroups.group_name(instance_id)
        assert not [each for each in found.distinct if (each / name).exists()]


async def test_a_container_has_processes_names_and_files_of_its_own(tmp_path: Path) -> None:
    async with sandboxes(tmp_path) as bench:
        assert await bench.shell("ls -d /proc/[0-9]* | wc -l") in (["3"], ["4"])
        assert await bench.shell("hostname; cat /etc/hostname") == ["pod-u1", "pod-u1"]
        hidden = f"ls -d {Path.home()}/.bashrc {tmp_path} /home /var/log /etc/shadow 2>/dev/null"
        assert await bench.shell(f"{hidden} || echo none") == ["none"]
        seen = await bench.shell("cat /etc/resolv.conf /etc/hosts /etc/passwd")
        assert "nameserver 192.0.2.53" in seen
        assert any(line.startswith("root:x:0:") for line in seen)
        assert await bench.shell("echo kept > /tmp/x; cat /tmp/x; echo root > /y; cat /y") == [
            "kept",
            "root",
        ]
        assert not Path("/y").exists()


async def test_the_machine_cannot_be_written_to(tmp_path: Path) -> None:
    async with sandboxes(tmp_path) as bench:
        # Asked for, not tried: a test that fails must do no harm.
        settings = ("kernel/core_pattern", "kernel/hostname", "vm/swappiness")
        paths = ["/usr/bin", "/etc/ssl", "/sys", "/proc/sysrq-trigger"]
        for path in [*paths, *(f"/proc/sys/{name}" for name in settings)]:
            assert await bench.shell(f"test -w {path} || echo refused") == ["refused"]


async def test_python_programs_of_an_image_run(tmp_path: Path) -> None:
    async with sandboxes(tmp_path) as bench:
        assert await bench.run("print:hello") == ["hello"]


async def test_the_user_is_the_one_that_is_asked_for(tmp_path: Path) -> None:
    async with sandboxes(tmp_path) as bench:
        script = "id -u; id -g; touch /tmp/x; stat -c %u /tmp/x; grep CapEff /proc/self/status"
        assert await bench.shell(script, security={"runAsUser": 1000, "runAsGroup": 2000}) == [
            "1000",
            "2000",
            "1000",
            "CapEff:\t0000000000000000",
        ]
        assert await bench.shell("id -u; id -un") == ["0", "root"]


async def test_capabilities_are_the_usual_ones_less_what_is_dropped(tmp_path: Path) -> None:
    async with sandboxes(tmp_path) as bench:
        script = "grep CapEff /proc/self/status"
        assert await bench.shell(script) == ["CapEff:\t00000000a80425fb"]
        dropped = {"capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}}
        assert await bench.shell(script, security=dropped) == ["CapEff:\t0000000000000400"]


async def test_a_root_that_is_read_only_still_has_its_volumes(tmp_path: Path) -> None:
    async with sandboxes(tmp_path) as bench:
        data, config = tmp_path / "data", tmp_path / "config"
        data.mkdir()
        config.mkdir()
        (config / "key").write_text("value\n", encoding="utf-8")
        mounts = [Mount("/data", data), Mount("/etc/app", config, read_only=True)]
        script = (
            "echo 2>/dev/null > /x || echo read-only; echo 2>/dev/null > /etc/app/x || echo too;"
            "cat /etc/app/key; echo kept > /data/y"
        )
        lines = await bench.shell(script, security={"readOnlyRootFilesystem": True}, mounts=mounts)
        assert lines == ["read-only", "too", "value"]
        assert (data / "y").read_text(encoding="utf-8") == "kept\n"


async def test_commands_run_in_the_container_with_its_rights_only(tmp_path: Path) -> None:
    async with sandboxes(tmp_path) as bench:
        record, _ = await bench.start("60", command=["sleep"], working_folder="/tmp")
        streams = Collected()
        script = "pwd; echo here > /tmp/f; hostname; grep -E 'CapEff|NoNewPrivs' /proc/self/status"

        # At once, while the container is still being made.
        command = ["sh", "-c", f"{script}; exit 7"]
        assert await bench.runtime.exec(record.id, command, streams, OutputOnly()) == 7
        assert streams.output.decode().splitlines() == [
            "/tmp",
            "pod-u1",
            "CapEff:\t00000000a80425fb",
            "NoNewPrivs:\t1",
        ]
        missing = await bench.runtime.exec(
            record.id, ["./no-such-program"], Collected(), OutputOnly()
        )
        assert missing == 127


async def test_a_program_is_asked_to_end(tmp_path: Path) -> None:
    async with sandboxes(tmp_path) as bench:
        script = "trap 'echo asked; exit 5' TERM; echo ready; while :; do sleep 0.05; done"
        record, output = await bench.start("-c", script, command=["sh"])
        await until(lambda: output.lines() == ["ready"])
        await bench.runtime.stop_container(record.id, 60)
        ended = bench.record(record)
        assert (ended.exit_code, output.lines()) == (5, ["ready", "asked"])


async def test_a_pod_leaves_no_process_even_if_it_hides_them(tmp_path: Path) -> None:
    async with sandboxes(tmp_path) as bench:
        script = "env -i setsid sleep 987654 & echo started; wait"
        _, output = await bench.start("-c", script, command=["sh"])
        await until(lambda: output.lines() == ["started"] and _sleepers())
        await bench.runtime.remove_pod("u1")
        await until(lambda: not _sleepers())


def _sleepers() -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if process.info["cmdline"] == ["sleep", "987654"]
    ]


@pytest.mark.parametrize("grouped", [True, False])
async def test_too_much_memory_ends_a_container(tmp_path: Path, *, grouped: bool) -> None:
    async with sandboxes(tmp_path, grouped=grouped) as bench:
        record, _ = await bench.start(
            "allocate:200000000", "sleep:60", resources={"limits": {"memory": "50Mi"}}
        )
        ended = await bench.ended(record)
        assert (ended.reason, ended.exit_code) == ("OOMKilled", 137)


async def test_what_cannot_be_started_says_so(tmp_path: Path) -> None:
    async with sandboxes(tmp_path) as bench:
        with pytest.raises(StartError, match='"no-such-program": executable file not found'):
            await bench.start(command=["no-such-program"])


async def test_a_container_that_ends_tells_its_exit_code(tmp_path: Path) -> None:
    async with sandboxes(tmp_path) as bench:
        record, _ = await bench.start("-c", "exit 9", command=["sh"])
        ended = await bench.ended(record)
        assert (ended.state, ended.exit_code) == (ContainerState.EXITED, 9)
        record, _ = await bench.start("-c", "kill -9 $$", command=["sh"], attempt=1)
        assert (await bench.ended(record)).exit_code == 137


async def test_the_mark_of_the_instance_is_on_all_its_processes(tmp_path: Path) -> None:
    async with sandboxes(tmp_path) as bench:
        await bench.start("60", command=["sleep"])
        instance_id = bench.isolation._surroundings.instance_id
        await until(lambda: len(leftovers.orphans(instance_id)) == 3)
        assert os.getpid() not in {each.pid for each in leftovers.orphans(instance_id)}


async def test_a_fork_bomb_stays_in_its_container(tmp_path: Path) -> None:
    async with sandboxes(tmp_path) as bench:
        _grouped(bench)
        script = "for i in $(seq 100); do sleep 600 & done; wait"
        record, output = await bench.start("-c", script, command=["sh"])
        await until(lambda: b"ork" in output.stderr)
        await bench.runtime.stop_container(record.id, 0)
        await bench.ended(record)


async def test_processor_time_is_limited(tmp_path: Path) -> None:
    async with sandboxes(tmp_path) as bench:
        _grouped(bench)
        record, _ = await bench.start(
            "-c",
            "while :; do :; done",
            command=["sh"],
            resources={"limits": {"cpu": "50m"}},
        )
        (group,) = bench.sandbox._grouped.values()
        statistics = group.folders["cpu"] / "cpu.stat"

        def throttled() -> bool:
            counts = dict(line.split() for line in statistics.read_text().splitlines())
            return int(counts["nr_throttled"]) > 0

        await until(throttled)
        await bench.runtime.stop_container(record.id, 0)


def _grouped(bench: SandboxBench) -> None:
    told = {each.name: each for each in bench.isolation.capabilities()}
    if not told["process-limit"].enforced:
        pytest.skip(f"no limits on this machine: {told['process-limit'].reason}")
