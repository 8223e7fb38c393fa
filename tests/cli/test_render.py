"""`choreo render` shows what manifests would put on the planes, with no instance anywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from choreo_local.allinone import bundles
from choreo_local.cli import main

Manifest = dict[str, Any]

OPENCHOREO = {"apiVersion": "openchoreo.dev/v1alpha1"}
GREETER = str(bundles.root() / "demo" / "greeter.yaml")
CELL = "dp-default-default-development-f8e58905"


class Shell:
    """Runs the command in an empty home and reads what it prints."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._folder = folder
        self._capsys = capsys

    def file(self, *manifests: Manifest) -> str:
        path = self._folder / f"{len(list(self._folder.iterdir()))}.yaml"
        path.write_text(yaml.safe_dump_all([{**OPENCHOREO, **one} for one in manifests]))
        return str(path)

    def run(self, *arguments: str) -> tuple[int, str, str]:
        code = main.run(["render", *arguments])
        printed = self._capsys.readouterr()
        return code, printed.out, printed.err

    def rendered(self, *arguments: str) -> dict[str, Manifest]:
        """What is rendered, by kind and name, when nothing is wrong."""
        code, out, err = self.run(*arguments, "-o", "json")
        assert (code, err) == (0, "")
        items = json.loads(out)["items"]
        return {f"{obj['kind']}/{obj['metadata']['name']}": obj for obj in items}


@pytest.fixture
def shell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Shell:
    monkeypatch.setenv("CHOREO_HOME", str(tmp_path / "home"))
    folder = tmp_path / "files"
    folder.mkdir()
    return Shell(folder, capsys)


def component(name: str = "web", **spec: Any) -> Manifest:
    owner = {"projectName": "default"}
    kind = {"kind": "ClusterComponentType", "name": "deployment/service"}
    return {
        "kind": "Component",
        "metadata": {"name": name},
        "spec": {"owner": owner, "componentType": kind, **spec},
    }


def workload(name: str = "web", **spec: Any) -> Manifest:
    owner = {"projectName": "default", "componentName": name}
    http = {"type": "HTTP", "port": 80, "visibility": ["external"]}
    return {
        "kind": "Workload",
        "metadata": {"name": name},
        "spec": {
            "owner": owner,
            "container": {"image": "i"},
            "endpoints": {"http": http},
            **spec,
        },
    }


def binding(name: str = "web", environment: str = "staging", **spec: Any) -> Manifest:
    owner = {"projectName": "default", "componentName": name}
    return {
        "kind": "ReleaseBinding",
        "metadata": {"name": f"{name}-{environment}"},
        "spec": {"owner": owner, "environment": environment, **spec},
    }


def project(name: str, *, type_name: str = "default") -> Manifest:
    type_ = {"kind": "ClusterProjectType", "name": type_name}
    pipeline = {"deploymentPipelineRef": {"name": "default"}}
    return {"kind": "Project", "metadata": {"name": name}, "spec": {"type": type_, **pipeline}}


def test_a_component_is_rendered_for_the_first_environment_of_its_pipeline(shell: Shell) -> None:
    found = shell.rendered("-f", GREETER)

    assert {obj["metadata"]["namespace"] for obj in found.values()} == {CELL}
    assert {"Service/greeter", "NetworkPolicy/openchoreo-greeter"} <= found.keys()
    route = found["HTTPRoute/greeter-http-760a2b5c"]
    assert route["spec"]["hostnames"] == ["development-default.openchoreoapis.localhost"]


def test_yaml_says_of_each_manifest_where_it_comes_from_and_goes(shell: Shell) -> None:
    code, out, _ = shell.run("-f", GREETER)

    assert code == 0
    assert len(list(yaml.safe_load_all(out))) == out.count(
        "---\n# ReleaseBinding greeter-development, data plane\n"
    )


def test_the_same_files_give_the_same_text(shell: Shell) -> None:
    assert shell.run("-f", GREETER) == shell.run("-f", GREETER)


def test_a_namespace_of_its_own_is_rendered_into_another_cell(shell: Shell) -> None:
    file = shell.file(component(), workload())

    code, _, err = shell.run("-f", file, "-n", "acme")

    assert code == 1
    assert 'cannot render Component web: Project "default" not found' in err


