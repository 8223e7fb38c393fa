"""What an engine is told of a container: the body of a request to create it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from choreo_local.apimachinery import quantity
from choreo_local.embedded.kubelet import resources
from choreo_local.embedded.kubelet.controlgroups import MOST_PROCESSES
from choreo_local.embedded.kubelet.privileges import Privileges
from choreo_local.embedded.kubelet.runtime import Mount, StartError

_PERIOD = 100_000
_LEAST_QUOTA = 1000
_SHARES_PER_PROCESSOR = 1024
_LEAST_SHARES = 2


@dataclass(frozen=True, slots=True)
class Container:
    """A container to create.

    Attributes:
        user: as engines write it; empty for that of the image.
        network: `none`, `host`, or `container:` and the container whose network it shares.
        shares: the container whose IPC and host name it shares; empty when it has its own.
        privileges: none at all when not given.
        limits: what a process may have, by the names of engines, e.g. `nofile`.
        sysctls: settings of its network.
    """

    image: str
    words: Sequence[str]
    labels: Mapping[str, str]
    network: str
    environment: Mapping[str, str] = field(default_factory=dict)
    working_folder: str = ""
    user: str = ""
    groups: Sequence[int] = ()
    hostname: str = ""
    shares: str = ""
    mounts: Sequence[Mount] = ()
    stdin: bool = False
    tty: bool = False
    resources: Mapping[str, Any] = field(default_factory=dict)
    security: Mapping[str, Any] = field(default_factory=dict)
    privileges: Privileges | None = None
    limits: Mapping[str, int] = field(default_factory=dict)
    sysctls: Mapping[str, str] = field(default_factory=dict)


def body(wanted: Container) -> dict[str, Any]:
    """The request."""
    return {
        "Image": wanted.image,
        "Entrypoint": list(wanted.words),
        "Cmd": [],
        "Env": [f"{name}={value}" for name, value in wanted.environment.items()],
        "WorkingDir": wanted.working_folder,
        "User": wanted.user,
        "Hostname": wanted.hostname,
        "Labels": dict(wanted.labels),
        "OpenStdin": wanted.stdin,
        # We alone connect to it, and pass on the end of what a caller sends.
        "StdinOnce": wanted.stdin,
        "Tty": wanted.tty,
        # Probes are the kubelet's.
        "Healthcheck": {"Test": ["NONE"]},
        "HostConfig": _host(wanted),
    }


def _host(wanted: Container) -> dict[str, Any]:
    who = wanted.privileges
    shared = f"container:{wanted.shares}" if wanted.shares else ""
    return {
        "NetworkMode": wanted.network,
        "IpcMode": shared or "shareable",
        "Mounts": [_mount(each) for each in wanted.mounts],
        "RestartPolicy": {"Name": "no"},
        # The kubelet writes the logs.
        "LogConfig": {"Type": "none"},
        "CapDrop": ["ALL"],
        "CapAdd": list(who.capabilities) if who else [],
        "ReadonlyRootfs": who is None or who.read_only_root,
        "SecurityOpt": list(_options(wanted.security)),
        "GroupAdd": [str(each) for each in wanted.groups],
        "PidsLimit": MOST_PROCESSES,
        "Ulimits": [
            {"Name": name, "Soft": most, "Hard": most} for name, most in wanted.limits.items()
        ],
        "Sysctls": dict(wanted.sysctls),
        **_limits(wanted.resources),
    }


def _mount(mount: Mount) -> dict[str, Any]:
    return {
        "Type": "bind",
        "Source": str(mount.host_path),
        "Target": mount.container_path,
        "ReadOnly": mount.read_only,
        "BindOptions": {"Propagation": "rprivate"},
    }


def _options(security: Mapping[str, Any]) -> Iterable[str]:
    if security.get("allowPrivilegeEscalation") is False:
        yield "no-new-privileges"
    profile = security.get("seccompProfile") or {}
    if profile.get("type") == "Unconfined":
        yield "seccomp=unconfined"
    elif profile.get("type") == "Localhost":
        name = profile.get("localhostProfile")
        raise StartError(
            f'seccomp profile "{name}" is not on this node', reason="CreateContainerError"
        )


def _limits(wanted: Mapping[str, Any]) -> dict[str, int]:
    found: dict[str, int] = {}
    memory = resources.memory_limit(wanted)
    if memory is not None:
        # The same limit for both means that nothing is swapped out.
        found |= {"Memory": memory, "MemorySwap": memory}
    processors = (wanted.get("limits") or {}).get("cpu")
    if processors is not None:
        quota = max(_LEAST_QUOTA, int(quantity.parse(processors).value * _PERIOD))
        found |= {"CpuPeriod": _PERIOD, "CpuQuota": quota}
    share = (wanted.get("requests") or {}).get("cpu", processors)
    if share is not None:
        shares = int(quantity.parse(share).value * _SHARES_PER_PROCESSOR)
        found["CpuShares"] = max(_LEAST_SHARES, shares)
    return found


def groups(security: Mapping[str, Any]) -> list[int]:
    """The further groups of a container's processes."""
    found = [int(each) for each in security.get("supplementalGroups") or ()]
    owner = security.get("fsGroup")
    return found if owner is None else [*found, int(owner)]


def user(security: Mapping[str, Any]) -> str:
    """Whom a container runs as; empty when its image says so."""
    number = security.get("runAsUser")
    if number is None:
        return ""
    group = security.get("runAsGroup")
    return str(number) if group is None else f"{number}:{group}"
