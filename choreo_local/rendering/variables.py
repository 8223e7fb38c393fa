"""The variables of component and trait templates, put together from a component's inputs; pure.

Used by the component pipeline alone; the parts are in `context`, `workload` and `derived`.

Public: `shared(inputs)`, `parameters(spec, …)`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from . import apiresources, context, derived, schema, values
from . import workload as workloads
from .functions import DERIVED
from .inputs import ComponentInputs

Manifest = Mapping[str, Any]

_CONNECTION_FIELDS = ("namespace", "project", "component", "endpoint", "visibility")
_RESOURCE_LISTS = ("envVars", "volumeMounts", "volumes")


def shared(inputs: ComponentInputs) -> dict[str, Any]:
    """The variables that the component and all its traits see alike."""
    workload = workloads.merged(
        inputs.workload.get("spec") or {}, inputs.binding_spec.get("workloadOverrides")
    )
    environment = context.environment(
        inputs.environment, inputs.data_plane, channel=inputs.default_notification_channel
    )
    variables: dict[str, Any] = {
        "metadata": dict(inputs.metadata),
        "workload": workloads.data(workload),
        "configurations": workloads.configurations(workload, inputs.secret_references),
        "dependencies": _dependencies(inputs.dependency_items, inputs.resource_dependency_items),
        "dataplane": context.data_plane(inputs.data_plane, with_annotations=True),
        "environment": environment,
    }
    # Absent rather than empty: templates then fail to compile, as they do upstream.
    if environment.get("gateway"):
        variables["gateway"] = environment["gateway"]
    variables[DERIVED] = derived.build(
        component=str(inputs.metadata["componentName"]),
        environment=str(inputs.metadata["environmentName"]),
        configurations=variables["configurations"],
        workload=variables["workload"],
        dependencies=variables["dependencies"],
        endpoint_resources=_endpoint_resources(inputs, workload.get("endpoints") or {}),
    )
    return {name: values.as_context(value) for name, value in variables.items()}


def parameters(spec: Manifest, given: Any, environment_configs: Any) -> dict[str, Any]:
    """`parameters` and `environmentConfigs` by the schemas of a type or trait.

    Without a schema for them values are dropped, unlike in the other pipelines.

    Raises:
        RenderError: values violate their schema.
    """
    result: dict[str, Any] = {}
    by_name = {"parameters": given, "environmentConfigs": environment_configs}
    for name, value in by_name.items():
        section = spec.get(name)
        if not section or section.get("openAPIV3Schema") is None:
            result[name] = {}
            continue
        completed = schema.defaulted(section, value)
        schema.check(section, completed, name)
        result[name] = values.as_context(completed)
    return result


def _endpoint_resources(
    inputs: ComponentInputs, endpoints: Mapping[str, Manifest]
) -> dict[str, Any]:
    described = any(
        (endpoint.get("schema") or {}).get("content") for endpoint in endpoints.values()
    )
    if not described:
        return {}
    specs = [inputs.component_type.get("spec"), *(trait.get("spec") for trait in inputs.traits)]
    return apiresources.extract(endpoints) if apiresources.is_wanted(*specs) else {}


def _dependencies(
    connections: Sequence[Manifest] | None, resources: Sequence[Manifest] | None
) -> dict[str, Any]:
    items = [
        {
            **{field: item.get(field, "") for field in _CONNECTION_FIELDS},
            "envVars": list(item.get("envVars") or ()),
        }
        for item in connections or ()
    ]
    provided = [
        {
            "ref": item.get("ref", ""),
            **{field: list(item.get(field) or ()) for field in _RESOURCE_LISTS},
        }
        for item in resources or ()
    ]
    return {
        "items": items,
        "resources": provided,
        "envVars": [var for item in (*items, *provided) for var in item["envVars"]],
        "volumeMounts": [mount for item in provided for mount in item["volumeMounts"]],
        "volumes": [volume for item in provided for volume in item["volumes"]],
    }
