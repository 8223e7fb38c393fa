"""Every sample of upstream applies unchanged, and ends as it should or says why it does not."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.user import User, until
from tests.golden import fixture

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

Object = dict[str, Any]

KINDS = (
    "component",
    "workload",
    "project",
    "projectreleasebinding",
    "releasebinding",
    "renderedrelease",
    "workflowrun",
    "environment",
    "deploymentpipeline",
)
# Kinds of the workflow engine, which is a part of its own.
ENGINE = "argoproj.io/v1alpha1"
# Why a workload does not run here.
WAITING = {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "CrashLoopBackOff"}


def manifests(folder: Path) -> list[Path]:
    """All files of samples, those first that others need, those last that change others."""

    def turn(path: Path) -> tuple[int, str]:
        name = path.relative_to(folder).as_posix()
        if name == "getting-started/all.yaml":
            return 0, name
        return (2 if name.startswith("platform-config/") else 1), name

    return sorted(folder.rglob("*.yaml"), key=turn)


def apply(user: User, paths: list[Path]) -> list[str]:
    """Apply files with the real kubectl; what it complained of."""
    files = [argument for path in paths for argument in ("-f", str(path))]
    printed = user.types(
        "kubectl",
        "--kubeconfig",
        user.choreo("kubeconfig"),
        "apply",
        "--server-side",
        "--force-conflicts",
        *files,
        within=600,
    )
    return [line for line in printed.err.splitlines() if line and "ensure CRDs" not in line]


class World:
    """All objects of the kinds that the samples are about."""

    def __init__(self, user: User) -> None:
        listed = json.loads(user.kubectl("get", ",".join(KINDS), "--all-namespaces", "-o", "json"))
        self.objects: dict[str, list[Object]] = defaultdict(list)
        for obj in listed["items"]:
            self.objects[obj["kind"]].append(obj)
        pods = json.loads(user.kubectl("get", "pods", "--all-namespaces", "-o", "json"))
        self.waiting = {
            pod["metadata"]["labels"].get("openchoreo.dev/component"): state
            for pod in pods["items"]
            for state in _waiting(pod)
        }

    def has_workload(self, component: str) -> bool:
        return any(
            workload["spec"]["owner"]["componentName"] == component
            for workload in self.objects["Workload"]
        )

    def problems(self) -> list[str]:
        """One line for each object that does not say what it should."""
        found = []
        for kind, judge in JUDGES.items():
            assert self.objects[kind], f"no {kind}"
            for obj in self.objects[kind]:
                problem = judge(self, obj)
                if problem:
                    found.append(f"{kind}/{obj['metadata']['name']}: {problem}")
        return found


def _waiting(pod: Object) -> Iterator[str]:
    for status in pod["status"].get("containerStatuses") or ():
        reason = (status["state"].get("waiting") or {}).get("reason")
        if reason in WAITING:
            yield reason


def reason(obj: Object, condition: str) -> tuple[str, str]:
    """Status and reason of a condition."""
    for found in (obj.get("status") or {}).get("conditions") or ():
        if found["type"] == condition:
            return found["status"], found["reason"]
    return "", ""


def _is(condition: str) -> Callable[[World, Object], str]:
    def judge(world: World, obj: Object) -> str:
        del world
        status, why = reason(obj, condition)
        return "" if status == "True" else f"{condition} is {status or 'missing'}: {why}"

    return judge


def _component(world: World, component: Object) -> str:
    status, why = reason(component, "Ready")
    if world.has_workload(component["metadata"]["name"]):
        return "" if status == "True" else f"Ready is {status}: {why}"
    # What is built from source gets its Workload from the build.
    return "" if (status, why) == ("False", "WorkloadNotFound") else f"Ready is {status}: {why}"


def _binding(world: World, binding: Object) -> str:
    if not binding["spec"].get("releaseName"):
        found = reason(binding, "ReleaseSynced")
        return "" if found == ("False", "ComponentReleaseNotFound") else f"synced: {found}"
    for condition in ("ReleaseSynced", "ConnectionsResolved", "ResourceDependenciesReady"):
        if reason(binding, condition)[0] != "True":
            return f"{condition}: {reason(binding, condition)}"
    status, why = reason(binding, "ResourcesReady")
    component = binding["spec"]["owner"]["componentName"]
    waits = component in world.waiting and why in ("ResourcesProgressing", "ResourcesDegraded")
    return "" if status == "True" or waits else f"ResourcesReady is {status}: {why}"


def _run(world: World, run: Object) -> str:
    del world
    status, why = reason(run, "WorkflowCompleted")
    return "" if status else f"says nothing: {why}"


JUDGES: dict[str, Callable[[World, Object], str]] = {
    "Component": _component,
    "ReleaseBinding": _binding,
    "WorkflowRun": _run,
    "Project": _is("Ready"),
    "ProjectReleaseBinding": _is("Ready"),
    "RenderedRelease": _is("ResourcesApplied"),
    "Environment": _is("Ready"),
    "DeploymentPipeline": _is("Available"),
}


def test_every_sample_ends_as_it_should_or_says_why_not(user: User) -> None:
    folder = fixture("samples")
    started = user.types("choreo", "up", "--no-tui")
    assert started.code == 0, started.err + user.last_log()

    complaints = apply(user, manifests(folder))

    assert [line for line in complaints if ENGINE not in line] == []

    def settled() -> bool:
        assert World(user).problems() == []
        return True

    until(settled, what="all samples say what they should", within=300)
