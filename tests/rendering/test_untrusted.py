"""Types, traits and parameters are untrusted: rendering gives manifests or a RenderError."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from choreo_local.rendering import (
    component,
    endpoints,
    networkpolicy,
    project,
    release,
    typeinputs,
    workflow,
)
from choreo_local.rendering.errors import RenderError
from tests.rendering import objects

TEXTS = st.sampled_from(
    [
        *("", "x", "metadata", "name", "kind", "apiVersion", "spec", "labels", "value", "[1]"),
        *("${metadata}", "${metadata.name}", "a${parameters}b", "${oc_omit()}", "${null}"),
        *("${[1, 2]}", "${{'a': 1.5}}", "${", "${}", "${no}", "${1/0}", "${lists.range(3)}"),
        *("v1", "Deployment", "apps/v1", "gateway.networking.k8s.io/v1", "HTTPRoute", "Service"),
        *("$ref", "#/$defs/A", "$defs", "properties", "object", "type", "default", "required"),
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(TEXTS, JSON, max_size=5)
ENTRY = st.fixed_dictionaries(
    {"template": JSON},
    optional={"id": TEXTS, "includeWhen": TEXTS, "forEach": TEXTS, "var": st.just("item")},
)
TARGET = st.fixed_dictionaries({}, optional={"kind": TEXTS, "group": TEXTS, "where": TEXTS})
OPERATION = st.fixed_dictionaries(
    {
        "op": st.sampled_from(["add", "replace", "remove", "mergeShallow", "x"]),
        "path": st.sampled_from(
            ["/metadata", "/spec/a/-", "/a[*]/b", "/metadata/0", "", "x[", "${1}"]
        ),
    },
    optional={"value": JSON},
)
TRAIT = st.fixed_dictionaries(
    {},
    optional={
        "creates": st.lists(ENTRY, max_size=2),
        "patches": st.lists(
            st.fixed_dictionaries(
                {"target": TARGET, "operations": st.lists(OPERATION, max_size=2)}
            ),
            max_size=2,
        ),
        "removes": st.lists(st.fixed_dictionaries({"target": TARGET}), max_size=2),
        "parameters": st.fixed_dictionaries({"openAPIV3Schema": OBJECTS}),
    },
)


@settings(max_examples=150, deadline=None)
@given(
    resources=st.lists(ENTRY, max_size=3),
    trait=TRAIT,
    section=OBJECTS,
    parameters=JSON,
    rule=TEXTS,
)
def test_component_renders_or_is_refused(
    resources: Any, trait: Any, section: Any, parameters: Any, rule: str
) -> None:
    type_ = objects.component_type(
        *resources,
        parameters={"openAPIV3Schema": section},
        postRenderValidations=[{"target": {}, "rule": rule}],
    )
    uses = [{"name": "t", "instanceName": "i", "parameters": parameters}]
    inputs = objects.inputs(
        type_,
        traits=[objects.trait("t", **trait)],
        component={"metadata": {"name": "web"}, "spec": {"parameters": parameters, "traits": uses}},
    )
    try:
        rendered = component.render(inputs)
    except RenderError as error:
        assert error.message  # noqa: PT017 - both outcomes are right
        return
    manifests = rendered.on("dataplane")
    json.dumps(manifests, allow_nan=False)
    assert len(release.resource_ids(manifests)) == len(manifests)


@settings(max_examples=150, deadline=None)
@given(st.lists(OBJECTS, max_size=4))
def test_endpoints_and_ids_take_any_manifest(manifests: list[dict[str, Any]]) -> None:
    workload = {"metadata": {"type": "HTTP", "port": 80}}

    found = endpoints.resolve(manifests, workload, environment={}, data_plane=objects.DATA_PLANE)

    assert isinstance(found, list)
    assert len(release.entries(manifests)) == len(manifests)
    networkpolicy.build(networkpolicy.Target("c", "n", "d", "e"), workload)


@settings(max_examples=100, deadline=None)
@given(resources=st.lists(ENTRY, max_size=3), given_values=JSON, section=OBJECTS)
def test_project_and_workflow_render_or_are_refused(
    resources: Any, given_values: Any, section: Any
) -> None:
    schema = {"openAPIV3Schema": section}
    of_project = typeinputs.TypeInputs(
        type_spec={"resources": resources, "parameters": schema},
        parameters=given_values,
        metadata={"namespace": "cell"},
        data_plane={},
        environment={},
    )
    of_workflow = workflow.WorkflowInputs(
        workflow={"spec": {"runTemplate": resources, "resources": resources, "parameters": schema}},
        run={"spec": {"workflow": {"parameters": given_values}}},
        namespace="default",
        run_name="run",
    )
    for render in (lambda: project.render(of_project), lambda: workflow.render(of_workflow)):
        try:
            render()
        except RenderError as error:
            assert error.message  # noqa: PT017 - both outcomes are right
