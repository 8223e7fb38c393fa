"""What sandboxes promise to pods on this machine, and what they do not. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from choreo_local.embedded.kubelet.runtime import Capability

_ONE_USER = "a container is the user that it runs as, and cannot become another one"


@dataclass(frozen=True, slots=True)
class Obstacles:
    """Why something is not to be had; empty where it is.

    Attributes:
        datagrams: UDP to the outside.
        users: further users, who are nobody on this machine.
        system_calls: the filter of what the kernel is asked for.
        limits: of processors and memory, by the kernel.
        processes: a limit of their number.
    """

    datagrams: str
    users: str
    system_calls: str
    limits: str
    processes: str


def told(lacking: Obstacles) -> Sequence[Capability]:
    """What containers expect of Linux, and what of it holds."""
    return [
        Capability("pod-address", enforced=True),
        Capability("network-policy", enforced=True),
        _unless(lacking.datagrams, "outside-datagrams"),
        Capability("file-isolation", enforced=True),
        Capability("users", enforced=True, reason=_ONE_USER if lacking.users else ""),
        _unless(lacking.users, "own-users"),
        _unless(lacking.system_calls, "system-calls"),
        _unless(lacking.limits, "cpu-limit"),
        _memory(lacking.limits),
        _unless(lacking.processes, "process-limit"),
    ]


def _unless(obstacle: str, name: str) -> Capability:
    return Capability(name, enforced=not obstacle, reason=obstacle)


def _memory(obstacle: str) -> Capability:
    """Without the kernel, the kubelet looks after it."""
    reason = "checked every few seconds" if obstacle else ""
    return Capability("memory-limit", enforced=True, reason=reason)
