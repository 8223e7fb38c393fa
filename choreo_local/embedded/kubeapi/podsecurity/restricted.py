"""The checks that the level restricted adds; texts are upstream's."""

from __future__ import annotations

from choreo_local.embedded.kubeapi.podsecurity import baseline
from choreo_local.embedded.kubeapi.podsecurity.model import (
    Pod,
    Violation,
    named,
    plural,
    quote,
    setters,
)

_VOLUMES = frozenset(
    [
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "image",
        "persistentVolumeClaim",
        "projected",
        "secret",
    ]
)
_OTHER_VOLUMES = [
    "hostPath",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "gitRepo",
    "nfs",
    "iscsi",
    "glusterfs",
    "rbd",
    "flexVolume",
    "cinder",
    "cephfs",
    "flocker",
    "fc",
    "azureFile",
    "vsphereVolume",
    "quobyte",
    "azureDisk",
    "photonPersistentDisk",
    "portworxVolume",
    "scaleIO",
    "storageos",
]


def capabilities(pod: Pod) -> Violation | None:
    """Capabilities at all."""
    if pod.is_windows:
        return None
    keeping, adding, bad = [], [], set()
    for name, _, context in pod.containers():
        given = context.get("capabilities") or {}
        if "ALL" not in (given.get("drop") or ()):
            keeping.append(name)
        added = set(given.get("add") or ()) - {"NET_BIND_SERVICE"}
        if added:
            adding.append(name)
            bad |= added
    details = []
    if keeping:
        details.append(f'{named(keeping)} must set securityContext.capabilities.drop=["ALL"]')
    if adding:
        text = f"must not include {quote(sorted(bad))} in securityContext.capabilities.add"
        details.append(f"{named(adding)} {text}")
    return Violation("unrestricted capabilities", "; ".join(details)) if details else None


def escalation(pod: Pod) -> Violation | None:
    """Leave to gain privileges."""
    if pod.is_windows:
        return None
    names = [
        name
        for name, _, context in pod.containers()
        if context.get("allowPrivilegeEscalation") is not False
    ]
    if not names:
        return None
    detail = f"{named(names)} must set securityContext.allowPrivilegeEscalation=false"
    return Violation("allowPrivilegeEscalation != false", detail)


def volume_types(pod: Pod) -> Violation | None:
    """Volumes of types that reach beyond the pod."""
    names, types = [], set()
    for volume in pod.spec.get("volumes") or ():
        sources = {name for name, value in volume.items() if value is not None}
        if sources & _VOLUMES:
            continue
        names.append(volume.get("name", ""))
        types.add(next((name for name in _OTHER_VOLUMES if name in sources), "unknown"))
    if not names:
        return None
    verb = "uses" if len(names) == 1 else "use"
    word = plural("restricted volume type", sorted(types))
    who = f"{plural('volume', names)} {quote(names)}"
    return Violation("restricted volume types", f"{who} {verb} {word} {quote(sorted(types))}")


def non_root(pod: Pod) -> Violation | None:
    """Containers that may run as root."""
    if pod.is_relaxed:
        return None
    shared = pod.context.get("runAsNonRoot")
    given = [(name, context.get("runAsNonRoot")) for name, _, context in pod.containers()]
    explicit = [name for name, value in given if value is False]
    if shared is False or explicit:
        who = setters(explicit, by_pod=shared is False)
        detail = f"{who} must not set securityContext.runAsNonRoot=false"
        return Violation("runAsNonRoot != true", detail)
    missing = [name for name, value in given if value is None and not shared]
    if not missing:
        return None
    detail = f"pod or {named(missing)} must set securityContext.runAsNonRoot=true"
    return Violation("runAsNonRoot != true", detail)


def root_user(pod: Pod) -> Violation | None:
    """Containers that do run as root."""
    if pod.is_relaxed:
        return None
    by_pod = pod.context.get("runAsUser") == 0
    names = [name for name, _, context in pod.containers() if context.get("runAsUser") == 0]
    if not by_pod and not names:
        return None
    return Violation("runAsUser=0", f"{setters(names, by_pod=by_pod)} must not set runAsUser=0")


def seccomp(pod: Pod) -> Violation | None:
    """Containers without a seccomp profile."""
    if pod.is_windows:
        return None
    if (found := baseline.seccomp(pod)) is not None:
        return found
    if pod.context.get("seccompProfile") is not None:
        return None
    names = [name for name, _, context in pod.containers() if not context.get("seccompProfile")]
    if not names:
        return None
    must = 'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
    return Violation("seccompProfile", f"pod or {named(names)} {must}")