def test_an_environment_may_be_chosen(shell: Shell) -> None:
    found = shell.rendered("-f", GREETER, "--env", "production")

    assert all("production" in obj["metadata"]["namespace"] for obj in found.values())


def test_without_a_choice_the_bindings_say_where(shell: Shell) -> None:
    overrides = {"container": {"env": [{"key": "LEVEL", "value": "debug"}]}}
    file = shell.file(component(), workload(), binding(workloadOverrides=overrides))

    found = shell.rendered("-f", file)

    assert all("staging" in obj["metadata"]["namespace"] for obj in found.values())
    assert [obj["data"] for obj in found.values() if obj["kind"] == "ConfigMap"] == [
        {"LEVEL": "debug"}
    ]


def test_types_and_environments_of_the_files_come_before_the_platforms(shell: Shell) -> None:
    template = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "${metadata.name}"},
        "spec": {"replicas": "${parameters.replicas}", "selector": {}, "template": {}},
    }
    replicas = {"type": "integer", "default": 2}
    schema = {"type": "object", "properties": {"replicas": replicas}}
    type_ = {
        "kind": "ComponentType",
        "metadata": {"name": "plain"},
        "spec": {
            "workloadType": "deployment",
            "parameters": {"openAPIV3Schema": schema},
            "resources": [{"id": "deployment", "template": template}],
        },
    }
    own = component(componentType={"kind": "ComponentType", "name": "deployment/plain"})

    found = shell.rendered("-f", shell.file(type_, own, workload()))

    assert [obj["spec"]["replicas"] for obj in found.values() if obj["kind"] == "Deployment"] == [2]
    assert "Service/web" not in found


def test_components_find_each_other(shell: Shell) -> None:
    needs = {
        "component": "web",
        "name": "http",
        "visibility": "project",
        "envBindings": {"address": "WEB"},
    }
    caller = workload("caller", dependencies={"endpoints": [needs]})
    file = shell.file(component(), workload(), component("caller"), caller)

    found = shell.rendered("-f", file)

    containers = [
        obj["spec"]["template"]["spec"]["containers"][0]
        for title, obj in found.items()
        if title.startswith("Deployment/caller")
    ]
    assert [container["env"] for container in containers] == [
        [{"name": "WEB", "value": f"http://web.{CELL}.svc.cluster.local:80"}]
    ]


def test_what_a_component_waits_for_is_said(shell: Shell) -> None:
    needs = {"component": "web", "name": "http", "visibility": "project", "envBindings": {}}
    file = shell.file(component("caller"), workload("caller", dependencies={"endpoints": [needs]}))

    code, out, err = shell.run("-f", file)

    assert (code, "kind: Deployment" in out) == (0, True)
    assert err == (
        "ReleaseBinding caller-development waits for connection to web: "
        "ReleaseBinding not found for component default/web\n"
    )


@pytest.mark.parametrize(
    ("manifests", "words"),
    [
        ([component()], 'Component web: Workload for component "web" not found'),
        ([binding()], 'ReleaseBinding web-staging: Component "web" not found'),
        (
            [component(), workload(), binding(releaseName="web-1")],
            'ReleaseBinding web-staging: ComponentRelease "web-1" not found',
        ),
        (
            [component(), workload(), binding(environment="moon")],
            'ReleaseBinding web-moon: Environment "moon" not found',
        ),
        (
            [component(componentType={"name": "deployment/none"}), workload()],
            'Component web: ComponentType "none" not found',
        ),
        (
            [component(traits=[{"name": "none", "instanceName": "a"}]), workload()],
            'Component web: ComponentType "service": traits [Trait:none] are not in the allowed',
        ),
        (
            [project("p", type_name="none")],
            'Project p: ClusterProjectType "none" not found',
        ),
    ],
)
def test_what_is_missing_is_named(shell: Shell, manifests: list[Manifest], words: str) -> None:
    code, _, err = shell.run("-f", shell.file(*manifests))

    assert code == 1
    assert f"error: cannot render {words}" in err
    assert "fix: Give what is missing with -f" in err


