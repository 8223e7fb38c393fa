"""Objects with working defaults for the tests of the pipelines."""

from __future__ import annotations

from typing import Any

from choreo_local.rendering import component, context

ENVIRONMENT: dict[str, Any] = {
    "metadata": {"name": "dev", "namespace": "default", "uid": "e"},
    "spec": {},
}
DATA_PLANE: dict[str, Any] = {
    "kind": "ClusterDataPlane",
    "metadata": {"name": "dp", "uid": "d"},
    "spec": {"gateway": {"ingress": {"external": {"http": {"port": 19080}}}}},
}
PROJECT: dict[str, Any] = {"metadata": {"name": "shop", "namespace": "default", "uid": "p"}}
COMPONENT: dict[str, Any] = {"metadata": {"name": "web", "namespace": "default", "uid": "c"}}

DEPLOYMENT: dict[str, Any] = {
    "id": "deployment",
    "template": {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "${metadata.name}", "namespace": "${metadata.namespace}"},
        "spec": {
            "replicas": "${environmentConfigs.replicas}",
            "template": {"spec": {"containers": [{"image": "${workload.container.image}"}]}},
        },
    },
}
REPLICAS: dict[str, Any] = {
    "openAPIV3Schema": {
        "type": "object",
        "properties": {"replicas": {"type": "integer", "default": 1}},
    }
}


def component_type(*resources: Any, **spec: Any) -> dict[str, Any]:
    """A component type with a Deployment, and whatever else is given."""
    return {
        "metadata": {"name": "deployment/service"},
        "spec": {
            "workloadType": "deployment",
            "environmentConfigs": REPLICAS,
            "resources": [DEPLOYMENT, *resources],
            **spec,
        },
    }


def trait(name: str, kind: str = "Trait", **spec: Any) -> dict[str, Any]:
    """A trait."""
    return {"kind": kind, "metadata": {"name": name}, "spec": spec}


def inputs(type_: dict[str, Any] | None = None, **changes: Any) -> component.ComponentInputs:
    """Inputs of the component pipeline."""
    given: dict[str, Any] = {
        "component_type": type_ or component_type(),
        "component": {"metadata": {"name": "web"}, "spec": {}},
        "workload": {"spec": {"container": {"image": "img"}}},
        "environment": ENVIRONMENT,
        "data_plane": DATA_PLANE,
        "metadata": context.component_metadata(
            COMPONENT, project=PROJECT, environment=ENVIRONMENT, data_plane=DATA_PLANE
        ),
    }
    return component.ComponentInputs(**{**given, **changes})


def config_map(name: str, **data: str) -> dict[str, Any]:
    """A resource of a type that makes a ConfigMap."""
    return {
        "id": name,
        "template": {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name},
            "data": data,
        },
    }
