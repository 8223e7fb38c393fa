"""Which of an image's platforms runs on this machine. The choice is pure."""

from __future__ import annotations

import platform
from collections.abc import Sequence

from choreo_local.images.documents import Descriptor, Platform
from choreo_local.images.failures import NotThere

_ARCHITECTURES = {
    "x86_64": ("amd64", ""),
    "amd64": ("amd64", ""),
    "aarch64": ("arm64", "v8"),
    "arm64": ("arm64", "v8"),
    "armv7l": ("arm", "v7"),
    "armv6l": ("arm", "v6"),
    "i686": ("386", ""),
    "i386": ("386", ""),
    "ppc64le": ("ppc64le", ""),
    "s390x": ("s390x", ""),
    "riscv64": ("riscv64", ""),
}


def of_machine(machine: str = "") -> Platform:
    """The platform of containers here; always Linux, whatever runs them."""
    name = (machine or platform.machine()).lower()
    return Platform("linux", *_ARCHITECTURES.get(name, (name, "")))


def choose(entries: Sequence[Descriptor], wanted: Platform) -> Descriptor:
    """The entry of an index to use; NotThere when no entry is for the wanted platform.

    An exact variant comes first, then one without a variant, then lower ones.
    """
    ranked = [
        (rank, -place) for place, found in enumerate(entries) if (rank := _rank(found, wanted))
    ]
    if not ranked:
        raise NotThere("no match for platform in manifest: not found")
    return entries[-max(ranked)[1]]


def _rank(found: Descriptor, wanted: Platform) -> int:
    offered = found.platform
    if offered is None:
        return 1
    if (offered.os, offered.architecture) != (wanted.os, wanted.architecture):
        return 0
    if offered.variant == wanted.variant:
        return 100
    if not offered.variant:
        return 99
    level, most = offered.variant.removeprefix("v"), wanted.variant.removeprefix("v")
    lower = level.isdecimal() and most.isdecimal() and len(level) == 1 and int(level) < int(most)
    return 10 + int(level) if lower else 0
