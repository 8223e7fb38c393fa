"""What a start would apply, in words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from choreo_local.allinone import bundles, plan, seeding
from choreo_local.allinone import instance as instances
from choreo_local.clusters.ownership import Action, Step
from choreo_local.clusters.target import Target
from choreo_local.errors import PreflightError


def step(action: Action, kind: str, name: str, namespace: str = "") -> Step:
    metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
    return Step(action, {"kind": kind, "metadata": metadata})


def test_alike_steps_are_counted_and_the_first_are_named() -> None:
    steps = [step(Action.CREATE, "ClusterRole", f"role-{number}") for number in range(5)]
    steps.append(step(Action.EXTEND, "Namespace", "default"))
    steps.append(step(Action.CREATE, "Secret", "s", "ns"))
    assert plan.summary(steps) == [
        "create 5 ClusterRole (cluster-wide): role-0, role-1, role-2 …",
        "add labels to 1 Namespace (cluster-wide): default",
        "create 1 Secret (in ns): s",
    ]


def test_a_new_instance_applies_everything_and_a_settled_one_nothing() -> None:
    record = instances.new("lab")
    fresh = plan.of_own(record, demo=True, driver="embedded")
    assert {one.action for one in fresh.steps} == {Action.CREATE}
    kinds = {one.manifest["kind"] for one in fresh.steps}
    assert {"CustomResourceDefinition", "StorageClass", "Component"} <= kinds

    ports = {"gateway": 19080, "api": 8080}
    record = replace(record, ports=ports)
    applied = {
        name: bundles.load(name).fingerprint(seeding.values(record))
        for name in plan.names(record, demo=True, is_remote=False)
    }
    settled = replace(record, bundles=applied)
    assert plan.of_own(settled, demo=True, driver="embedded").steps == []


def test_a_k3d_cluster_gets_accounts_and_keeps_its_own_storage() -> None:
    found = plan.of_own(instances.new("lab"), demo=False, driver="k3d")
    kinds = {one.manifest["kind"] for one in found.steps}
    assert "ServiceAccount" in kinds
    assert "StorageClass" not in kinds
    assert found.cluster == ["a k3d cluster, with nothing else in it"]


def test_a_cluster_stays_the_same_when_the_current_context_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = {
        "current-context": "dev",
        "clusters": [{"name": "c", "cluster": {"server": "https://c"}}],
        "contexts": [
            {"name": "dev", "context": {"cluster": "c"}},
            {"name": "prod", "context": {"cluster": "c"}},
        ],
    }
    file = tmp_path / "config"
    file.write_text(yaml.safe_dump(content))
    monkeypatch.chdir(tmp_path)
    pinned = plan.pinned(Target(kubeconfig="config"))
    assert pinned == Target(kubeconfig=str(file), context="dev")
    file.write_text(yaml.safe_dump({**content, "current-context": "prod"}))
    assert plan.pinned(pinned) == pinned
    with pytest.raises(PreflightError, match="cannot find the context"):
        plan.pinned(Target(kubeconfig="config", context="gone"))
