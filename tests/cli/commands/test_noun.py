"""`choreo NOUN VERB`, over the API of a real control plane."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from choreo_local.cli import main, nouns
from choreo_local.cli.commands import noun as commands
from choreo_local.services import kinds
from tests.cli.conftest import Choreo

pytestmark = pytest.mark.timeout(60)

_OBJECTS = """
{apiVersion: v1, kind: Namespace, metadata: {name: nouns}}
---
apiVersion: openchoreo.dev/v1alpha1
kind: Project
metadata: {name: shop, namespace: nouns}
---
apiVersion: openchoreo.dev/v1alpha1
kind: Component
metadata: {name: cart, namespace: nouns}
spec:
  owner: {projectName: shop}
  componentType: {kind: ClusterComponentType, name: deployment/service}
---
apiVersion: openchoreo.dev/v1alpha1
kind: Environment
metadata: {name: qa, namespace: nouns}
spec: {dataPlaneRef: {kind: ClusterDataPlane, name: default}, isProduction: true}
---
apiVersion: openchoreo.dev/v1alpha1
kind: WorkflowRun
metadata: {name: one, namespace: nouns}
spec: {workflow: {kind: Workflow, name: build}}
"""


@pytest.fixture
def filled(owner: Choreo, tmp_path: Path) -> Choreo:
    """The command of the owner, with objects in the namespace `nouns`."""
    file = tmp_path / "objects.yaml"
    file.write_text(_OBJECTS)
    printed = owner("apply", "-f", str(file))
    assert printed.code == 0, printed.err
    return owner


def test_every_kind_of_the_api_has_its_noun() -> None:
    known = {noun.kind for noun in nouns.ALL}
    assert known == {kind.kind for kind in kinds.BY_PLURAL.values()}


def test_no_name_means_two_things() -> None:
    names = [name for noun in nouns.ALL for name in (noun.name, *noun.aliases)]
    assert len(names) == len(set(names))
    assert not set(names) & main.COMMANDS.keys()


@pytest.mark.parametrize("name", nouns.NAMES)
def test_every_verb_explains_itself(choreo: Choreo, name: str) -> None:
    group = commands.group(nouns.BY_NAME[name])
    for verb in group.list_commands(None):  # type: ignore[arg-type]  # it needs no context
        printed = choreo(name, verb, "--help")
        assert printed.code == 0
        assert printed.out.startswith(f"Usage: choreo {name} {verb}")


def test_lists_have_the_columns_of_their_kind(filled: Choreo) -> None:
    place = ("-n", "nouns")
    first = {
        "project": ["shop", "ClusterProjectType/default"],
        "component": ["cart", "shop", "deployment/service"],
        "environment": ["qa", "ClusterDataPlane/default", "true"],
        "workflowrun": ["one", "build", "Pending"],
    }
    for name, cells in first.items():
        rows = filled(name, "list", *place).out.splitlines()
        assert rows[0].split()[0] == "NAME"
        assert rows[0].endswith("AGE")
        assert rows[1].split()[:-1] == cells


def test_a_chosen_project_needs_no_column(filled: Choreo) -> None:
    printed = filled("comp", "list", "-n", "nouns", "-p", "shop")
    assert printed.out.splitlines()[0].split() == ["NAME", "TYPE", "AGE"]
    assert filled("component", "list", "-n", "nouns", "-p", "ghost").code == 1
    everywhere = filled("components", "list", "-A").out.splitlines()
    assert everywhere[0].split()[0] == "NAMESPACE"
    assert any(line.split()[:2] == ["nouns", "cart"] for line in everywhere)


def test_get_prints_yaml_and_delete_says_so(filled: Choreo) -> None:
    shown = yaml.safe_load(filled("env", "get", "qa", "-n", "nouns").out)
    assert shown["kind"] == "Environment"
    assert shown["spec"]["isProduction"] is True
    gone = filled("environment", "delete", "qa", "-n", "nouns")
    assert gone.out == "Environment 'qa' deleted\n"
    again = filled("environment", "get", "qa", "-n", "nouns")
    assert again.code == 1
    assert '"qa" not found' in again.err


def test_nothing_to_list_is_said(filled: Choreo) -> None:
    printed = filled("traits", "list", "-n", "nouns")
    assert (printed.code, printed.out) == (0, "")
    assert "There are no traits in namespace nouns" in printed.err


def test_kinds_without_a_namespace_take_none(filled: Choreo) -> None:
    printed = filled("clusterauthzrole", "list")
    assert "developer" in printed.out
    assert filled("clusterauthzrole", "list", "-n", "nouns").code == 2
    assert "nouns" in filled("ns", "list", "-o", "name").out


def test_runs_are_kept(choreo: Choreo) -> None:
    assert choreo("workflowrun", "delete", "one").code == 2


def test_rights_hold_for_nouns_too(filled: Choreo, developer: Choreo) -> None:
    assert filled("project", "get", "shop", "-n", "nouns").code == 0
    printed = developer("env", "delete", "qa", "-n", "nouns")
    assert printed.code == 3
    assert "missing environment:delete on ns/nouns" in printed.err


def test_help_names_the_nouns(choreo: Choreo) -> None:
    printed = choreo("--help")
    for name in ("component", "releasebinding", "clusterauthzrole"):
        assert name in printed.out
    wrong = choreo("componnt", "list")
    assert wrong.code == 2
    assert "component" in wrong.err
