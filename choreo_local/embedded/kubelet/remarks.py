"""What a pod asks for that a runtime cannot honour; told in its conditions. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from choreo_local.embedded.kubelet import podspec
from choreo_local.embedded.kubelet.podspec import Manifest

STAND_IN = "choreo.local/StandIn"
NOT_ENFORCED = "choreo.local/NotEnforced"
SIMULATED = "choreo.local/Simulated"

_SECURITY = (
    "runAsUser",
    "runAsGroup",
    "fsGroup",
    "readOnlyRootFilesystem",
    "capabilities",
    "seccompProfile",
    "seLinuxOptions",
    "appArmorProfile",
    "sysctls",
    "supplementalGroups",
    "privileged",
)


# What a sandbox sees to.
_SANDBOXED = frozenset(
    {
        "securityContext.seccompProfile",
        "securityContext.sysctls",
        "securityContext.runAsUser",
        "securityContext.runAsGroup",
        "securityContext.readOnlyRootFilesystem",
        "securityContext.capabilities",
        "volumeMounts.readOnly",
    }
)
# What it takes more than one user for.
_OF_GROUPS = frozenset({"securityContext.fsGroup", "securityContext.supplementalGroups"})
# What container engines see to.
_CONTAINED = _SANDBOXED | _OF_GROUPS | {"limits.cpu"}


def not_enforced(pod: Manifest) -> str:
    """A sentence on what plain processes ignore; empty when nothing is."""
    return _sentence({*_of_pod(pod), *_of_containers(pod)}, "plain processes of this machine")


def not_sandboxed(pod: Manifest, *, limits_processors: bool, has_groups: bool) -> str:
    """The same for containers that have namespaces."""
    ignored = {*_of_pod(pod), *_of_containers(pod)} - _SANDBOXED
    if has_groups:
        ignored -= _OF_GROUPS
    if limits_processors:
        ignored.discard("limits.cpu")
    return _sentence(ignored, "sandboxes of this machine")


def not_contained(pod: Manifest) -> str:
    """The same for containers of an engine."""
    ignored = {*_of_pod(pod), *_of_containers(pod)} - _CONTAINED
    return _sentence(ignored, "containers of an engine of this machine")


def _sentence(ignored: Iterable[str], what: str) -> str:
    found = ", ".join(sorted(ignored))
    return f"containers are {what}; not enforced: {found}" if found else ""


def _of_pod(pod: Manifest) -> Iterator[str]:
    spec = pod["spec"]
    yield from (name for name in ("hostPID", "hostIPC", "shareProcessNamespace") if spec.get(name))
    yield from _security(spec.get("securityContext") or {})
    if any((each.get("emptyDir") or {}).get("medium") for each in spec.get("volumes") or ()):
        # They are folders of the disk; how much they hold is limited all the same.
        yield "emptyDir.medium"


def _of_containers(pod: Manifest) -> Iterator[str]:
    for container in podspec.every_container(pod):
        yield from _security(container.get("securityContext") or {})
        limits = (container.get("resources") or {}).get("limits") or {}
        yield from (f"limits.{name}" for name in limits if name != "memory")
        # The volume of a service account's token is mounted so by default, not by the user.
        if any(_asks_read_only(mount) for mount in container.get("volumeMounts") or ()):
            yield "volumeMounts.readOnly"


def _asks_read_only(mount: Manifest) -> bool:
    own = not str(mount.get("mountPath")).startswith("/var/run/secrets/kubernetes.io/")
    return bool(mount.get("readOnly")) and own


def _security(context: Mapping[str, object]) -> Iterator[str]:
    for name in _SECURITY:
        value = context.get(name)
        if value is not None and value is not False and value not in ({}, []):
            yield f"securityContext.{name}"
    if context.get("procMount") == "Unmasked":
        yield "securityContext.procMount"
