"""What a hostile container tries; every attempt is refused, and nothing of the machine changes."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest

from choreo_local.embedded.kubelet import beneath, launch
from choreo_local.embedded.kubelet.runtime import Mount
from tests.embedded.kubelet.entering import entered
from tests.embedded.kubelet.processes import until
from tests.embedded.kubelet.test_containerusers import ranged
from tests.embedded.kubelet.test_sandbox import sandboxes

# Tries what its lines say, and writes for each what came of it.
_TRY = """
import ctypes, errno, os, signal, socket, sys
libc = ctypes.CDLL(None, use_errno=True)

def call(name, *arguments):
    ctypes.set_errno(0)
    result = getattr(libc, name)(*arguments)
    if result == -1:
        raise OSError(ctypes.get_errno(), "")

def attempt(what, function):
    try:
        function()
    except OSError as error:
        print(what, errno.errorcode[error.errno])
    except ValueError:  # As Python says that a limit must not be raised.
        print(what, "EPERM")
    else:
        print(what, "done")
"""

_ATTEMPTS = {
    "mount": 'call("mount", b"none", b"/tmp", b"tmpfs", 0, None)',
    "remount": 'call("mount", None, b"/usr", None, 0x20, None)',
    "unmount": 'call("umount2", b"/usr", 2)',
    "bind": 'call("mount", b"/", b"/tmp", None, 0x1000, None)',
    "chroot out": 'call("pivot_root" if hasattr(libc, "pivot_root") else "umount", b"/", b"/tmp")',
    "namespace": 'call("unshare", 0x10000000)',
    "module": 'call("syscall", INIT_MODULE, b"", 0, b"")',
    "disk": 'os.mknod("/tmp/disk", 0o60600, os.makedev(8, 0))',
    "memory": 'os.mknod("/tmp/mem", 0o20600, os.makedev(1, 1))',
    "trace": 'call("ptrace", 16, PARENT, None, None)',
    "signal": "os.kill(PARENT, signal.SIGTERM)",
    "clock": 'call("settimeofday", ctypes.create_string_buffer(16), None)',
    "name": 'call("sethostname", b"other", 5)',
    "packets": "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
    "raw": "socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)",
    "hypervisor": "socket.socket(40, socket.SOCK_STREAM)",
    "priority": "os.setpriority(os.PRIO_PROCESS, 0, -5)",
    "limits": "__import__('resource').setrlimit(7, (1 << 30, 1 << 30))",
    "core": 'open("/proc/sys/kernel/core_pattern", "w")',
    "magic": 'open("/proc/sysrq-trigger", "w")',
    "forwarding": 'open("/proc/sys/vm/drop_caches", "w")',
    "first": 'open("/proc/1/exe", "r+b")',
    "own program": 'open("/usr/bin/env", "r+b")',
    "interpreter": f'open({os.__file__!r}, "r+b")',
    "shim": f'open({str(launch.SHIM / "launch.py")!r}, "r+b")',
    "groups": 'os.listdir("/sys/fs/cgroup")',
    "engine": 'os.stat("/var/run/docker.sock")',
    "home": f"os.listdir({str(Path.home() / '.ssh')!r})",
    "shadow": 'open("/etc/shadow")',
    "weigh": 'os.write(os.open("/proc/self/oom_score_adj", os.O_WRONLY), b"-1000")',
}
_REFUSALS = {"EPERM", "EACCES", "ENOENT", "EROFS", "ESRCH", "EAFNOSUPPORT", "EINVAL", "ENOSYS"}


def _script() -> str:
    number = "175" if os.uname().machine == "x86_64" else "105"
    lines = [f"attempt({what!r}, lambda: {body})" for what, body in _ATTEMPTS.items()]
    text = _TRY + "\n".join(lines)
    return text.replace("INIT_MODULE", number).replace("PARENT", str(os.getpid()))


@pytest.mark.parametrize("user", [0, 1000])
async def test_nothing_of_the_machine_is_reached(tmp_path: Path, user: int) -> None:
    async with ranged(tmp_path) as bench:
        programs = [Path(os.__file__), launch.SHIM / "launch.py", Path("/usr/bin/env")]
        before = [each.stat().st_mtime_ns for each in programs]
        lines = await bench.run("-c", _script(), command=["python3"], security={"runAsUser": user})
        assert _answers(lines).keys() == _ATTEMPTS.keys()
        assert {what for what, answer in _answers(lines).items() if answer not in _REFUSALS} == (
            set()
        )
        assert [each.stat().st_mtime_ns for each in programs] == before


async def test_the_first_process_of_a_container_is_worth_nothing(tmp_path: Path) -> None:
    async with ranged(tmp_path) as bench:
        wanted = "grep -E 'Seccomp:|NoNewPrivs|CapPrm|CapEff|CapBnd|CapInh|Uid'"
        for user in (0, 1000):
            script = f"for pid in 1 self; do {wanted} /proc/$pid/status; done"
            lines = await bench.shell(script, security={"runAsUser": user}, attempt=user)
            first, own = lines[: len(lines) // 2], lines[len(lines) // 2 :]
            assert "Seccomp:\t2" in first
            assert "NoNewPrivs:\t1" in first
            for theirs, ours in zip(first, own, strict=True):
                if theirs.startswith("Cap"):
                    name, _, mask = theirs.partition(":")
                    assert int(mask, 16) & ~int(ours.partition(":")[2], 16) == 0, name


async def test_no_capability_that_may_be_asked_for_opens_a_way(tmp_path: Path) -> None:
    async with ranged(tmp_path) as bench:
        security = {
            "capabilities": {"add": ["ALL"]},
            "seccompProfile": {"type": "Unconfined"},
            "privileged": True,
        }
        lines = await bench.run("-c", _script(), command=["python3"], security=security)
        own = {"namespace", "hypervisor"}  # of no use to it
        reached = {what for what, answer in _answers(lines).items() if answer not in _REFUSALS}
        assert reached <= own


def _answers(lines: list[str]) -> dict[str, str]:
    return {what: answer for what, _, answer in (line.rpartition(" ") for line in lines)}


async def test_the_files_of_the_instance_and_of_other_pods_are_not_there(tmp_path: Path) -> None:
    async with ranged(tmp_path) as bench:
        (tmp_path / "token").write_text("secret", encoding="utf-8")
        record, _ = await bench.start("60", command=["sleep"], uid="u2")
        script = f"cat {tmp_path}/token 2>&1; ls {tmp_path} /mnt 2>&1; cat /proc/self/mountinfo"
        seen = "\n".join(await bench.shell(f"({script}) || true"))
        assert "secret" not in seen
        assert f"cannot access '{tmp_path}'" in seen
        assert "u2" not in seen.replace(str(tmp_path), "")
        assert record.id


_WATCH = """
import os
print("ready", flush=True)
own = {os.stat(f"/proc/{pid}/exe").st_ino for pid in (os.getpid(),)}
opened = 0
while not os.path.exists("/tmp/stop"):
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/exe", "r+b"):
                opened += 1
        except OSError:
            pass
