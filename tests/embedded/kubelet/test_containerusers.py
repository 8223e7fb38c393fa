"""The users of containers: all that images expect, and nobody on this machine."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from choreo_local.embedded import podruntime
from choreo_local.embedded.kubelet import containerusers, stage, usernamespaces
from choreo_local.embedded.kubelet.mounting import Mounting
from choreo_local.embedded.kubelet.records import ContainerRecord
from choreo_local.embedded.kubelet.runtime import Mount
from choreo_local.embedded.kubelet.usernamespaces import COUNT, Map, Ranges
from tests.embedded.kubelet.entering import entered
from tests.embedded.kubelet.processes import until
from tests.embedded.kubelet.test_sandbox import SandboxBench, sandboxes


@asynccontextmanager
async def ranged(folder: Path) -> AsyncIterator[SandboxBench]:
    """Sandboxes whose containers have all users; skips the test where there are none."""
    async with sandboxes(folder) as bench:
        found = {each.name: each for each in bench.isolation.capabilities()}["own-users"]
        if not found.enforced:
            pytest.skip(f"no further users on this machine: {found.reason}")
        yield bench


def test_ranges_rest_before_they_are_used_again() -> None:
    ranges = Ranges("an instance")
    first, second = ranges.take(), ranges.take()
    assert abs(second - first) >= 2 * COUNT
    assert first % COUNT == 0
    ranges.release(first)
    assert ranges.take() not in {first, second}


def test_ranges_are_given_out_until_there_are_none() -> None:
    ranges = Ranges("an instance")
    found = {ranges.take() for _ in range(usernamespaces._SLOTS)}
    assert len(found) == usernamespaces._SLOTS
    assert max(found) + 2 * COUNT < 2**31
    with pytest.raises(OSError, match="all ranges of users are taken"):
        ranges.take()


def test_large_numbers_are_users_too() -> None:
    found = Map.of(1_000_000, [5, 1_000_650_000, 70_000, 70_000])
    assert found.outside(5) == 1_000_005
    assert found.outside(70_000) == 1_000_000 + COUNT
    assert found.outside(1_000_650_000) == 1_000_001 + COUNT
    assert found.text() == ("0 1000000 65536\n70000 1065536 1\n1000650000 1065537 1\n")


async def test_a_container_is_nobody_on_this_machine(tmp_path: Path) -> None:
    async with ranged(tmp_path) as bench:
        for user in (0, 1000):
            record, _ = await bench.start(
                "60", command=["sleep"], attempt=user, security={"runAsUser": user}
            )
            pid = await _program_of(bench, record)
            users = psutil.Process(pid).uids()
            assert len(set(users)) == 1
            assert users.real >= usernamespaces._FIRST
            assert users.real % COUNT == user


async def _program_of(bench: SandboxBench, record: ContainerRecord) -> int:
    await entered(bench, record, ["true"])
    return bench.runtime._containers[record.id].main_pid


async def test_root_of_a_container_becomes_others_and_gives_files_away(tmp_path: Path) -> None:
    async with ranged(tmp_path) as bench:
        script = """
import os
os.mkdir("/data"); os.chown("/data", 33, 33); os.mkdir("/data/private", 0o700)
os.chown("/data/private", 70, 70)
os.setgroups([7]); os.setgid(33); os.setuid(33)
open("/data/x", "w").close()
print(os.getuid(), os.getgroups(), os.stat("/data/x").st_uid)
try:
    os.listdir("/data/private")
except PermissionError:
    print("refused")
