"""Which system calls a sandboxed container may make: a filter of the kernel's, built here. Pure.

The filter is a list of refusals: what reaches parts of the kernel that no ordinary program needs
and that attacks have come from, and every call that was unknown when this was written. Who carries
it into a process: `sandbox` for containers, `shim/enter.py` for further commands in them.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from choreo_local.embedded.kubelet.runtime import StartError

UNCONFINED, RUNTIME_DEFAULT, LOCALHOST = "Unconfined", "RuntimeDefault", "Localhost"

# Operations of the filter machine.
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000
# Calls of the processor's other conventions (x32) have this bit.
_OTHER_CONVENTION = 0x40000000
_FIRST_UNKNOWN = 467

_NEW_NAMESPACES = 0x7E020080
_SOCKET_FAMILIES = (0, 1, 2, 10, 16, 17)  # unix, IPv4, IPv6, netlink, packet
_PUSHES_INPUT = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX
_HARMLESS_PERSONALITIES = (0, 0x8, 0x20000, 0x20008, 0xFFFFFFFF)

# Name → number on x86_64 and aarch64; None where a processor does not have the call.
_REFUSED: Mapping[str, tuple[int | None, int | None]] = {
    # Keys are not kept apart by namespaces.
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    # Programs and modules inside the kernel, and other kernels.
    "bpf": (321, 280),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "create_module": (174, None),
    "query_module": (178, None),
    "get_kernel_syms": (177, None),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    # What the kernel tells of itself.
    "perf_event_open": (298, 241),
    "syslog": (103, 116),
    "lookup_dcookie": (212, 18),
    # Mounts, and files beside them.
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "mount_setattr": (442, 442),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "open_by_handle_at": (304, 265),
    "fanotify_init": (300, 262),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "nfsservctl": (180, 42),
    # Namespaces.
    "setns": (308, 268),
    # Frequent doors for attacks on the kernel.
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "userfaultfd": (323, 282),
    # The machine as a whole.
    "acct": (163, 89),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "reboot": (169, 142),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "vhangup": (153, 58),
    "iopl": (172, None),
    "ioperm": (173, None),
    # Forgotten ones.
    "_sysctl": (156, None),
    "uselib": (134, None),
    "ustat": (136, None),
    "sysfs": (139, None),
}


@dataclass(frozen=True, slots=True)
class _Processor:
    """What differs between processors: `column` is the place of numbers in the table."""

    audit: int
    column: int
    clone: int
    clone3: int
    unshare: int
    socket: int
    ioctl: int
    personality: int
    has_other_convention: bool = False


_PROCESSORS = {
    "x86_64": _Processor(0xC000003E, 0, 56, 435, 272, 41, 16, 135, has_other_convention=True),
    "aarch64": _Processor(0xC00000B7, 1, 220, 435, 97, 198, 29, 92),
}


def wants_filter(security: Mapping[str, Any]) -> bool:
    """Whether a container is to have the filter; StartError for a profile that nobody has."""
    profile = security.get("seccompProfile") or {}
    kind = profile.get("type") or RUNTIME_DEFAULT
    if kind == LOCALHOST:
        raise StartError(
            f'cannot load seccomp profile "{profile.get("localhostProfile", "")}": this node keeps '
            f"no profiles of its own; use the type {RUNTIME_DEFAULT}",
            reason="CreateContainerError",
        )
    return bool(kind != UNCONFINED)


def program(machine: str) -> bytes | None:
    """The filter for a processor, as `platform.machine` names it; None for one that is unknown."""
    processor = _PROCESSORS.get(machine)
    if processor is None:
        return None
    return b"".join(struct.pack("HBBI", *instruction) for instruction in _instructions(processor))


_Instruction = tuple[int, int, int, int]
_Instructions = list[_Instruction]


def _instructions(processor: _Processor) -> _Instructions:
    not_there = _refuse(errno.ENOSYS)
    found: _Instructions = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, processor.audit),
        not_there,
        (_LOAD, 0, 0, _NUMBER),
    ]
    if processor.has_other_convention:
        found += [(_AT_LEAST, 0, 1, _OTHER_CONVENTION), not_there]
    # The calls that are made often and need a closer look come first.
    found += _when(processor.ioctl, _unless(1, _one_of(_PUSHES_INPUT, errno.EPERM)))
    found += _when(processor.socket, _only(0, _SOCKET_FAMILIES, errno.EAFNOSUPPORT))
    for number in (processor.clone, processor.unshare):
        found += _when(number, _unless(0, [(_ANY_BIT, 0, 1, _NEW_NAMESPACES), _refuse()]))
    # Its flags lie in memory, where a filter does not reach; programs then take the older call.
    found += _when(processor.clone3, [not_there])
    found += _when(processor.personality, _only(0, _HARMLESS_PERSONALITIES, errno.EPERM))
    refused = [numbers[processor.column] for numbers in _REFUSED.values()]
    for number in filter(None, refused):
        found += _when(number, [_refuse()])
    return [*found, (_AT_LEAST, 0, 1, _FIRST_UNKNOWN), not_there, (_RETURN, 0, 0, _ALLOW)]


def _refuse(number: int = errno.EPERM) -> _Instruction:
    return _RETURN, 0, 0, _ERROR | number


def _when(number: int, then: Sequence[_Instruction]) -> _Instructions:
    """What is done for one call; it must end with an answer, because it may load something else."""
    return [(_EQUAL, 0, len(then), number), *then]


def _unless(argument: int, tests: Sequence[_Instruction]) -> _Instructions:
    """Allow a call unless a test of an argument refuses it."""
    return [_argument(argument), *tests, (_RETURN, 0, 0, _ALLOW)]


def _one_of(values: Sequence[int], number: int) -> _Instructions:
    return [each for value in values for each in ((_EQUAL, 0, 1, value), _refuse(number))]


def _only(argument: int, values: Sequence[int], number: int) -> _Instructions:
    """Allow a call with some values of an argument."""
    allow = [each for value in values for each in ((_EQUAL, 0, 1, value), (_RETURN, 0, 0, _ALLOW))]
    return [_argument(argument), *allow, _refuse(number)]


def _argument(place: int) -> _Instruction:
    """Load the lower half of an argument; both processors keep it first."""
    return _LOAD, 0, 0, _ARGUMENTS + 8 * place
