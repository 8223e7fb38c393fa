"""Deploying, secrets and runs of workflows as upstream's client has them, over a real API."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Choreo

pytestmark = pytest.mark.timeout(60)

_PLACE = ("-n", "deploying")
_NAMESPACE = "{apiVersion: v1, kind: Namespace, metadata: {name: deploying}}"
_OBJECTS = """
kind: DeploymentPipeline
metadata: {name: default}
spec:
  promotionPaths:
    - sourceEnvironmentRef: {name: development}
      targetEnvironmentRefs: [{name: staging}]
    - sourceEnvironmentRef: {name: staging}
      targetEnvironmentRefs: [{name: production}]
---
kind: Project
metadata: {name: shop}
---
kind: ComponentType
metadata: {name: service}
spec:
  workloadType: deployment
  resources:
    - id: deployment
      template:
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: "${metadata.name}", namespace: "${metadata.namespace}"}
        spec: {}
---
kind: Component
metadata: {name: cart}
spec:
  owner: {projectName: shop}
  componentType: {kind: ComponentType, name: deployment/service}
---
kind: Workload
metadata: {name: cart}
spec:
  owner: {projectName: shop, componentName: cart}
  container: {image: "choreo.local/cart:1.0"}
---
kind: Workflow
metadata: {name: build}
spec:
  runTemplate:
    apiVersion: argoproj.io/v1alpha1
    kind: Workflow
    metadata: {name: "${metadata.workflowRunName}", namespace: "${metadata.namespace}"}
    spec: {}
"""


@pytest.fixture
def shop(owner: Choreo, tmp_path: Path) -> Choreo:
    """The command of the owner, with a component that can be deployed."""
    texts = [f"apiVersion: openchoreo.dev/v1alpha1{text}" for text in _OBJECTS.split("---")]
    file = tmp_path / "shop.yaml"
    file.write_text("\n---\n".join([_NAMESPACE, *texts]))
    printed = owner("apply", "-f", str(file), *_PLACE)
    assert printed.code == 0, printed.err
    return owner


def _binding(choreo: Choreo, name: str, noun: str = "releasebinding") -> Any:
    printed = choreo(noun, "get", name, "-o", "json", *_PLACE)
    assert printed.code == 0, printed.err
    return json.loads(printed.out)["spec"]


def test_a_component_goes_to_the_first_environment_and_on(shop: Choreo) -> None:
    printed = shop("component", "deploy", "cart", *_PLACE)
    assert printed.code == 0, printed.err
    made, first, release, binding = printed.out.splitlines()
    name = made.removeprefix("Created release: ")
    assert first == "Successfully deployed component 'cart' to environment 'development'"
    assert (release, binding) == (f"  Release: {name}", "  Binding: cart-development")

    setting = "spec.componentTypeEnvironmentConfigs.replicas=3"
    on = shop("comp", "deploy", "cart", "--to", "staging", "--set", setting, "-p", "shop", *_PLACE)
    assert on.code == 0, on.err
    spec = _binding(shop, "cart-staging")
    assert spec["releaseName"] == name
    assert spec["componentTypeEnvironmentConfigs"] == {"replicas": 3}

    again = shop("component", "deploy", "cart", "--to", "staging", "--release", name, *_PLACE)
    assert again.code == 0, again.err
    kept = _binding(shop, "cart-staging")
    assert kept["componentTypeEnvironmentConfigs"] == {"replicas": 3}, "what was set stays"


def test_a_component_goes_nowhere_without_a_way_or_a_release(shop: Choreo) -> None:
    printed = shop("component", "deploy", "cart", "--to", "ghost", *_PLACE)
    assert printed.code == 2
    assert "no promotion path found for target environment 'ghost'" in printed.err
    assert "development → staging" in printed.err
    printed = shop("component", "deploy", "cart", "--to", "production", *_PLACE)
    assert printed.code in {0, 1}
    assert shop("component", "deploy", "ghost", *_PLACE).code == 1
    assert shop("component", "deploy", "cart", "--set", "bad", *_PLACE).code == 2


def test_a_project_is_bound_once_and_then_on_demand(shop: Choreo) -> None:
    first = shop("project", "deploy", "shop", *_PLACE)
    assert first.out.splitlines() == [
        "Successfully deployed project 'shop' to environment 'development'",
        "  Binding: shop-development",
    ]
    again = shop("project", "deploy", "shop", *_PLACE)
    assert (again.code, again.out) == (0, "")
    assert "already deployed" in again.err
    on = shop("project", "deploy", "shop", "--to", "staging", *_PLACE)
    assert on.code == 1
    assert "no release pinned for source environment 'development'" in on.err
    shop("project", "deploy", "shop", "--release", "shop-1", "--set", "quota=5", *_PLACE)
    spec = _binding(shop, "shop-development", "projectreleasebinding")
    assert spec["projectRelease"] == "shop-1"
    assert spec["environmentConfigs"] == {"quota": 5}
    assert shop("project", "deploy", "shop", "--to", "staging", *_PLACE).code == 0


def test_a_resource_without_a_release_cannot_be_promoted(shop: Choreo) -> None:
    printed = shop("resource", "promote", "ghost", "--env", "staging", *_PLACE)
    assert printed.code == 1
    assert "not found" in printed.err


def test_a_workflow_is_run_and_its_runs_are_listed(shop: Choreo) -> None:
    printed = shop("workflow", "run", "build", *_PLACE)
    assert printed.code == 0, printed.err
    run = printed.out.removeprefix("workflowrun/").removesuffix(" created\n")
    assert run.startswith("build-")
    listed = shop("workflowrun", "list", "--workflow", "build", *_PLACE)
    assert listed.out.splitlines()[1].split()[:2] == [run, "Pending"]
    assert shop("workflow", "run", "ghost", *_PLACE).code == 1
    none = shop("component", "workflow", "run", "cart", *_PLACE)
    assert none.code == 1
    assert 'component "cart" has no workflow configured' in none.err
    assert "no workflow runs" in shop("comp", "workflowrun", "list", "cart", *_PLACE).err
    ghost = shop("workflowrun", "logs", "ghost", *_PLACE)
    assert ghost.code == 1


def test_secrets_are_refused_before_anything_is_asked_when_they_are_malformed(
    choreo: Choreo, tmp_path: Path
) -> None:
    create = ("secret", "create", "generic", "s1")
    assert choreo(*create, "--from-literal", "a=b").code == 2
    wrong = choreo(*create, "--target-plane", "Bogus", "--from-literal", "a=b")
    assert wrong.code == 2
    assert 'invalid --target-plane "Bogus": expected Kind/Name' in wrong.err
    plane = ("--target-plane", "ClusterDataPlane/default")
    assert choreo(*create, *plane).code == 2
    unreadable = choreo(*create, *plane, "--from-literal", "hunter2")
    assert unreadable.code == 2
    assert "hunter2" not in unreadable.err
    assert choreo(*create, *plane, "--from-file", str(tmp_path / "none")).code == 2
    assert choreo("secret", "create", "tls", "t1", *plane).code == 2


def test_missing_secrets_are_said(shop: Choreo) -> None:
    assert "There are no secrets" in shop("secret", "list", *_PLACE).err
    for verb in ("get", "delete"):
        assert shop("secret", verb, "ghost", *_PLACE).code == 1
    assert shop("secret", "update", "ghost", "--from-literal", "a=b", *_PLACE).code == 1
