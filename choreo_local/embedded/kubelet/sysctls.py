"""Settings of the kernel that a pod may have its own way: those of its network that are safe."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from choreo_local.embedded.kubelet.runtime import StartError

# Those that Kubernetes holds to be safe, as far as they belong to the network.
_SAFE = frozenset(
    f"net.ipv4.{name}"
    for name in (
        "ip_local_port_range",
        "ip_local_reserved_ports",
        "ip_unprivileged_port_start",
        "ping_group_range",
        "tcp_fin_timeout",
        "tcp_keepalive_intvl",
        "tcp_keepalive_probes",
        "tcp_keepalive_time",
        "tcp_rmem",
        "tcp_syncookies",
        "tcp_wmem",
    )
)
_WRITE = 'while [ "$#" -gt 1 ]; do echo "$2" > "/proc/sys/$1" || exit 1; shift 2; done'


def of_pod(spec: Mapping[str, Any]) -> dict[str, str]:
    """What a pod asks for: name with dots → value."""
    wanted = (spec.get("securityContext") or {}).get("sysctls") or ()
    return {str(each["name"]).replace("/", "."): str(each.get("value", "")) for each in wanted}


def check(wanted: Iterable[str]) -> None:
    """StartError for the first one that is not safe."""
    for name in wanted:
        if name not in _SAFE:
            raise StartError(
                f'forbidden sysctl: "{name}" not allowlisted', reason="SysctlForbidden"
            )


async def write(wanted: Mapping[str, str], enter: Sequence[str]) -> None:
    """Write them in a network namespace, by a command prefix that enters it."""
    pairs = [word for name, value in wanted.items() for word in (name.replace(".", "/"), value)]
    process = await asyncio.create_subprocess_exec(
        *enter,
        *("/bin/sh", "-c", _WRITE, "sh", *pairs),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, told = await process.communicate()
    if process.returncode:
        raise StartError(f"cannot change settings of the network: {told.decode().strip()[:300]}")
