"""What plain processes cannot honour."""

from __future__ import annotations

from choreo_local.embedded.kubelet import remarks
from tests.embedded.kubelet.builders import container, pod


def test_a_plain_pod_needs_no_remark() -> None:
    mount = {
        "name": "token",
        "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
        "readOnly": True,
    }
    granted = {"limits": {"memory": "64Mi"}}
    plain = container(volumeMounts=[mount], resources=granted, securityContext={})
    assert remarks.not_enforced(pod(containers=[plain], securityContext={})) == ""


def test_sandboxes_see_to_most() -> None:
    asked = {
        "seccompProfile": {"type": "RuntimeDefault"},
        "supplementalGroups": [5],
        "fsGroup": 6,
        "sysctls": [],
    }
    strict = pod(
        containers=[container(securityContext={"privileged": True})], securityContext=asked
    )
    found = remarks.not_sandboxed(strict, limits_processors=True, has_groups=True)
    assert found.endswith("not enforced: securityContext.privileged")
    found = remarks.not_sandboxed(strict, limits_processors=True, has_groups=False)
    assert "securityContext.fsGroup, securityContext.privileged" in found
    assert found.endswith("securityContext.supplementalGroups")


def test_everything_asked_for_in_vain_is_named_once() -> None:
    strict = {"readOnlyRootFilesystem": True, "runAsUser": 0, "capabilities": {"drop": ["ALL"]}}
    first = container(
        "a",
        securityContext=strict,
        resources={"limits": {"cpu": "1"}},
        ports=[{"containerPort": 80, "hostPort": 80}],
        volumeMounts=[{"name": "v", "mountPath": "/v", "readOnly": True}],
    )
    found = remarks.not_enforced(
        pod(
            containers=[first, container("b", securityContext=strict)],
            hostPID=True,
            volumes=[{"name": "v", "emptyDir": {"medium": "Memory"}}],
        )
    )
    assert found == (
        "containers are plain processes of this machine; not enforced: emptyDir.medium, "
        "hostPID, limits.cpu, securityContext.capabilities, "
        "securityContext.readOnlyRootFilesystem, securityContext.runAsUser, volumeMounts.readOnly"
    )
