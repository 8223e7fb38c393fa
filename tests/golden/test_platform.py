"""The types of a fresh installation make the same objects as upstream's of the same name."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from choreo_local.rendering import component, project, resource, schema, typeinputs, workflow
from choreo_local.rendering.errors import RenderError
from tests.golden import FIXTURES, GOLDENS, fixture, load, recorded
from tests.golden.test_render import inputs_of

PLATFORM = Path(__file__).parents[2] / "bundles" / "platform"
SAMPLE = "samples/getting-started/all.yaml"
Objects = dict[tuple[str, str], dict[str, Any]]
EXTERNAL = {"name": "gateway-default", "namespace": "openchoreo-data-plane"}
HTTP = {"http": {"host": "apps.example", "port": 19080, "listenerName": "http"}}
HTTPS = {"https": {"host": "apps.example", "port": 19443, "listenerName": "https"}}
GATEWAYS = {
    "none": {},
    "silent": {"ingress": {"external": EXTERNAL}},
    "http": {"ingress": {"external": EXTERNAL | HTTP}},
    "both": {"ingress": {"external": EXTERNAL | HTTP | HTTPS}},
}
RESOURCE_TYPES = ("postgres", "valkey", "nats")
WORKFLOWS = (
    "ballerina-buildpack-builder",
    "dockerfile-builder",
    "gcp-buildpacks-builder",
    "paketo-buildpacks-builder",
)


def read(paths: list[Path]) -> Objects:
    """The objects of files, by kind and name; tokens are left as they are."""
    found = {}
    for path in paths:
        for obj in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            if obj:
                found[obj["kind"], obj["metadata"]["name"]] = obj
    return found


@cache
def ours() -> Objects:
    """The types that we ship."""
    folders = ("component-types", "project", "resource-types", "traits", "workflows")
    return read([path for folder in folders for path in sorted((PLATFORM / folder).iterdir())])


@cache
def theirs() -> Objects:
    """What upstream's getting-started holds."""
    return read([fixture(SAMPLE)])


def with_our_types(inputs: dict[str, Any]) -> dict[str, Any] | None:
    """The recorded inputs with our component type and traits; None where we ship no such type."""
    recorded_type = inputs["componentType"]
    name = recorded_type["metadata"]["name"].partition("/")[2]
    found = ours().get(("ClusterComponentType", name))
    if found is None:
        return None
    traits = [
        {**trait, "spec": own["spec"]}
        if (own := ours().get(("ClusterTrait", trait["metadata"]["name"])))
        else trait
        for trait in inputs["traits"] or ()
    ]
    return {
        **inputs,
        "componentType": {**recorded_type, "spec": found["spec"]},
        "traits": traits,
    }


def recorded_with_a_default_type() -> list[Any]:
    """Recorded renderings of components whose type is one that we ship."""
    found = []
    for path in recorded("render"):
        content = load(path)
        for number, case in enumerate(content["cases"] if content.get("base") else ()):
            inputs = with_our_types({**content["base"], **case.get("inputs", {})})
            if inputs and "setup_error" not in case and "componentType" not in case["inputs"]:
                title = f"{path.stem}-{case['plane']}-{case['variant']}-{number}"
                found.append(pytest.param({**case, "inputs": inputs}, id=title))
    reason = f"no recordings of render in {GOLDENS}; set CHOREO_GOLDENS"
    return found or [pytest.param({}, marks=pytest.mark.skip(reason=reason))]


@pytest.mark.parametrize("case", recorded_with_a_default_type())
def test_our_component_types_and_traits_render_what_upstreams_do(case: dict[str, Any]) -> None:
    inputs = inputs_of(case["inputs"])
    if case["error"]:
        with pytest.raises(RenderError):
            component.render(inputs)
        return
    rendered = component.render(inputs)
    assert [
        {"resource": each.manifest, "targetPlane": each.target_plane} for each in rendered.resources
    ] == case["output"]["resources"]


def test_we_ship_every_object_of_upstreams_getting_started() -> None:
    assert set(theirs()) <= set(ours())


def without_words(node: Any) -> Any:
    """A schema without its descriptions."""
    if isinstance(node, dict):
        return {
            key: without_words(child)
            for key, child in node.items()
            if key != "description" or not isinstance(child, str)
        }
    return [without_words(item) for item in node] if isinstance(node, list) else node


TYPES = sorted(key for key in ours() if key[0].startswith("Cluster"))


@pytest.mark.parametrize("key", TYPES, ids="-".join)
@pytest.mark.parametrize("section", ["parameters", "environmentConfigs"])
def test_our_types_ask_for_the_same_values(key: tuple[str, str], section: str) -> None:
    mine, upstreams = ours()[key]["spec"], theirs()[key]["spec"]
    for spec in (mine, upstreams):
        spec.setdefault(section, {})
    if not upstreams[section]:
        assert not mine[section]
        return
    assert without_words(schema.resolved(mine[section])) == without_words(
        schema.resolved(upstreams[section])
    )


@pytest.mark.parametrize("key", TYPES, ids="-".join)
@pytest.mark.parametrize("section", ["allowedTraits", "allowedWorkflows"])
def test_our_types_allow_the_same(key: tuple[str, str], section: str) -> None:
    allowed = [
        sorted((each["kind"], each["name"]) for each in obj["spec"].get(section) or ())
        for obj in (ours()[key], theirs()[key])
    ]
    assert allowed[0] == allowed[1]


