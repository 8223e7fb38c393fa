"""The checks of the level baseline; texts are upstream's."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from choreo_local.embedded.kubeapi.podsecurity.model import (
    Pod,
    Violation,
    named,
    plural,
    quote,
    setters,
)

_CAPABILITIES = frozenset(
    [
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    ]
)
_SYSCTLS = (
    (0, "kernel.shm_rmid_forced net.ipv4.ip_local_port_range net.ipv4.tcp_syncookies"),
    (0, "net.ipv4.ping_group_range net.ipv4.ip_unprivileged_port_start"),
    (27, "net.ipv4.ip_local_reserved_ports"),
    (29, "net.ipv4.tcp_keepalive_time net.ipv4.tcp_fin_timeout net.ipv4.tcp_keepalive_intvl"),
    (29, "net.ipv4.tcp_keepalive_probes"),
    (32, "net.ipv4.tcp_rmem net.ipv4.tcp_wmem"),
)
_SELINUX_TYPES = frozenset(("", "container_t", "container_init_t", "container_kvm_t"))
_PROFILES = ("Localhost", "RuntimeDefault")
_APPARMOR = "container.apparmor.security.beta.kubernetes.io/"
_SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod"
_SECCOMP = "container.seccomp.security.alpha.kubernetes.io/"


def host_namespaces(pod: Pod) -> Violation | None:
    """Namespaces of the host."""
    names = [f"{name}=true" for name in ("hostNetwork", "hostPID", "hostIPC") if pod.spec.get(name)]
    return Violation("host namespaces", ", ".join(names)) if names else None


def host_paths(pod: Pod) -> Violation | None:
    """Folders of the host."""
    names = [one.get("name", "") for one in pod.spec.get("volumes") or () if one.get("hostPath")]
    if not names:
        return None
    return Violation("hostPath volumes", f"{plural('volume', names)} {quote(names)}")


def host_ports(pod: Pod) -> Violation | None:
    """Ports of the host."""
    names, ports = [], set()
    for name, container, _ in pod.containers():
        found = {
            str(one["hostPort"]) for one in container.get("ports") or () if one.get("hostPort")
        }
        if found:
            names.append(name)
            ports |= found
    if not names:
        return None
    verb = "uses" if len(names) == 1 else "use"
    word = plural("hostPort", sorted(ports))
    return Violation("hostPort", f"{named(names)} {verb} {word} {', '.join(sorted(ports))}")


def _handler_hosts(container: Mapping[str, Any]) -> Iterator[str]:
    lifecycle = container.get("lifecycle") or {}
    probes = [container.get(f"{kind}Probe") for kind in ("liveness", "readiness", "startup")]
    for handler in (*probes, lifecycle.get("postStart"), lifecycle.get("preStop")):
        for kind in ("httpGet", "tcpSocket"):
            host = ((handler or {}).get(kind) or {}).get("host")
            if host:
                yield host


def handlers(pod: Pod) -> Violation | None:
    """Probes and hooks that speak to other hosts."""
    names, hosts = set(), set()
    for name, container, _ in pod.containers():
        if found := set(_handler_hosts(container)):
            names.add(name)
            hosts |= found
    if not names:
        return None
    verb = "uses" if len(names) == 1 else "use"
    reason = "probe or lifecycle host"
    word = plural(reason, sorted(hosts))
    return Violation(reason, f"{named(sorted(names))} {verb} {word} {quote(sorted(hosts))}")


def privileged(pod: Pod) -> Violation | None:
    """Privileged containers."""
    names = [name for name, _, context in pod.containers() if context.get("privileged")]
    if not names:
        return None
    return Violation("privileged", f"{named(names)} must not set securityContext.privileged=true")


def proc_mount(pod: Pod) -> Violation | None:
    """An unmasked /proc."""
    names, values = [], set()
    for name, _, context in pod.containers():
        value = context.get("procMount") or "Default"
        if value != "Default":
            names.append(name)
            values.add(value)
    if not names:
        return None
    text = f"{named(names)} must not set securityContext.procMount to {quote(sorted(values))}"
    return Violation("procMount", text)


def proc_mount_relaxed(pod: Pod) -> Violation | None:
    """An unmasked /proc, unless users are not those of the host."""
    return None if pod.is_relaxed else proc_mount(pod)


def selinux(pod: Pod) -> Violation | None:
    """Forbidden SELinux options."""
    allowed = _SELINUX_TYPES | ({"container_engine_t"} if pod.minor >= 31 else set())
    types: set[str] = set()
    identities: set[str] = set()

    def is_bad(context: Mapping[str, Any]) -> bool:
        options = context.get("seLinuxOptions") or {}
        types.update({options.get("type") or ""} - allowed)
        given = {name for name in ("user", "role") if options.get(name)}
        identities.update(given)
        return bool(given) or (options.get("type") or "") not in allowed

    by_pod = is_bad(pod.context)
    names = [name for name, _, context in pod.containers() if is_bad(context)]
    if not by_pod and not names:
        return None
    data = [f"{plural('type', sorted(types))} {quote(sorted(types))}"] if types else []
    data += [f"{name} may not be set" for name in ("user", "role") if name in identities]
    who = setters(names, by_pod=by_pod)
    detail = f"{who} set forbidden securityContext.seLinuxOptions: {'; '.join(data)}"
    return Violation("seLinuxOptions", detail)


def _bad_profiles(pod: Pod, field: str) -> tuple[bool, list[str], list[str]]:
    """Whether the pod, and which containers, set a profile of a forbidden type; and the types."""

    def bad_type(context: Mapping[str, Any]) -> str | None:
        profile = context.get(field)
        kind = (profile or {}).get("type") or ""
        return None if profile is None or kind in _PROFILES else kind

    by_pod = bad_type(pod.context)
    bad = [(name, bad_type(context)) for name, _, context in pod.containers()]
    values = {value for value in (by_pod, *(value for _, value in bad)) if value is not None}
    return by_pod is not None, [name for name, value in bad if value is not None], sorted(values)


def seccomp(pod: Pod) -> Violation | None:
    """Seccomp switched off."""
    if pod.minor < 19:
        return _seccomp_annotations(pod)
    by_pod, names, values = _bad_profiles(pod, "seccompProfile")
    if not by_pod and not names:
        return None
    who = setters(names, by_pod=by_pod)
    text = f"{who} must not set securityContext.seccompProfile.type to {quote(values)}"
    return Violation("seccompProfile", text)


def _seccomp_annotations(pod: Pod) -> Violation | None:
    keys = [_SECCOMP_POD, *(_SECCOMP + name for name, _, _ in pod.containers())]
    bad = {
        f"{key}={json.dumps(pod.annotations[key])}"
        for key in keys
        if key in pod.annotations
        and pod.annotations[key] not in ("runtime/default", "docker/default")
        and not pod.annotations[key].startswith("localhost/")
    }
    if not bad:
        return None
    word = plural("annotation", sorted(bad))
    return Violation("seccompProfile", f"forbidden {word} {', '.join(sorted(bad))}")


def app_armor(pod: Pod) -> Violation | None:
    """Profiles of AppArmor that switch it off."""
    by_pod, names, values = _bad_profiles(pod, "appArmorProfile")
    notes = sorted(
        f"{key}={json.dumps(value)}"
        for key, value in pod.annotations.items()
        if key.startswith(_APPARMOR)
        and value not in ("", "runtime/default")
        and not value.startswith("localhost/")
    )
    if not by_pod and not names and not notes:
        return None
    who = [setters(names, by_pod=by_pod)] if by_pod or names else []
    who += [plural("annotation", notes)] if notes else []
    values += notes
    detail = f"{' and '.join(who)} must not set AppArmor profile type to {quote(values)}"
    return Violation(plural("forbidden AppArmor profile", values), detail)


def sysctls(pod: Pod) -> Violation | None:
    """Kernel settings that others would feel."""
    allowed = {name for since, names in _SYSCTLS if pod.minor >= since for name in names.split()}
    given = [one.get("name", "") for one in pod.context.get("sysctls") or ()]
    bad = [name for name in given if name not in allowed]
    return Violation("forbidden sysctls", ", ".join(bad)) if bad else None


def host_process(pod: Pod) -> Violation | None:
    """Processes of a Windows host."""

    def is_set(context: Mapping[str, Any]) -> bool:
        return bool((context.get("windowsOptions") or {}).get("hostProcess"))

    by_pod = is_set(pod.context)
    names = [name for name, _, context in pod.containers() if is_set(context)]
    if not by_pod and not names:
        return None
    must = "must not set securityContext.windowsOptions.hostProcess=true"
    return Violation("hostProcess", f"{setters(names, by_pod=by_pod)} {must}")


def capabilities(pod: Pod) -> Violation | None:
    """Capabilities beyond those of every container."""
    names, bad = [], set()
    for name, _, context in pod.containers():
        added = set((context.get("capabilities") or {}).get("add") or ()) - _CAPABILITIES
        if added:
            names.append(name)
            bad |= added
    if not names:
        return None
    text = f"must not include {quote(sorted(bad))} in securityContext.capabilities.add"
    return Violation("non-default capabilities", f"{named(names)} {text}")
