"""Who a sandboxed container runs as, and which capabilities it has. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# In the order of the kernel's numbers.
_NAMES = (
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
)
# What container runtimes leave to the root of a container.
_USUAL = frozenset(
    {
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "NET_RAW",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    }
)
# With these a container could undo what it sees of the machine as read-only.
_NEVER = frozenset({"SYS_ADMIN", "SYS_MODULE", "SYS_RAWIO", "SYS_BOOT"})


@dataclass(frozen=True, slots=True)
class Privileges:
    """As bubblewrap is told; `groups` are those beside the first."""

    user: int
    group: int
    groups: tuple[int, ...]
    capabilities: tuple[str, ...]
    read_only_root: bool

    @property
    def mask(self) -> str:
        """The capabilities as a hexadecimal mask of the kernel's numbers."""
        return f"{sum(1 << _NAMES.index(name) for name in self.capabilities):x}"


def of_security(security: Mapping[str, Any]) -> Privileges:
    """From the merged securityContext of a pod and container."""
    user = int(security.get("runAsUser") or 0)
    wanted = security.get("capabilities") or {}
    # As with other runtimes, only root has capabilities that were not asked for.
    found = set(_USUAL) if user == 0 else set()
    dropped = {_plain(name) for name in wanted.get("drop") or ()}
    found = set() if "ALL" in dropped else found - dropped
    added = {_plain(name) for name in wanted.get("add") or ()}
    found |= set(_NAMES) if "ALL" in added else added & set(_NAMES)
    return Privileges(
        user=user,
        group=int(security.get("runAsGroup") or 0),
        groups=_groups(security),
        capabilities=tuple(sorted(found - _NEVER)),
        read_only_root=bool(security.get("readOnlyRootFilesystem")),
    )


def _groups(security: Mapping[str, Any]) -> tuple[int, ...]:
    found = {int(each) for each in security.get("supplementalGroups") or ()}
    if security.get("fsGroup") is not None:
        found.add(int(security["fsGroup"]))
    return tuple(sorted(found))


def _plain(name: str) -> str:
    return name.upper().removeprefix("CAP_")
