"""Who may change what the registry holds. It asks for no password, as upstream's does not.

Builds push without credentials, so the registry must know its own people in another way: on Linux
the kernel says which user a connection over loopback belongs to. Web pages never may: a browser
that shows a stranger's page runs on this machine too.
"""

from __future__ import annotations

import ipaddress
import os
import sys
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network
from pathlib import Path

from choreo_local.images import hosts
from choreo_local.images.registry.problems import RegistryProblem

_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_MOST_LINES = 100_000
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def check_page(headers: Mapping[str, str], *, names: frozenset[str]) -> None:
    """Refuse what a web page sends, and names that a stranger's name server gave this address."""
    host = headers.get("Host", "")
    if not (hosts.is_loopback(host) or host.partition(":")[0] in names):
        raise RegistryProblem("DENIED", f"this registry is not called {host[:100]!r}")
    if "Origin" in headers or headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}:
        raise RegistryProblem("DENIED", "web pages may not use this registry")


def check_network(peer: tuple[str, int] | None, neighbours: Sequence[IPv4Network]) -> None:
    """Refuse callers from elsewhere than this machine and the networks of its nodes."""
    if peer is None:
        return
    address = _address(peer[0])
    if not (address.is_loopback or any(address in network for network in neighbours)):
        raise RegistryProblem("DENIED", f"nobody at {address} may use this registry")


def check_user(peer: tuple[str, int] | None, own: tuple[str, int] | None) -> None:
    """Refuse other users of this machine; root may."""
    if peer is None or own is None or not sys.platform.startswith("linux"):
        return
    uid = user_of(peer, own)
    if uid is not None and uid not in {os.geteuid(), 0}:
        raise RegistryProblem("DENIED", f"user {uid} of this machine may only pull")


def user_of(peer: tuple[str, int], own: tuple[str, int]) -> int | None:
    """The user who has the other end of a connection; None when the kernel does not say."""
    wanted = (_address(peer[0]), peer[1], _address(own[0]), own[1])
    # Only what has the right port is looked at closely: the table may be long.
    port = f":{peer[1]:04X}"
    for table in _TABLES:
        try:
            with table.open(encoding="ascii") as file:
                for _, line in zip(range(_MOST_LINES), file, strict=False):
                    fields = line.split()
                    is_near = len(fields) > 7 and fields[1].endswith(port)
                    if is_near and (*_end(fields[1]), *_end(fields[2])) == wanted:
                        return int(fields[7])
        except OSError:
            continue
    return None


def _end(text: str) -> tuple[_Address, int]:
    """Address and port as the kernel writes them: words of four bytes in the machine's order."""
    host, _, port = text.rpartition(":")
    data = bytes.fromhex(host)
    words = [data[place : place + 4] for place in range(0, len(data), 4)]
    if sys.byteorder == "little":
        words = [word[::-1] for word in words]
    return _plain(ipaddress.ip_address(b"".join(words))), int(port, 16)


def _address(text: str) -> _Address:
    return _plain(ipaddress.ip_address(text.partition("%")[0]))


def _plain(found: _Address) -> _Address:
    """An address of IPv4 is the same within IPv6."""
    return getattr(found, "ipv4_mapped", None) or found