"""
        assert await bench.run("-c", script, command=["python3"]) == ["33 [7] 33", "refused"]


async def test_volumes_keep_the_users_of_containers(tmp_path: Path) -> None:
    async with ranged(tmp_path) as bench:
        data = tmp_path / "data"
        data.mkdir(mode=0o777)
        data.chmod(0o777)
        mounts = [Mount("/data", data)]
        await bench.shell("touch /data/root; touch /data/w; chown 33:5 /data/w", mounts=mounts)
        security = {"runAsUser": 1000, "runAsGroup": 3000}
        found = await bench.shell(
            "touch /data/own; stat -c '%u %g' /data/root /data/w /data/own",
            mounts=mounts,
            security=security,
            attempt=1,
        )
        assert found == ["0 0", "33 5", "1000 3000"]
        # On the disk they are the same, so that another range sees them as they were.
        kept = {each.name: (each.stat().st_uid, each.stat().st_gid) for each in data.iterdir()}
        assert kept == {"root": (0, 0), "w": (33, 5), "own": (1000, 3000)}
        assert await bench.shell("stat -c %u /data/own", uid="u2", mounts=mounts) == ["1000"]


async def test_files_of_others_are_closed_to_a_user(tmp_path: Path) -> None:
    async with ranged(tmp_path) as bench:
        secret = tmp_path / "secret"
        secret.mkdir()
        (secret / "key").write_text("value\n", encoding="utf-8")
        (secret / "key").chmod(0o400)
        mounts = [Mount("/secret", secret, read_only=True)]
        assert await bench.shell("cat /secret/key", mounts=mounts) == ["value"]
        script = "cat /secret/key 2>/dev/null || echo refused"
        security = {"runAsUser": 1000}
        assert await bench.shell(script, mounts=mounts, security=security, attempt=1) == ["refused"]


async def test_groups_beside_the_first(tmp_path: Path) -> None:
    async with ranged(tmp_path) as bench:
        security = {"runAsUser": 1000, "supplementalGroups": [4000], "fsGroup": 2000}
        assert await bench.shell("id -G", security=security) == ["0 2000 4000"]
        record, _ = await bench.start("60", command=["sleep"], attempt=1, security=security)
        assert await entered(bench, record, ["id", "-G"]) == ["0 2000 4000"]
        large = {"runAsUser": 1000650000, "fsGroup": 1000650000}
        assert await bench.shell("id -u; id -G", security=large, attempt=2) == [
            "1000650000",
            "0 1000650000",
        ]


async def test_a_user_has_a_place_to_write_and_its_streams(tmp_path: Path) -> None:
    async with ranged(tmp_path) as bench:
        script = "echo a > /tmp/x; echo b > /dev/shm/y; echo c > z;"
        script += "cat /tmp/x /dev/shm/y z > /dev/stdout"
        for user in (0, 1000):
            found = await bench.shell(script, security={"runAsUser": user}, attempt=user)
            assert found == ["a", "b", "c"]


async def test_capabilities_that_a_user_asks_for(tmp_path: Path) -> None:
    async with ranged(tmp_path) as bench:
        security = {"runAsUser": 1000, "capabilities": {"add": ["CHOWN"]}}
        found = await bench.shell(
            "touch /tmp/x; chown 5 /tmp/x; stat -c %u /tmp/x; grep CapEff /proc/self/status",
            security=security,
        )
        assert found == ["5", "CapEff:\t0000000000000001"]


async def test_pods_have_users_of_their_own(tmp_path: Path) -> None:
    async with ranged(tmp_path) as bench:
        maps = [await bench.shell("cat /proc/self/uid_map", uid=uid) for uid in ("u1", "u2")]
        assert maps[0] != maps[1]


@pytest.mark.parametrize("program", ["true", "sleep 60"])
async def test_files_are_placed_only_until_a_container_sees_them(
    tmp_path: Path, program: str
) -> None:
    async with ranged(tmp_path) as bench:
        staged = bench.sandbox._users._stage  # type: ignore[attr-defined]

        def placed() -> list[Path]:
            within = staged._folder
            found: list[Path] = staged._thread.submit(lambda: list(within.iterdir())).result()
            return found

        record, _ = await bench.start("-c", program, command=["sh"])
        assert len(placed()) == 2
        # What stays is bubblewrap's own folder.
        await until(lambda: len(placed()) == 1)
        if program != "true":
            assert await entered(bench, record, ["ls", "/work/tester.py"]) == ["/work/tester.py"]


async def test_nothing_of_ours_is_open_in_a_container(tmp_path: Path) -> None:
    async with ranged(tmp_path) as bench:
        script = "import os; print(sorted(map(int, os.listdir('/proc/self/fd')))[:-1])"
        assert await bench.run("-c", script, command=["python3"]) == ["[0, 1, 2]"]
        record, _ = await bench.start("60", command=["sleep"], attempt=1)
        assert await entered(bench, record, ["python3", "-c", script]) == ["[0, 1, 2]"]


def _programs() -> dict[str, Path]:
    tools = podruntime.probe().tools
    if tools is None or not usernamespaces.is_whole_machine():
        pytest.skip("only root of the machine has further users to give")
    return {"bubblewrap": tools.bubblewrap, "nsenter": tools.nsenter}


def test_files_that_have_no_other_owners_are_said() -> None:
    found = containerusers.find("x", Path("/proc"), **_programs())
    assert "files cannot be shown under other owners" in found.obstacle


def test_a_kernel_without_the_calls_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(_self: Mounting, _empty: Path) -> int:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(Mounting, "own_namespace", missing)
    found = containerusers.find("x", tmp_path, **_programs())
    assert "this kernel has no namespace for their files" in found.obstacle


def test_a_machine_without_a_place_for_files_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "_PLACES", (tmp_path / "none",))
    found = containerusers.find("x", tmp_path, **_programs())
    assert "this machine has none of the folders" in found.obstacle


def test_a_program_that_nobody_may_run_is_said(tmp_path: Path) -> None:
    programs = _programs()
    place = tmp_path / "a" / "b" / "bwrap"
    place.parent.mkdir(parents=True, mode=0o700)
    place.write_bytes(b"")
    place.chmod(0o700)
    found = containerusers.find("x", tmp_path, **{**programs, "bubblewrap": place})
    assert "Permission denied" in found.obstacle


async def test_containers_of_one_user_say_so(tmp_path: Path) -> None:
    async with sandboxes(tmp_path, single_user=True) as bench:
        told = {each.name: each for each in bench.isolation.capabilities()}
        assert not told["own-users"].enforced
        assert "cannot become another one" in told["users"].reason
        assert await bench.shell("id -u", security={"runAsUser": 1000}) == ["1000"]
        record, _ = await bench.start("60", command=["sleep"], attempt=1)
        assert await entered(bench, record, ["id", "-u"]) == ["0"]
