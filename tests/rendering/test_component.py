"""The component pipeline."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from choreo_local.api import labels
from choreo_local.rendering import component, release
from choreo_local.rendering.errors import RenderError
from tests.rendering import objects


def rendered(type_: dict[str, Any] | None = None, **changes: Any) -> list[dict[str, Any]]:
    return component.render(objects.inputs(type_, **changes)).on("dataplane")


def message(type_: dict[str, Any] | None = None, **changes: Any) -> str:
    with pytest.raises(RenderError) as failure:
        component.render(objects.inputs(type_, **changes))
    return failure.value.message


def test_manifests_carry_labels_integers_and_the_order_of_their_kinds() -> None:
    found = rendered(objects.component_type(objects.config_map("b"), objects.config_map("a")))

    assert [(m["kind"], m["metadata"]["name"][:1]) for m in found] == [
        ("ConfigMap", "a"),
        ("ConfigMap", "b"),
        ("Deployment", "w"),
    ]
    assert all(m["metadata"]["labels"][labels.COMPONENT] == "web" for m in found)
    assert type(found[2]["spec"]["replicas"]) is int


def test_environment_changes_what_the_binding_says() -> None:
    binding = {
        "spec": {
            "componentTypeEnvironmentConfigs": {"replicas": 3},
            "workloadOverrides": {"container": {"env": [{"key": "A", "value": "1"}]}},
        }
    }

    assert rendered(release_binding=binding)[0]["spec"]["replicas"] == 3


def test_pods_roll_when_what_stands_beside_them_changes() -> None:
    def resource_hash(**data: str) -> str:
        found = rendered(objects.component_type(objects.config_map("c", **data)))
        annotations = found[1]["spec"]["template"]["metadata"]["annotations"]
        return str(annotations[labels.RESOURCE_HASH])

    assert resource_hash(a="1") == resource_hash(a="1")
    assert resource_hash(a="1") != resource_hash(a="2")
    assert "metadata" not in rendered()[0]["spec"]["template"]


def test_embedded_trait_reads_the_component_and_the_own_trait_does_not() -> None:
    creates = [objects.config_map("${trait.instanceName}", port="${string(parameters.port)}")]
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"port": {"type": "integer"}}}}
    loaded = [objects.trait("conf", creates=creates, parameters=schema)]
    embedded = {"name": "conf", "instanceName": "one", "parameters": {"port": "${parameters.p}"}}
    type_ = objects.component_type(
        traits=[embedded],
        parameters={"openAPIV3Schema": {"properties": {"p": {"default": 80}}}},
    )
    own = {"name": "conf", "instanceName": "two", "parameters": {"port": 81}}
    spec = {"metadata": {"name": "web"}, "spec": {"traits": [own]}}

    found = rendered(type_, traits=loaded, component=spec)

    assert [(m["metadata"]["name"], m["data"]) for m in found[:2]] == [
        ("one", {"port": "80"}),
        ("two", {"port": "81"}),
    ]


def test_trait_and_cluster_trait_of_one_name_are_two() -> None:
    loaded = [
        objects.trait("t", creates=[objects.config_map("namespaced")]),
        objects.trait("t", "ClusterTrait", creates=[objects.config_map("clustered")]),
    ]
    uses = [{"kind": "ClusterTrait", "name": "t", "instanceName": "i"}]

    found = rendered(traits=loaded, component={"metadata": {}, "spec": {"traits": uses}})

    assert found[0]["metadata"]["name"] == "clustered"


def test_manifests_for_the_observability_plane_are_apart() -> None:
    rule = {"template": {"apiVersion": "v1", "kind": "Rule", "metadata": {"name": "r"}}}
    loaded = [objects.trait("t", creates=[{**rule, "targetPlane": "observabilityplane"}])]
    uses = [{"name": "t", "instanceName": "i"}]

    found = component.render(
        objects.inputs(traits=loaded, component={"metadata": {}, "spec": {"traits": uses}})
    )

    assert [m["kind"] for m in found.on("observabilityplane")] == ["Rule"]
    assert (found.base_resource_count, found.trait_count) == (1, 1)


def test_parameters_without_a_schema_are_dropped() -> None:
    type_ = objects.component_type(
        objects.config_map("c", x="${has(parameters.a) ? 'kept' : 'dropped'}")
    )
    spec = {"metadata": {"name": "web"}, "spec": {"parameters": {"a": 1}}}

    assert rendered(type_, component=spec)[0]["data"] == {"x": "dropped"}


def test_inputs_are_not_changed() -> None:
    patches = [
        {
            "target": {"kind": "Deployment"},
            "operations": [{"op": "add", "path": "/metadata/annotations/a", "value": "1"}],
        }
    ]
    given = objects.inputs(
        traits=[objects.trait("t", patches=patches)],
        component={"metadata": {}, "spec": {"traits": [{"name": "t", "instanceName": "i"}]}},
    )
    before = copy.deepcopy(given)

    first, second = component.render(given), component.render(given)

    assert given == before
    assert first == second


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {"component": {"spec": {"traits": [{"name": "no", "instanceName": "i"}]}}},
            "trait Trait:no not found",
        ),
        (
            {
                "release_binding": {
                    "spec": {"componentTypeEnvironmentConfigs": {"replicas": "many"}}
                }
            },
            "failed to build component context: environmentConfigs validation failed: "
            'replicas must be of type integer: "string"',
        ),
        ({"metadata": {"name": "x"}}, "input.Metadata.Namespace is empty"),
    ],
)
def test_failing_render_says_which_part_and_why(changes: dict[str, Any], text: str) -> None:
    assert message(**changes) == text


def test_failing_template_names_its_resource() -> None:
    type_ = objects.component_type(objects.config_map("conf", a="${parameters.nope}"))

    assert message(type_) == (
        "failed to render base resources: failed to render template for resource conf: "
        "CEL evaluation error in expression 'parameters.nope': no such key: nope"
    )


def test_template_sees_no_gateway_where_there_is_none() -> None:
    type_ = objects.component_type(objects.config_map("c", a="${has(gateway.ingress) ? 'y' : ''}"))
    bare = {**objects.DATA_PLANE, "spec": {}}

    assert rendered(type_)[0]["data"] == {"a": "y"}
    assert "undeclared reference to 'gateway'" in message(type_, data_plane=bare)


def test_release_and_live_objects_give_the_inputs() -> None:
    owner = {
        **objects.COMPONENT,
        "spec": {
            "owner": {"projectName": "shop"},
            "componentType": {"name": "deployment/service"},
            "traits": [{"name": "t", "instanceName": "i"}],
        },
    }
    frozen = release.component_release(
        owner,
        objects.component_type(),
        workload={"spec": {"owner": {}, "container": {"image": "img"}}},
        traits=[objects.trait("t", creates=[objects.config_map("c")])],
    )

    inputs = component.inputs_of_release(
        frozen.manifest,
        binding={"spec": {}},
        component=owner,
        project=objects.PROJECT,
        environment=objects.ENVIRONMENT,
        data_plane=objects.DATA_PLANE,
    )

    assert [r.manifest["kind"] for r in component.render(inputs).resources] == [
        "ConfigMap",
        "Deployment",
    ]