def resource_inputs(obj: dict[str, Any], gateway: str, *, console: bool) -> typeinputs.TypeInputs:
    """An OpenChoreo Resource `db` of a type, in development."""
    gateways = {"gateway": GATEWAYS[gateway]} if GATEWAYS[gateway] else {}
    return typeinputs.TypeInputs(
        type_spec=obj["spec"],
        metadata={
            "name": "r-db-development-0a1b2c3d",
            "namespace": "dp-default-shop-development-0a1b2c3d",
            "resourceName": "db",
            "resourceNamespace": "default",
            "environmentName": "development",
            "labels": {"openchoreo.dev/resource": "db"},
            "annotations": {},
        },
        data_plane=gateways,
        environment=gateways,
        environment_configs={"adminEnabled": console},
    )


def rendered_resource(obj: dict[str, Any], gateway: str, *, console: bool) -> Any:
    """Objects, outputs and readiness; the text of start-up scripts is each author's own."""
    inputs = resource_inputs(obj, gateway, console=console)
    entries = [entry.as_resource() for entry in resource.render(inputs)]
    for entry in entries:
        if entry["id"] == "init-scripts":
            entry["object"]["data"] = sorted(entry["object"]["data"])
    outputs = resource.outputs(inputs, {})
    ready = {}
    for template in obj["spec"]["resources"]:
        for count in (0, 1, 2) if "readyWhen" in template else ():
            live = {template["id"]: {"replicas": 1, "readyReplicas": count}}
            ready[count] = resource.ready_when(inputs, template["readyWhen"], live)
    return entries, outputs.resolved, bool(outputs.failure), ready


@pytest.mark.parametrize("name", RESOURCE_TYPES)
@pytest.mark.parametrize("gateway", sorted(GATEWAYS))
@pytest.mark.parametrize("console", [False, True])
def test_our_resource_types_render_what_upstreams_do(
    name: str, gateway: str, console: bool
) -> None:
    key = ("ClusterResourceType", name)
    outcomes = []
    for source in (ours(), theirs()):
        try:
            outcomes.append(rendered_resource(source[key], gateway, console=console))
        except RenderError:
            outcomes.append("fails")
    assert outcomes[0] == outcomes[1]
    assert outcomes[0] != "fails" or gateway == "none"


SECRET = {
    "spec": {
        "template": {"type": "kubernetes.io/basic-auth"},
        "data": [
            {"secretKey": "username", "remoteRef": {"key": "git", "property": "user"}},
            {"secretKey": "password", "remoteRef": {"key": "git", "property": ""}},
            {"secretKey": "token", "remoteRef": {"key": "token"}},
        ],
    }
}


@pytest.mark.parametrize("name", WORKFLOWS)
@pytest.mark.parametrize("secret", ["", "git-secret"])
def test_our_workflows_render_what_upstreams_do(name: str, secret: str) -> None:
    parameters = {
        "repository": {"url": "https://git.example/shop", "secretRef": secret},
        "buildEnv": [{"name": "A", "value": "1"}],
    }
    rendered = [
        workflow.render(
            workflow.WorkflowInputs(
                workflow=source["ClusterWorkflow", name],
                run={"spec": {"workflow": {"name": name, "parameters": parameters}}},
                namespace="default",
                run_name="greeter-1",
                secret_store="default",
                external_refs={"git-secret-reference": SECRET} if secret else {},
                labels={
                    "openchoreo.dev/project": "shop",
                    "openchoreo.dev/component": "greeter",
                },
            )
        )
        for source in (ours(), theirs())
    ]
    assert rendered[0] == rendered[1]
    assert len(rendered[0].resources) == (2 if secret else 1)


@pytest.mark.parametrize(
    "configs", [None, {"namespaceLabels": {"a": "b"}, "namespaceAnnotations": {"c": "d"}}]
)
def test_our_project_type_renders_what_upstreams_does(configs: dict[str, Any] | None) -> None:
    key = ("ClusterProjectType", "default")
    rendered = [
        project.render(
            typeinputs.TypeInputs(
                type_spec=source[key]["spec"],
                parameters=None,
                environment_configs=configs,
                metadata={"namespace": "dp-x", "labels": {"openchoreo.dev/project": "shop"}},
                data_plane={},
                environment={},
            )
        )
        for source in (ours(), theirs())
    ]
    assert rendered[0] == rendered[1]


PLAIN_KINDS = ("DeploymentPipeline", "Environment", "Project", "ProjectReleaseBinding")


@pytest.mark.skipif(not (FIXTURES / SAMPLE).exists(), reason="upstream's samples are not here")
@pytest.mark.parametrize("kind", PLAIN_KINDS)
def test_our_default_project_and_its_environments_are_upstreams(kind: str) -> None:
    for key in (key for key in theirs() if key[0] == kind):
        mine, upstreams = ours()[key], theirs()[key]
        assert mine["spec"] == upstreams["spec"]
        assert mine["metadata"].get("labels") == upstreams["metadata"].get("labels")
