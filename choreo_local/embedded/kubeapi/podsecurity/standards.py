"""Which pods the levels of the Pod Security Standards allow; checks in upstream's order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from choreo_local.embedded.kubeapi.podsecurity import baseline, restricted
from choreo_local.embedded.kubeapi.podsecurity.model import Check, Pod, Violation

PRIVILEGED, BASELINE, RESTRICTED = LEVELS = ("privileged", "baseline", "restricted")


def evaluate(
    level: str, minor: int, annotations: Mapping[str, str], spec: Mapping[str, Any]
) -> list[Violation]:
    """The violations of a pod, in upstream's order.

    Args:
        level: privileged, baseline or restricted.
        minor: of the Kubernetes version whose standards count.
        annotations: of the pod.
        spec: of the pod.
    """
    if level == PRIVILEGED:
        return []
    pod = Pod(annotations, spec, minor)
    checks = _BASELINE_CHECKS if level == BASELINE else _RESTRICTED_CHECKS
    return [found for since, check in checks if minor >= since and (found := check(pod))]


_Versioned = tuple[int, Check]
_SHARED_FIRST: tuple[_Versioned, ...] = ((0, baseline.app_armor),)
_SHARED_HOST: tuple[_Versioned, ...] = (
    (0, baseline.host_ports),
    (34, baseline.handlers),
    (0, baseline.privileged),
)
_BASELINE_CHECKS: tuple[_Versioned, ...] = (
    *_SHARED_FIRST,
    (0, baseline.capabilities),
    (0, baseline.host_namespaces),
    (0, baseline.host_paths),
    *_SHARED_HOST,
    (0, baseline.proc_mount_relaxed),
    (0, baseline.selinux),
    (0, baseline.seccomp),
    (0, baseline.sysctls),
    (0, baseline.host_process),
)


def _before(minor: int, check: Check) -> Check:
    """The check for versions that have not replaced it by a restricted one."""
    return lambda pod: check(pod) if pod.minor < minor else None


_RESTRICTED_CHECKS: tuple[_Versioned, ...] = (
    *_SHARED_FIRST,
    (0, _before(22, baseline.capabilities)),
    (0, baseline.host_namespaces),
    *_SHARED_HOST,
    (0, _before(35, baseline.proc_mount)),
    (0, baseline.selinux),
    (0, _before(19, baseline.seccomp)),
    (0, baseline.sysctls),
    (0, baseline.host_process),
    (8, restricted.escalation),
    (22, restricted.capabilities),
    (35, baseline.proc_mount),
    (0, restricted.volume_types),
    (0, restricted.non_root),
    (23, restricted.root_user),
    (19, restricted.seccomp),
)
