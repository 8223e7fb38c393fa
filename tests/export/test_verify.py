"""Each damage to an export is found, and said with its file, its place and a remedy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import yaml
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from choreo_local.apimachinery import yamltext
from choreo_local.errors import RefusedError
from choreo_local.export import importing, index, plan, verify
from choreo_local.export.problems import Problem
from choreo_local.export.reading import Tree
from choreo_local.export.state import Choices
from tests.export import samples
from tests.export.samples import CHOICES

_R = "control-plane/resources"
_DATA_PLANE = "control-plane/planes/12-clusterdataplane-default.yaml"
_BINDINGS = f"{_R}/37-releasebindings.yaml"

Change = Callable[[Any], None]


@cache
def _tree(*, with_secrets: bool = False, decided: bool = True) -> Tree:
    choices = CHOICES if decided else Choices()
    files = plan.planned(samples.state(), replace(choices, with_secrets=with_secrets))
    return Tree({file.path: file.content for file in files})


def _edited(tree: Tree, path: str, change: Change) -> Tree:
    """The tree with the documents of a file changed, as if it had been exported so."""
    documents = list(yaml.safe_load_all(tree.files[path]))
    change(documents if len(documents) > 1 else documents[0])
    text = "---\n".join(yamltext.dump(each) for each in documents)
    return _accepted(replace(tree, files={**tree.files, path: text}))


def _accepted(tree: Tree) -> Tree:
    return replace(tree, files={**tree.files, **verify.accepted(tree)})


def _problems(tree: Tree) -> list[Problem]:
    return list(verify.verified(tree).problems)


def _only(tree: Tree) -> Problem:
    found = _problems(tree)
    assert len(found) == 1, [str(each) for each in found]
    assert found[0].remedy
    return found[0]


def test_a_fresh_export_has_no_problems() -> None:
    assert _problems(_tree()) == []
    assert _problems(_tree(with_secrets=True)) == []


def test_what_is_still_to_be_decided_is_no_problem_but_said() -> None:
    verdict = verify.verified(_tree(decided=False))
    assert verdict.problems == []
    assert any("domain is not chosen" in point for point in verdict.open)
    assert any(_DATA_PLANE in point and "register.sh" in point for point in verdict.open)


def test_every_missing_file_is_noticed() -> None:
    tree = _tree()
    found = _problems(replace(tree, files={index.NAME: tree.files[index.NAME]}))
    missing = {each.file for each in found if "missing" in each.why}
    assert missing == set(tree.files) - {index.NAME}


@pytest.mark.parametrize("path", [index.NAME, "README.md", "control-plane/values.yaml", _BINDINGS])
def test_one_missing_file_is_noticed(path: str) -> None:
    files = {name: content for name, content in _tree().files.items() if name != path}
    found = _problems(replace(_tree(), files=files))
    assert any(each.file == path and "missing" in each.why for each in found)


def test_every_changed_file_is_noticed_until_the_change_is_accepted() -> None:
    tree = _tree()
    changed = {name: f"{content}\n" for name, content in tree.files.items() if name != index.NAME}
    damaged = replace(tree, files={**tree.files, **changed})
    found = _problems(damaged)
    assert {each.file for each in found if "changed after the export" in each.why} == set(changed)
    assert _problems(_accepted(damaged)) == []


def test_files_that_belong_to_no_export_are_noticed() -> None:
    tree = _tree()
    problem = _only(replace(tree, files={**tree.files, f"{_R}/99-more.yaml": ""}))
    assert problem.file == f"{_R}/99-more.yaml"


def test_secret_files_that_others_can_read_are_noticed() -> None:
    tree = _tree(with_secrets=True)
    problem = _only(replace(tree, open_to_others=frozenset(tree.files)))
    assert problem.file == "secrets/prod/db.json"
    assert problem.remedy == "chmod 600 secrets/prod/db.json"


def test_what_cannot_be_read_is_noticed() -> None:
    tree = _tree()
    files = {name: content for name, content in tree.files.items() if name != "README.md"}
    problem = _only(replace(tree, files=files, unread={"README.md": "it is no UTF-8 text"}))
    assert problem.why == "it is no UTF-8 text"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[", "cannot read YAML"),
        ("a: 1\n", "format"),
        ("format: 2\n", "this version reads format 1"),
        ("format: 1\n", "addresses: must be a dict"),
        ("- 1\n", "one object"),
    ],
)
def test_an_index_that_is_none_is_refused_with_the_reason(text: str, why: str) -> None:
    tree = _tree()
    problem = _only(replace(tree, files={**tree.files, index.NAME: text}))
    assert problem.file == index.NAME
    assert why in problem.why


def test_an_index_is_checked_entry_by_entry() -> None:
    tree = _tree()
    content = yaml.safe_load(tree.files[index.NAME])
    for field in ("files", "planes", "upstream", "leftBehind"):
        damaged = {**content, field: [{}, *content[field]]}
        text = yamltext.dump(damaged)
        problem = _only(replace(tree, files={**tree.files, index.NAME: text}))
        assert "not as it should be" in problem.why


def _set(path: str, value: Any) -> Change:
    """Set a field of the first document, given as a path with dots."""

    def change(content: Any) -> None:
        target = content[0] if isinstance(content, list) else content
        *steps, last = path.split(".")
        for step in steps:
            target = target.setdefault(step, {})
        target[last] = value

    return change


@pytest.mark.parametrize(
    ("file", "change", "path", "why"),
    [
        (_BINDINGS, _set("spec.releaseName", "gone"), "spec.releaseName", "ComponentRelease"),
        (_BINDINGS, _set("spec.environment", "moon"), "spec.environment", "Environment"),
        (_BINDINGS, _set("spec.owner.componentName", "no"), "spec.owner.componentName", "no"),
        (_BINDINGS, _set("metadata.uid", samples.UID), "metadata.uid", "one cluster knows"),
        (_BINDINGS, _set("metadata.resourceVersion", "1"), "metadata.resourceVersion", "cluster"),
        (_BINDINGS, _set("metadata.finalizers", ["a"]), "metadata.finalizers", "cluster"),
        (_BINDINGS, _set("status", {}), "status", "anew"),
        (_BINDINGS, _set("spec.unheard", 1), "", "unknown field"),
        (_BINDINGS, _set("spec.state", "Asleep"), "spec.state", "Unsupported value"),
        (
            _BINDINGS,
            _set("metadata.annotations", {"choreo.dev/x": "y"}),
            "metadata.annotations[choreo.dev/x]",
            "only one choreo",
        ),
        (_BINDINGS, _set("metadata.namespace", ""), "metadata.namespace", "needs a namespace"),
        (
            f"{_R}/27-projects.yaml",
            _set("spec.type.name", "gone"),
            "spec.type",
            "not in the export",
        ),
        (
            f"{_R}/27-projects.yaml",
            _set("spec.deploymentPipelineRef.name", "gone"),
            "spec.deploymentPipelineRef.name",
            "DeploymentPipeline",
        ),
        (
            f"{_R}/25-environments.yaml",
            _set("spec.dataPlaneRef.name", "mars"),
            "spec.dataPlaneRef",
            "ClusterDataPlane mars",
        ),
        (
            f"{_R}/33-components.yaml",
            _set("spec.componentType.name", "deployment/none"),
            "spec.componentType",
            "ClusterComponentType none",
        ),
        (f"{_R}/34-workloads.yaml", _set("spec.container.image", ""), "spec.container.image", ""),
        (_DATA_PLANE, _set("spec.planeID", "other"), "spec.planeID", "no folder"),
        (
            _DATA_PLANE,
            _set("spec.gateway.ingress.external.http.port", 80),
            "spec.gateway.ingress.external.http.port",
            "gateway.httpPort",
        ),
        (
            _DATA_PLANE,
            _set("spec.secretStoreRef.name", "safe"),
            "spec.secretStoreRef.name",
            'no secret store "safe"',
        ),
        (
            _DATA_PLANE,
            _set("spec.clusterAgent.clientCA.value", "-----BEGIN EC PRIVATE KEY-----"),
            "spec.clusterAgent.clientCA.value",
            "private key",
        ),
        (
            _DATA_PLANE,
            _set("spec.clusterAgent.clientCA.value", "nonsense"),
            "spec.clusterAgent.clientCA.value",
            "no certificate",
        ),
        (
            _DATA_PLANE,
            _set("spec.observabilityPlaneRef.name", "blind"),
            "spec.observabilityPlaneRef",
            "ClusterObservabilityPlane blind",
        ),
        (
            "control-plane/values.yaml",
            _set("clusterGateway.tls.dnsNames", ["a.example.com"]),
            "clusterAgent.serverUrl",
            "certificate of the cluster gateway",
        ),
        ("control-plane/values.yaml", _set("gateway.httpPort", "80"), "gateway.httpPort", "int"),
        ("control-plane/values.yaml", _set("gateway.htpPort", 80), "gateway.htpPort", "no such"),
        ("control-plane/values.yaml", _set("backstage", {}), "backstage.baseUrl", "without it"),
        (
            "data-plane-default/values.yaml",
            _set("clusterAgent.planeID", "x"),
            "clusterAgent.planeID",
            '"default"',
        ),
        (
            "data-plane-default/values.yaml",
            _set("clusterAgent.serverUrl", "http://x"),
            "clusterAgent.serverUrl",
            "wss://",
        ),
        (
            f"{_R}/10-namespaces.yaml",
            _set("metadata.name", "other"),
            "metadata.namespace",
            "makes the namespace default",
        ),
        (
            f"{_R}/10-namespaces.yaml",
            _set("metadata.labels", {}),
            "metadata.labels[openchoreo.dev/control-plane]",
            "only namespaces",
        ),
        (
            "workflow-plane-default/namespaces.yaml",
            lambda documents: documents.pop(),
            "",
            "openchoreo-workflow-plane",
        ),
    ],
)
def test_damage_to_an_object_is_found_where_it_is(
    file: str, change: Change, path: str, why: str
) -> None:
    found = _problems(_edited(_tree(), file, change))
    matching = [each for each in found if each.path.endswith(path) and why in each.why]
    assert matching, [str(each) for each in found]
    assert all(each.remedy for each in found)


def test_objects_in_the_wrong_file_are_noticed() -> None:
    tree = _tree()
    bindings = f"{tree.files[_BINDINGS]}---\n{tree.files[f'{_R}/27-projects.yaml']}"
    moved = _accepted(replace(tree, files={**tree.files, _BINDINGS: bindings}))
    said = [each.why for each in _problems(moved)]
    assert any("its place in the order" in why for why in said)
    assert any("twice" in why for why in said)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "cannot read YAML"),
        ("[]", "it is no object"),
        ("kind: X", "apiVersion is missing"),
        ("{apiVersion: v1, kind: X}", "metadata.name is missing"),
        ("{apiVersion: v1, kind: X, metadata: {name: 1}}", "metadata.name is missing"),
        ("{apiVersion: v1, kind: X, metadata: {name: a, namespace: []}}", "must be a text"),
        ("{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}}", "no export has"),
        ("{apiVersion: openchoreo.dev/v1alpha1, kind: Nope, metadata: {name: a}}", "no such kind"),
        (
            "{apiVersion: openchoreo.dev/v1alpha1, kind: WorkflowRun, "
            "metadata: {name: a, namespace: default}}",
            "runs again",
        ),
        (
            "{apiVersion: openchoreo.dev/v1alpha1, kind: ClusterDataPlane, metadata: {name: a}, "
            "spec: 7}",
            "must be of type object",
        ),
    ],
)
def test_whatever_stands_in_a_file_is_judged(text: str, why: str) -> None:
    tree = _tree()
    path = f"{_R}/27-projects.yaml"
    damaged = _accepted(replace(tree, files={**tree.files, path: f"{tree.files[path]}---\n{text}"}))
    if text == "{":
        damaged = _accepted(replace(tree, files={**tree.files, path: text}))
    assert any(why in each.why for each in _problems(damaged)), _problems(damaged)


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=4,
)


@given(data=st.data())
@settings(max_examples=40, deadline=None, phases=[Phase.explicit, Phase.generate])
def test_no_damage_keeps_an_export_from_being_judged(data: st.DataObject) -> None:
    tree = _tree()
    path = data.draw(st.sampled_from(sorted(name for name in tree.files if name.endswith(".yaml"))))
    documents = list(yaml.safe_load_all(tree.files[path]))
    target: Any = documents
    while True:
        keys = sorted(target) if isinstance(target, dict) else list(range(len(target)))
        key = data.draw(st.sampled_from(keys))
        inner = target[key]
        if not isinstance(inner, dict | list) or not inner or data.draw(st.booleans()):
            break
        target = inner
    target[key] = data.draw(_ANYTHING)
    text = "---\n".join(yamltext.dump(each) for each in documents)
    verdict = verify.verified(replace(tree, files={**tree.files, path: text}))
    assert all(problem.why and problem.remedy for problem in verdict.problems)


def test_entries_of_secret_stores_must_be_texts() -> None:
    tree = _tree(with_secrets=True)
    path = "secrets/prod/db.json"
    for text in ("{", '{"a": 1}', "[]"):
        damaged = _accepted(replace(tree, files={**tree.files, path: text}))
        assert _only(damaged).file == path


def test_references_to_what_installations_bring_are_no_problem() -> None:
    spec = {
        "effect": "allow",
        "entitlement": {"claim": "sub", "value": "x"},
        "roleMappings": [{"roleRef": {"kind": "ClusterAuthzRole", "name": "developer"}}],
    }
    mine = samples.openchoreo("ClusterAuthzRoleBinding", "mine", spec, namespace="")
    files = plan.planned(samples.state([mine]), CHOICES)
    assert _problems(Tree({file.path: file.content for file in files})) == []
    spec["roleMappings"] = [{"roleRef": {"kind": "ClusterAuthzRole", "name": "nobody"}}]
    theirs = samples.openchoreo("ClusterAuthzRoleBinding", "mine", spec, namespace="")
    files = plan.planned(samples.state([theirs]), CHOICES)
    problem = _only(Tree({file.path: file.content for file in files}))
    assert problem.path == "ClusterAuthzRoleBinding mine spec.roleMappings[0].roleRef"


def test_a_dangling_reference_of_the_instance_itself_is_said_too() -> None:
    state = samples.without(samples.state(), "Environment", "staging")
    files = plan.planned(state, CHOICES)
    found = _problems(Tree({file.path: file.content for file in files}))
    assert {each.path.split()[0] for each in found} == {
        "DeploymentPipeline",
        "ProjectReleaseBinding",
    }


def test_an_instance_does_not_start_from_an_export_with_problems() -> None:
    tree = _edited(_tree(), _BINDINGS, _set("spec.releaseName", "gone"))
    with pytest.raises(RefusedError, match=r"spec\.releaseName") as refused:
        importing.checked(tree, "somewhere")
    assert refused.value.remedy == "See all: choreo export verify somewhere"