print(opened, flush=True)
"""


async def test_programs_that_enter_a_container_are_not_taken_over(tmp_path: Path) -> None:
    async with ranged(tmp_path) as bench:
        # A program that is a link to whoever follows it.
        record, output = await bench.start("-c", _WATCH, command=["python3"])
        await until(lambda: output.lines() == ["ready"])
        await entered(bench, record, ["ln", "-s", "/proc/self/exe", "/tmp/again"])
        interpreter = Path(sys.executable).resolve()
        before = interpreter.stat().st_mtime_ns
        for _ in range(3):
            await entered(bench, record, ["/tmp/again", "--version"])
        await entered(bench, record, ["touch", "/tmp/stop"])
        await until(lambda: len(output.lines()) == 2)
        assert output.lines()[1] == "0"
        assert interpreter.stat().st_mtime_ns == before


@pytest.mark.parametrize("single_user", [False, True])
async def test_links_in_volumes_lead_nowhere(tmp_path: Path, *, single_user: bool) -> None:
    async with sandboxes(tmp_path, single_user=single_user) as bench:
        secret, volume = tmp_path / "secret", tmp_path / "volume"
        for each in (secret, volume):
            each.mkdir()
        (secret / "key").write_text("value", encoding="utf-8")
        (volume / "real").mkdir()
        (volume / "real" / "key").write_text("own\n", encoding="utf-8")
        inside = Mount("/data", volume / "real", within=volume)
        assert await bench.shell("cat /data/key", mounts=[inside]) == ["own"]
        for target in (secret, "../secret", "/"):
            link = volume / "link"
            link.unlink(missing_ok=True)
            link.symlink_to(target)
            with pytest.raises(Exception, match="cannot place the files of the container"):
                await bench.start("true", mounts=[Mount("/data", link, within=volume)], attempt=1)


def test_a_path_that_changes_while_it_is_walked_stays_in_its_folder(tmp_path: Path) -> None:
    volume, outside = tmp_path / "volume", tmp_path / "outside"
    for each in (volume / "own", outside):
        each.mkdir(parents=True)
    (volume / "a").symlink_to("own")
    stopped = threading.Event()

    def swap() -> None:
        while not stopped.is_set():
            for target in (outside, "../outside", "own"):
                (volume / "next").symlink_to(target)
                (volume / "next").rename(volume / "a")

    swapping = threading.Thread(target=swap)
    swapping.start()
    found = 0
    try:
        for _ in range(2000):
            try:
                opened = beneath.make(volume, "a/sub/deep", mode=0o777)
            except OSError:
                continue
            place = os.readlink(f"/proc/self/fd/{opened}")
            os.close(opened)
            found += 1
            assert Path(place).is_relative_to(volume)
    finally:
        stopped.set()
        swapping.join()
    assert list(outside.iterdir()) == []
    assert found


async def test_files_that_are_made_for_a_container_cannot_be_changed(tmp_path: Path) -> None:
    async with ranged(tmp_path) as bench:
        config = tmp_path / "config"
        config.mkdir()
        (config / "key").write_text("value\n", encoding="utf-8")
        script = "ln -s /etc /config/..data 2>&1; rm /config/key 2>&1; cat /config/key"
        mounts = [Mount("/config", config, read_only=True)]
        lines = await bench.shell(script, mounts=mounts)
        assert lines[-1] == "value"
        assert sum("Read-only file system" in line for line in lines) == 2
        assert sorted(each.name for each in config.iterdir()) == ["key"]