def test_a_failing_template_is_reported_in_upstreams_words(shell: Shell) -> None:
    env = [{"key": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]
    file = shell.file(component(), workload(container={"image": "i", "env": env}))

    code, out, err = shell.run("-f", file)

    assert (code, out) == (1, "")
    assert 'failed to get SecretReference "s": SecretReference.openchoreo.dev "s" not found' in err


def test_what_renders_is_shown_beside_what_does_not(shell: Shell) -> None:
    code, out, err = shell.run("-f", GREETER, "-f", shell.file(component()))

    assert (code, "kind: Deployment" in out) == (1, True)
    assert "cannot render Component web" in err


def test_what_an_api_server_would_refuse_is_not_rendered(shell: Shell) -> None:
    wrong = component(owner={})
    strange = {**workload(), "spec": {**workload()["spec"], "nosuch": 1}}

    code, out, err = shell.run("-f", shell.file(wrong, strange))

    assert (code, out) == (1, "")
    assert "spec.owner.projectName: Required value" in err
    assert 'strict decoding error: unknown field "spec.nosuch"' in err
    assert "Nothing was rendered: 2 of 2 manifests are wrong." in err


def test_what_a_webhook_would_refuse_is_not_rendered(shell: Shell) -> None:
    twice = [{"name": "a", "instanceName": "x"}, {"name": "b", "instanceName": "x"}]

    code, _, err = shell.run("-f", shell.file(component(traits=twice), workload()))

    assert code == 1
    assert 'admission webhook "vcomponent-v1alpha1.kb.io" denied the request' in err


def test_a_project_is_rendered_to_its_cell(shell: Shell) -> None:
    found = shell.rendered("-f", shell.file(project("shop")))

    (title,) = found
    assert title.startswith("Namespace/dp-default-shop-development-")


def test_a_resource_is_rendered_with_its_type(shell: Shell) -> None:
    resource = {
        "kind": "Resource",
        "metadata": {"name": "cache"},
        "spec": {
            "owner": {"projectName": "default"},
            "type": {"kind": "ClusterResourceType", "name": "valkey"},
        },
    }

    found = shell.rendered("-f", shell.file(resource), "--env", "staging")

    assert any(title.startswith("StatefulSet/") for title in found)
    assert {obj["metadata"]["namespace"] for obj in found.values()} == {
        "dp-default-default-staging-1362f732"
    }


def test_a_workflow_run_is_rendered_to_what_goes_to_the_workflow_plane(shell: Shell) -> None:
    template = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {
            "name": "${metadata.workflowRunName}",
            "namespace": "${metadata.namespace}",
        },
        "spec": {"entrypoint": "main"},
    }
    workflow = {
        "kind": "Workflow",
        "metadata": {"name": "hello"},
        "spec": {"runTemplate": template},
    }
    run = {
        "kind": "WorkflowRun",
        "metadata": {"name": "hello-1"},
        "spec": {"workflow": {"kind": "Workflow", "name": "hello"}},
    }

    found = shell.rendered("-f", shell.file(workflow, run))

    assert found["Workflow/hello-1"]["spec"]["serviceAccountName"] == "workflow-sa"
    assert "Namespace/workflows-default" in found


def test_a_run_of_a_missing_workflow_says_so(shell: Shell) -> None:
    run = {
        "kind": "WorkflowRun",
        "metadata": {"name": "r"},
        "spec": {"workflow": {"kind": "Workflow", "name": "none"}},
    }

    code, _, err = shell.run("-f", shell.file(run))

    assert code == 1
    assert (
        'cannot render WorkflowRun r: Workflow has completed with failure: Workflow "none"' in err
    )


def test_an_undeployed_binding_renders_nothing_and_says_so(shell: Shell) -> None:
    file = shell.file(component(), workload(), binding(state="Undeploy"))

    code, out, err = shell.run("-f", file)

    assert (code, out) == (0, "")
    assert "ReleaseBinding web-staging waits for its deployment: spec.state is Undeploy" in err


def test_of_two_manifests_of_one_object_the_later_counts(shell: Shell) -> None:
    file = shell.file(component(), workload(), workload(container={"image": "newer"}))

    found = shell.rendered("-f", file, "-f", file)

    images = [
        container["image"]
        for obj in found.values()
        if obj["kind"] == "Deployment"
        for container in obj["spec"]["template"]["spec"]["containers"]
    ]
    assert images == ["newer"]


def test_files_with_nothing_to_render_are_a_wrong_use(shell: Shell) -> None:
    code, out, err = shell.run("-f", shell.file(workload()))

    assert (code, out) == (2, "")
    assert "there is nothing to render in what was given" in err
