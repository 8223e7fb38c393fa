"""System calls of containers: the filter by itself, and in containers that try them."""

from __future__ import annotations

import errno
import platform
import re
import struct
from pathlib import Path

import pytest

from choreo_local.embedded.kubelet import seccomp
from choreo_local.embedded.kubelet.runtime import StartError
from tests.embedded.kubelet.entering import entered
from tests.embedded.kubelet.test_sandbox import sandboxes

_X86, _ARM = 0xC000003E, 0xC00000B7
_ALLOWED = 0


def answer(number: int, *arguments: int, machine: str = "x86_64", audit: int = _X86) -> int:
    """What the filter says of a call: 0, or an error number; by a machine like the kernel's."""
    found = seccomp.program(machine)
    assert found is not None
    data = struct.pack(
        "IIQ6Q", number & 0xFFFFFFFF, audit, 0, *arguments, *[0] * (6 - len(arguments))
    )
    place, loaded = 0, 0
    while True:
        code, if_true, if_false, value = struct.unpack_from("HBBI", found, place * 8)
        place += 1
        match code:
            case 0x20:
                (loaded,) = struct.unpack_from("I", data, value)
            case 0x06:
                return 0 if value == 0x7FFF0000 else value & 0xFFFF
            case _:
                held = {0x15: loaded == value, 0x35: loaded >= value, 0x45: bool(loaded & value)}
                place += if_true if held[code] else if_false


def test_ordinary_calls_pass() -> None:
    for number in (0, 1, 9, 39, 57, 59, 60, 101, 202, 257, 322, 334, 449):
        assert answer(number) == _ALLOWED


def test_dangerous_calls_are_refused_on_each_processor() -> None:
    for name, (x86, arm) in seccomp._REFUSED.items():
        if x86 is not None:
            assert answer(x86) == errno.EPERM, name
        if arm is not None:
            assert answer(arm, machine="aarch64", audit=_ARM) == errno.EPERM, name


def test_calls_of_other_conventions_and_later_kernels_do_not_exist() -> None:
    assert answer(1, audit=0x40000003) == errno.ENOSYS
    assert answer(0x40000001) == errno.ENOSYS
    assert answer(600) == errno.ENOSYS
    assert answer(0xFFFFFFFF) == errno.ENOSYS


@pytest.mark.parametrize(
    ("machine", "audit", "clone"), [("x86_64", _X86, 56), ("aarch64", _ARM, 220)]
)
def test_processes_and_threads_are_made_but_no_namespaces(
    machine: str, audit: int, clone: int
) -> None:
    thread, process = 0x3D0F00, 0x1200011
    for flags in (thread, process):
        assert answer(clone, flags, machine=machine, audit=audit) == _ALLOWED
    for new in (0x10000000, 0x00020000, 0x40000000, 0x20000000, 0x02000000):
        assert answer(clone, process | new, machine=machine, audit=audit) == errno.EPERM
    assert answer(435, machine=machine, audit=audit) == errno.ENOSYS


def test_sockets_are_of_the_usual_families() -> None:
    for family in (1, 2, 10, 16):
        assert answer(41, family) == _ALLOWED
    for family in (38, 40, 4, 29):
        assert answer(41, family) == errno.EAFNOSUPPORT


def test_nothing_is_typed_into_the_terminal_of_others() -> None:
    assert answer(16, 0, 0x5401) == _ALLOWED
    assert answer(16, 0, 0x5412) == errno.EPERM


def test_a_processor_that_is_unknown_has_no_filter() -> None:
    assert seccomp.program("mips64") is None


def test_the_numbers_are_those_of_the_kernels_headers() -> None:
    header = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
    generic = Path("/usr/include/asm-generic/unistd.h")
    if not (header.exists() and generic.exists()):
        pytest.skip("the kernel's headers are not installed")
    known = _numbers(header), _numbers(generic)
    for name, numbers in seccomp._REFUSED.items():
        for number, column in zip(numbers, known, strict=True):
            if number is not None:
                assert column[name] == number, name


def _numbers(header: Path) -> dict[str, int]:
    text = header.read_text(encoding="utf-8")
    return {name: int(number) for name, number in re.findall(r"define __NR_(\w+)\s+(\d+)", text)}


def test_profiles() -> None:
    assert seccomp.wants_filter({})
    assert seccomp.wants_filter({"seccompProfile": {"type": "RuntimeDefault"}})
    assert not seccomp.wants_filter({"seccompProfile": {"type": "Unconfined"}})
    with pytest.raises(StartError, match=r'cannot load seccomp profile "mine\.json"') as caught:
        seccomp.wants_filter(
            {"seccompProfile": {"type": "Localhost", "localhostProfile": "mine.json"}}
        )
    assert caught.value.reason == "CreateContainerError"


_TRY = """
import ctypes, errno, os
libc = ctypes.CDLL(None, use_errno=True)
def tried(number, *arguments):
    ctypes.set_errno(0)
    result = libc.syscall(number, *arguments)
    return "done" if result >= 0 else errno.errorcode[ctypes.get_errno()]
print(tried(KEYCTL, 0, 0), tried(BPF, 0, 0, 0), tried(UNSHARE, 0x10000000), tried(600))
print([line for line in open("/proc/self/status") if line.startswith("Seccomp:")][0].split()[1])
"""


def _script() -> str:
    column = ("x86_64", "aarch64").index(platform.machine())
    numbers = {name.upper(): each[column] for name, each in seccomp._REFUSED.items()}
    found = _TRY.replace("UNSHARE", str((272, 97)[column]))
    for name in ("KEYCTL", "BPF"):
        found = found.replace(name, str(numbers[name]))
    return found


async def test_containers_and_commands_in_them_are_filtered(tmp_path: Path) -> None:
    async with sandboxes(tmp_path) as bench:
        expected = ["EPERM EPERM EPERM ENOSYS", "2"]
        assert await bench.run("-c", _script(), command=["python3"]) == expected
        record, _ = await bench.start("60", command=["sleep"], attempt=1)
        assert await entered(bench, record, ["python3", "-c", _script()]) == expected


async def test_a_container_may_be_without_a_filter(tmp_path: Path) -> None:
    async with sandboxes(tmp_path) as bench:
        unconfined = {"seccompProfile": {"type": "Unconfined"}}
        found = await bench.shell("grep -w Seccomp /proc/self/status", security=unconfined)
        assert found == ["Seccomp:\t0"]
