"""Pod security: the standards, and what namespaces demand."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.embedded.kubeapi.podsecurity import standards
from tests.embedded.kubeapi.harness import Api

LATEST = 36
GOOD = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def reasons(level: str, spec: dict[str, Any], minor: int = LATEST, **notes: str) -> list[str]:
    return [violation.reason for violation in standards.evaluate(level, minor, notes, spec)]


def running(context: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"containers": [{"name": "c", "securityContext": context}], **spec}


def test_privileged_allows_everything() -> None:
    assert reasons("privileged", running({"privileged": True}, hostPID=True)) == []


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        (running({"privileged": True}), "privileged"),
        (running({"capabilities": {"add": ["NET_ADMIN"]}}), "non-default capabilities"),
        (running({}, hostNetwork=True), "host namespaces"),
        (running({}, volumes=[{"name": "v", "hostPath": {"path": "/"}}]), "hostPath volumes"),
        ({"containers": [{"name": "c", "ports": [{"hostPort": 80}]}]}, "hostPort"),
        (running({"procMount": "Unmasked"}), "procMount"),
        (running({"seLinuxOptions": {"user": "u"}}), "seLinuxOptions"),
        (running({"seccompProfile": {"type": "Unconfined"}}), "seccompProfile"),
        (running({"appArmorProfile": {"type": "Unconfined"}}), "forbidden AppArmor profile"),
        (
            running({}, securityContext={"sysctls": [{"name": "kernel.msgmax"}]}),
            "forbidden sysctls",
        ),
        (running({"windowsOptions": {"hostProcess": True}}), "hostProcess"),
        (
            {"containers": [{"name": "c", "livenessProbe": {"httpGet": {"host": "h"}}}]},
            "probe or lifecycle host",
        ),
    ],
)
def test_baseline_forbids_what_reaches_the_host(spec: dict[str, Any], reason: str) -> None:
    assert reasons("baseline", spec) == [reason]
    assert reason in reasons("restricted", spec) or "hostPath" in reason or "capab" in reason


def test_restricted_demands_four_settings() -> None:
    assert reasons("restricted", running({})) == [
        "allowPrivilegeEscalation != false",
        "unrestricted capabilities",
        "runAsNonRoot != true",
        "seccompProfile",
    ]
    assert reasons("restricted", running(GOOD)) == []
    assert reasons("restricted", running({**GOOD, "runAsUser": 0})) == ["runAsUser=0"]


def test_older_standards_ask_for_less() -> None:
    spec = running({}, securityContext={"runAsNonRoot": True})

    assert reasons("restricted", spec, 7) == []
    assert reasons("restricted", spec, 8) == ["allowPrivilegeEscalation != false"]


def test_users_of_their_own_relax_the_newest_standards() -> None:
    spec = running({**GOOD, "runAsNonRoot": False}, hostUsers=False)

    assert reasons("restricted", spec) == []
    assert reasons("restricted", spec, 34) == ["runAsNonRoot != true"]


def test_old_annotations_count_for_old_standards() -> None:
    notes = {"seccomp.security.alpha.kubernetes.io/pod": "unconfined"}

    assert reasons("baseline", running({}), 18, **notes) == ["seccompProfile"]
    assert reasons("baseline", running({}), 19, **notes) == []


def pod(name: str = "p", **context: Any) -> dict[str, Any]:
    containers = [{"name": "c", "image": "i", "securityContext": context}]
    return {"metadata": {"name": name}, "spec": {"containers": containers}}


async def namespace(api: Api, **modes: str) -> str:
    labels = {f"pod-security.kubernetes.io/{mode}": level for mode, level in modes.items()}
    await api.must("POST", "/api/v1/namespaces", {"metadata": {"name": "n", "labels": labels}})
    path = "/api/v1/namespaces/n"
    await api.must("POST", f"{path}/serviceaccounts", {"metadata": {"name": "default"}})
    return path


async def test_an_enforced_level_refuses_pods() -> None:
    api = await Api.start()
    path = await namespace(api, enforce="baseline")

    status, answer = await api.call("POST", f"{path}/pods", pod(privileged=True))

    assert status == 403
    assert answer["message"] == (
        'pods "p" is forbidden: violates PodSecurity "baseline:latest": privileged (container "c"'
        " must not set securityContext.privileged=true)"
    )
    await api.must("POST", f"{path}/pods", pod())


async def test_makers_of_pods_are_only_warned() -> None:
    api = await Api.start()
    path = (await namespace(api, enforce="restricted")).replace("/api/v1", "/apis/apps/v1")
    labels = {"app": "a"}
    template = {**pod(), "metadata": {"labels": labels}}
    spec = {"selector": {"matchLabels": labels}, "template": template}

    answer = await api.send(
        "POST", f"{path}/deployments", {"metadata": {"name": "d"}, "spec": spec}
    )

    assert answer.status == 201
    warnings = [value for name, value in answer.headers if name == "Warning"]
    assert "would violate PodSecurity" in warnings[0]


async def test_a_stricter_level_tells_which_pods_are_too_lax() -> None:
    api = await Api.start()
    path = await namespace(api)
    for name in ("a", "b", "c"):
        await api.must("POST", f"{path}/pods", pod(name, privileged=True))

    answer = await api.send(
        "PATCH",
        path,
        {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "baseline"}}},
        content_type="application/merge-patch+json",
    )

    warnings = [value for name, value in answer.headers if name == "Warning"]
    assert "existing pods in namespace" in warnings[0]
    assert "a (and 2 other pods): privileged" in warnings[1]


async def test_labels_that_nobody_understands_are_refused() -> None:
    api = await Api.start()
    labels = {"pod-security.kubernetes.io/enforce": "strict"}

    status, answer = await api.call(
        "POST", "/api/v1/namespaces", {"metadata": {"name": "n", "labels": labels}}
    )

    assert status == 422
    assert "must be one of privileged, baseline, restricted" in answer["message"]
