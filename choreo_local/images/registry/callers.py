"""Who may change what the registry holds. It asks for no password, as upstream's does not.

Builds push without credentials, so the registry must know its own people in another way: on Linux
the kernel says which user a connection over loopback belongs to. Web pages never may: a browser
that shows a stranger's page runs on this machine too.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from choreo_local.images import hosts
from choreo_local.images.registry.problems import RegistryProblem

_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_MOST_LINES = 100_000


def check_page(headers: Mapping[str, str], *, names: frozenset[str]) -> None:
    """Refuse what a web page sends, and names that a stranger's name server gave this address."""
    host = headers.get("Host", "")
    if not (hosts.is_loopback(host) or host.partition(":")[0] in names):
        raise RegistryProblem("DENIED", f"this registry is not called {host[:100]!r}")
    if "Origin" in headers or headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}:
        raise RegistryProblem("DENIED", "web pages may not use this registry")


def check_user(peer: tuple[str, int] | None, own: tuple[str, int] | None) -> None:
    """Refuse other users of this machine; root may."""
    if peer is None or own is None or not sys.platform.startswith("linux"):
        return
    uid = user_of(peer, own)
    if uid is not None and uid not in {os.geteuid(), 0}:
        raise RegistryProblem("DENIED", f"user {uid} of this machine may only pull")


def user_of(peer: tuple[str, int], own: tuple[str, int]) -> int | None:
    """The user who has the other end of a connection; None when the kernel does not say."""
    wanted = (f"{peer[1]:04X}", f"{own[1]:04X}")
    for table in _TABLES:
        try:
            with table.open(encoding="ascii") as file:
                for _, line in zip(range(_MOST_LINES), file, strict=False):
                    fields = line.split()
                    if len(fields) > 7 and _ports(fields) == wanted and _is_local(fields[1]):
                        return int(fields[7])
        except OSError:
            continue
    return None


def _ports(fields: list[str]) -> tuple[str, str]:
    return fields[1].rpartition(":")[2], fields[2].rpartition(":")[2]


def _is_local(address: str) -> bool:
    """127.0.0.0/8, also as it is written within IPv6."""
    host = address.rpartition(":")[0]
    return host[-2:] == "7F" or host.endswith("01000000")
