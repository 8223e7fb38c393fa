"""The project pipeline."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.rendering import project, typeinputs
from choreo_local.rendering.errors import RenderError
from tests.rendering import objects

NAMESPACE = {
    "id": "cell",
    "template": {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "${metadata.namespace}", "labels": "${metadata.labels}"},
    },
}


def inputs(*resources: Any, parameters: Any = None, **spec: Any) -> typeinputs.TypeInputs:
    release = {
        "spec": {
            "projectType": {"spec": {"resources": [NAMESPACE, *resources], **spec}},
            "parameters": parameters,
        }
    }
    return project.inputs_of_release(
        release,
        binding={"metadata": {}, "spec": {"environmentConfigs": {"n": 2}}},
        project=objects.PROJECT,
        environment=objects.ENVIRONMENT,
        data_plane=objects.DATA_PLANE,
    )


def test_cell_has_its_namespace_in_the_order_of_the_type() -> None:
    given = inputs(objects.config_map("c", p="${parameters.p}"), parameters={"p": "x"})

    found = project.render(given)

    assert [entry.id for entry in found] == ["cell", "c"]
    assert found[1].as_resource()["object"]["data"] == {"p": "x"}
    assert project.has_cell_namespace(found, given.metadata["namespace"])
    assert not project.has_cell_namespace(found, "other")


def test_loop_numbers_its_ids() -> None:
    entry = {**objects.config_map("c-${item}"), "id": "conf", "forEach": "${['a', 'b']}"}

    assert [found.id for found in project.render(inputs(entry))] == ["cell", "conf-0", "conf-1"]


def test_labels_are_not_added() -> None:
    assert "labels" not in project.render(inputs(objects.config_map("c")))[1].manifest["metadata"]


def test_values_pass_through_without_a_schema_and_are_not_validated_with_one() -> None:
    schema = {"openAPIV3Schema": {"properties": {"n": {"type": "string", "maxLength": 1}}}}
    entry = objects.config_map("c", n="${string(environmentConfigs.n)}")

    found = project.render(inputs(entry, environmentConfigs=schema))

    assert found[1].manifest["data"] == {"n": "2"}


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (
            inputs(validations=[{"rule": "${false}", "message": "m"}]),
            'project type validation failed: rule[0] "${false}" evaluated to false: m',
        ),
        (
            inputs({"id": "x", "includeWhen": "${1}"}),
            'evaluate includeWhen for resource "x": '
            "includeWhen must evaluate to boolean, got int64",
        ),
        (
            inputs({"id": "x", "template": "${'t'}"}),
            'render resource "x": must render to object, got string',
        ),
        (
            inputs({"id": "x", "template": {"kind": "A"}}),
            'render resource "x": rendered manifest missing apiVersion',
        ),
    ],
)
def test_failure_names_the_part(given: typeinputs.TypeInputs, text: str) -> None:
    with pytest.raises(RenderError) as failure:
        project.render(given)

    assert failure.value.message == text
