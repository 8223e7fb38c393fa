"""`apply`, `get`, `delete` and `describe`, over the API of a real control plane."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Choreo

pytestmark = pytest.mark.timeout(60)

_COMPONENT = """
apiVersion: openchoreo.dev/v1alpha1
kind: Component
metadata: {name: NAME, namespace: acme}
spec:
  owner: {projectName: shop}
  componentType: {kind: ClusterComponentType, name: deployment/service}
"""
_ENVIRONMENT = """
apiVersion: openchoreo.dev/v1alpha1
kind: Environment
metadata: {name: qa, namespace: acme}
spec: {dataPlaneRef: {kind: ClusterDataPlane, name: default}}
"""
_NAMESPACE = "{apiVersion: v1, kind: Namespace, metadata: {name: acme}}"
_CONFIG_MAP = "{apiVersion: v1, kind: ConfigMap, metadata: {name: plain}}"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file for manifests."""
    return tmp_path / "manifests.yaml"


@pytest.fixture
def acme(owner: Choreo, file: Path) -> Path:
    """A file for manifests, and the namespace that they are for."""
    file.write_text(_NAMESPACE)
    assert owner("apply", "-f", str(file)).code == 0
    return file


def _named(name: str) -> str:
    return _COMPONENT.replace("NAME", name)


def test_apply_says_what_became_of_each_object(owner: Choreo, file: Path) -> None:
    # The namespace stands behind what is in it.
    file.write_text("\n---\n".join([_named("applied"), _NAMESPACE.replace("acme", "fresh")]))
    text = file.read_text().replace("namespace: acme", "namespace: fresh")
    file.write_text(text)
    printed = owner("apply", "-f", str(file))
    assert (printed.code, printed.out) == (
        0,
        "namespace/fresh created\ncomponent/applied created\n",
    )
    again = owner("apply", "-f", str(file))
    assert again.out == "namespace/fresh unchanged\ncomponent/applied unchanged\n"
    file.write_text(text.replace("spec:", "spec:\n  autoDeploy: true", 1))
    assert "component/applied configured\n" in owner("apply", "-f", str(file)).out


def test_nothing_is_stored_when_one_manifest_is_wrong(owner: Choreo, acme: Path) -> None:
    wrong = _named("wrong").replace("deployment/service", "noslash")
    acme.write_text("\n---\n".join([_named("right"), wrong]))
    printed = owner("apply", "-f", str(acme))
    assert printed.code == 1
    assert "spec.componentType.name" in printed.err
    assert "Nothing was stored: 1 of 2" in printed.err
    assert owner("get", "component", "right", "-n", "acme").code == 1


def test_a_trial_run_stores_nothing(owner: Choreo, acme: Path) -> None:
    acme.write_text(_named("tried"))
    printed = owner("apply", "--dry-run", "-f", str(acme))
    assert (printed.code, printed.out) == (0, "component/tried checked\n")
    assert owner("get", "component", "tried", "-n", "acme").code == 1


def test_a_developer_applies_what_developers_may(developer: Choreo, acme: Path) -> None:
    acme.write_text("\n---\n".join([_named("mine"), _ENVIRONMENT]))
    printed = developer("apply", "-f", str(acme))
    assert printed.code == 3
    assert "missing environment:create on ns/acme" in printed.err
    assert "Nothing was stored" in printed.err
    acme.write_text(_named("mine"))
    assert developer("apply", "-f", str(acme)).out == "component/mine created\n"
    assert developer("delete", "-f", str(acme)).out == "component/mine deleted\n"
    gone = developer("delete", "-f", str(acme))
    assert (gone.code, gone.out) == (0, "")
    assert "component/mine was not there" in gone.err


@pytest.mark.parametrize(
    "command",
    [
        ("get", "pods"),
        ("get", "renderedreleases", "-A"),
        ("describe", "pod", "x"),
        ("delete", "deployment", "x"),
    ],
)
def test_objects_of_kubernetes_are_not_for_personas(
    developer: Choreo, command: tuple[str, ...]
) -> None:
    printed = developer(*command)
    assert printed.code == 3
    assert "cannot be reached over the OpenChoreo API" in printed.err
    assert "kubeconfig" in printed.err


def test_manifests_of_kubernetes_are_refused_before_anything_is_stored(
    developer: Choreo, acme: Path
) -> None:
    acme.write_text("\n---\n".join([_named("before"), _CONFIG_MAP]))
    for verb in ("apply", "delete"):
        printed = developer(verb, "-f", str(acme))
        assert printed.code == 3
        assert "configmap/plain cannot be reached" in printed.err
    assert developer("get", "component", "before", "-n", "acme").code == 1


def test_get_shows_one_some_or_all(owner: Choreo, acme: Path) -> None:
    acme.write_text("\n---\n".join([_named("first"), _named("second")]))
    owner("apply", "-f", str(acme))
    lines = owner("get", "comp", "-n", "acme").out.splitlines()
    assert lines[0].split() == ["NAME", "PROJECT", "COMPONENTTYPE", "AGE"]
    assert {line.split()[0] for line in lines[1:]} >= {"first", "second"}
    everywhere = owner("get", "components", "-A").out.splitlines()
    assert everywhere[0].split()[:2] == ["NAMESPACE", "NAME"]
    assert any(line.split()[:2] == ["acme", "first"] for line in everywhere)
    chosen = owner(
        "get", "components", "-n", "acme", "-l", "openchoreo.dev/component=first", "-o", "name"
    )
    assert chosen.out == ""
    one = json.loads(owner("get", "component/first", "-n", "acme", "-o", "json").out)
    assert one["kind"] == "Component"
    assert "namespace/acme" in owner("get", "ns", "-o", "name").out.splitlines()


def test_nothing_there_is_said_with_where_to_look(owner: Choreo, acme: Path) -> None:
    printed = owner("get", "workloads", "-n", "acme")
    assert (printed.code, printed.out) == (0, "")
    assert "There are no workloads in namespace acme; -A looks in all." in printed.err
    missing = owner("describe", "component", "ghost", "-n", "acme")
    assert missing.code == 1
    assert "choreo get component -n acme" in missing.err


def test_describe_shows_spec_and_events(owner: Choreo, acme: Path) -> None:
    acme.write_text(_named("described"))
    owner("apply", "-f", str(acme))
    printed = owner("describe", "component", "described", "-n", "acme")
    assert printed.code == 0
    assert "Kind:         Component (openchoreo.dev/v1alpha1)" in printed.out
    assert "projectName: shop" in printed.out
    assert "Events:       none" in printed.out
