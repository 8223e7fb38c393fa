"""What rendering offers to templates is what the checks believe."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.admission import contexts
from choreo_local.admission.celchecks import ExpressionError, TypedEnvironment
from choreo_local.cel import types
from choreo_local.cel.types import Kind, ObjectType, Type
from choreo_local.rendering import context, values, variables
from tests.rendering import objects

NOTHING = types.object_of("Nothing", {})
LISTENER = {"listenerName": "l", "port": 80, "host": "h"}
GATEWAY = {
    direction: {
        side: {"name": "g", "namespace": "n", "http": LISTENER, "https": LISTENER, "tls": LISTENER}
        for side in ("external", "internal")
    }
    for direction in ("ingress", "egress")
}
PLANE = {
    "kind": "DataPlane",
    "metadata": {"name": "dp", "uid": "d", "annotations": {"a": "b"}},
    "spec": {
        "gateway": GATEWAY,
        "secretStoreRef": {"name": "store"},
        "observabilityPlaneRef": {"kind": "ObservabilityPlane", "name": "o"},
    },
}
SECRET = {"valueFrom": {"secretKeyRef": {"name": "ref", "key": "k"}}}
WORKLOAD = {
    "spec": {
        "container": {
            "image": "i",
            "command": ["c"],
            "args": ["a"],
            "env": [{"key": "A", "value": "1"}, {"key": "B", **SECRET}],
            "files": [
                {"key": "f", "mountPath": "/f", "value": "x"},
                {"key": "g", "mountPath": "/g", **SECRET},
            ],
        },
        "endpoints": {
            "http": {
                "type": "HTTP",
                "port": 80,
                "targetPort": 8080,
                "visibility": ["external"],
                "displayName": "d",
                "basePath": "/",
                "schema": {"type": "openapi", "content": '{"paths": {"/a": {"get": {}}}}'},
            }
        },
    }
}
REMOTE = {"secretKey": "k", "remoteRef": {"key": "r", "property": "p", "version": "1"}}
KEY = {"name": "s", "key": "k"}
NEVER = (
    "endpointResources[][].service",
    *("configs.envs[].remoteRef", "configs.files[].remoteRef"),
    *("configEnvs[].envs[].remoteRef", "configFileList[].remoteRef"),
)
ENV_VARS = [
    {"name": "A", "value": "1"},
    {"name": "B", "valueFrom": {"secretKeyRef": KEY}},
    {"name": "C", "valueFrom": {"configMapKeyRef": KEY}},
]
CONNECTION = {
    **dict.fromkeys(("namespace", "project", "component", "endpoint", "visibility"), "x"),
    "envVars": ENV_VARS,
}
DEPENDENCY = {
    "ref": "db",
    "envVars": ENV_VARS,
    "volumeMounts": [{"name": "v", "mountPath": "/v", "subPath": "k"}],
    "volumes": [
        {"name": "v", "secret": {"secretName": "s"}},
        {"name": "w", "configMap": {"name": "c"}},
    ],
}


def component_variables() -> dict[str, Any]:
    """Variables in which everything is there that can be."""
    probe = {"id": "a", "template": {"a": "${workload.toEndpointResources('http')}"}}
    inputs = objects.inputs(
        objects.component_type(probe),
        workload=WORKLOAD,
        data_plane=PLANE,
        secret_references={"ref": {"spec": {"data": [REMOTE]}}},
        dependency_items=[CONNECTION],
        resource_dependency_items=[DEPENDENCY],
        default_notification_channel="channel",
    )
    return variables.shared(inputs)


def strays(value: Any, type_: Type, path: str) -> list[str]:
    """Where a value is not what its type says."""
    if isinstance(type_, ObjectType):
        found = [f"{path}.{key}" for key in value if key not in type_.fields]
        for key, entry in type_.fields.items():
            found += strays(value[key], entry.type, f"{path}.{key}") if key in value else []
        return found
    if type_.kind is Kind.MAP:
        return [
            p for key in value for p in strays(value[key], type_.parameters[1], f"{path}.{key}")
        ]
    if type_.kind is Kind.LIST:
        return [p for item in value for p in strays(item, type_.parameters[0], f"{path}[]")]
    wanted = {Kind.STRING: str, Kind.INT: float}[type_.kind]
    return [] if isinstance(value, wanted) else [path]


def never_seen(value: Any, type_: Type, path: str) -> list[str]:
    """Fields of a type that the value does not have in any of its elements."""
    if isinstance(type_, ObjectType):
        found = [f"{path}.{key}" for key in type_.fields if key not in value]
        for key, entry in type_.fields.items():
            found += never_seen(value[key], entry.type, f"{path}.{key}") if key in value else []
        return found
    if type_.kind in (Kind.LIST, Kind.MAP) and type_.parameters[-1].kind is Kind.OBJECT:
        items = list(value.values()) if isinstance(value, dict) else value
        assert items, path
        each = [set(never_seen(item, type_.parameters[-1], f"{path}[]")) for item in items]
        return sorted(set.intersection(*each))
    return []


def type_of(environment: TypedEnvironment, name: str) -> Type:
    return environment.check(name).type


@pytest.mark.parametrize("name", sorted(component_variables()))
def test_components_get_what_is_declared(name: str) -> None:
    declared = type_of(contexts.component(NOTHING, NOTHING), name)
    assert strays(component_variables()[name], declared, name) == []


@pytest.mark.parametrize("name", sorted(component_variables()))
def test_nothing_is_declared_that_components_never_get(name: str) -> None:
    declared = type_of(contexts.component(NOTHING, NOTHING), name)
    missing = never_seen(component_variables()[name], declared, name)
    # Operations of OpenAPI have no service, and what is no secret refers to none.
    assert [path for path in missing if not path.endswith(NEVER)] == []


def test_resources_get_what_is_declared() -> None:
    plane = context.data_plane(PLANE)
    environment = context.environment(objects.ENVIRONMENT, PLANE)
    metadata = context.resource_metadata(
        objects.COMPONENT,
        binding=objects.PROJECT,
        project=objects.PROJECT,
        environment=objects.ENVIRONMENT,
        data_plane=PLANE,
    )
    given = {"metadata": metadata, "dataplane": plane, "environment": environment}
    for name, value in given.items():
        declared = type_of(contexts.resource(NOTHING, NOTHING), name)
        assert strays(values.as_context(value), declared, name) == []
        assert never_seen(value, declared, name) == []


def test_only_traits_know_their_own_name() -> None:
    assert contexts.trait(NOTHING, NOTHING).check("trait.instanceName").type == types.STRING
    with pytest.raises(ExpressionError, match="undeclared"):
        contexts.component(NOTHING, NOTHING).check("trait.instanceName")


def test_only_what_is_said_after_applying_knows_what_was_applied() -> None:
    applied = contexts.applied(NOTHING, NOTHING).check("applied.a.status.ready")
    assert (applied.type, applied.fields) == (types.DYN, ("a",))
    with pytest.raises(ExpressionError, match="undeclared"):
        contexts.resource(NOTHING, NOTHING).check("applied.a.status.ready")


def test_resource_types_have_no_receivers_of_components() -> None:
    text = "configurations.toVolumes()"
    assert contexts.component(NOTHING, NOTHING).check(text).type.kind is Kind.LIST
    with pytest.raises(ExpressionError):
        contexts.resource(NOTHING, NOTHING).check(text)


def test_volumes_of_configurations_and_dependencies_add_up() -> None:
    environment = contexts.component(NOTHING, NOTHING)
    for method in ("toVolumes", "toContainerVolumeMounts"):
        environment.check(f"configurations.{method}() + dependencies.{method}()")
    environment.check("workload.toEndpointResources('http').orValue([]).map(r, r.path)")
