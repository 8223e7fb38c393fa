"""Objects with working defaults, for tests that give objects and compare objects."""

from __future__ import annotations

from typing import Any

API_VERSION = "openchoreo.dev/v1alpha1"


def obj(
    kind: str, name: str, spec: dict[str, Any] | None = None, **metadata: Any
) -> dict[str, Any]:
    """An OpenChoreo object as the API would return it."""
    status = metadata.pop("status", None)
    namespaced = {} if kind.startswith("Cluster") else {"namespace": "default"}
    content: dict[str, Any] = {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {
            "name": name,
            **namespaced,
            "uid": f"uid-{kind}-{name}",
            "generation": 1,
            "resourceVersion": "1",
            **metadata,
        },
        "spec": spec or {},
    }
    if status is not None:
        content["status"] = status
    return content


def component(name: str = "greeter", *, auto_deploy: bool = True, **spec: Any) -> dict[str, Any]:
    """A Component of type deployment/service in project shop."""
    return obj(
        "Component",
        name,
        {
            "owner": {"projectName": "shop"},
            "componentType": {"kind": "ClusterComponentType", "name": "deployment/service"},
            "autoDeploy": auto_deploy,
            **spec,
        },
    )


def component_type(**spec: Any) -> dict[str, Any]:
    """ClusterComponentType service, which renders one Deployment."""
    template = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "${metadata.name}", "namespace": "${metadata.namespace}"},
        "spec": {"image": "${workload.container.image}"},
    }
    resources = [{"id": "deployment", "template": template, "targetPlane": "dataplane"}]
    return obj(
        "ClusterComponentType",
        "service",
        {"workloadType": "deployment", "resources": resources, **spec},
    )


def workload(component_name: str = "greeter", **spec: Any) -> dict[str, Any]:
    """The Workload of a component."""
    return obj(
        "Workload",
        component_name,
        {
            "owner": {"projectName": "shop", "componentName": component_name},
            "container": {"image": "choreo.local/greeter:1.0"},
            "endpoints": {"http": {"type": "HTTP", "port": 9090}},
            **spec,
        },
    )


def project(name: str = "shop") -> dict[str, Any]:
    """A Project that uses the pipeline default."""
    return obj(
        "Project",
        name,
        {
            "deploymentPipelineRef": {"kind": "DeploymentPipeline", "name": "default"},
            "type": {"kind": "ClusterProjectType", "name": "default"},
        },
    )


def pipeline() -> dict[str, Any]:
    """development → staging → production."""

    def path(source: str, target: str) -> dict[str, Any]:
        return {
            "sourceEnvironmentRef": {"kind": "Environment", "name": source},
            "targetEnvironmentRefs": [{"kind": "Environment", "name": target}],
        }

    paths = [path("development", "staging"), path("staging", "production")]
    return obj("DeploymentPipeline", "default", {"promotionPaths": paths})


def environment(name: str = "development") -> dict[str, Any]:
    """An Environment on the default data plane."""
    reference = {"kind": "ClusterDataPlane", "name": "default"}
    return obj("Environment", name, {"dataPlaneRef": reference, "isProduction": False})


def data_plane() -> dict[str, Any]:
    """The default data plane with a gateway."""
    http = {"host": "openchoreoapis.localhost", "listenerName": "http", "port": 19080}
    external = {"name": "gateway-default", "namespace": "openchoreo-data-plane", "http": http}
    return obj(
        "ClusterDataPlane",
        "default",
        {"planeID": "default", "gateway": {"ingress": {"external": external}}},
    )


def release_binding(release: str = "greeter-1", **spec: Any) -> dict[str, Any]:
    """The binding of a component in development."""
    return obj(
        "ReleaseBinding",
        "greeter-development",
        {
            "owner": {"projectName": "shop", "componentName": "greeter"},
            "environment": "development",
            "releaseName": release,
            "state": "Active",
            **spec,
        },
    )


def deleting(found: dict[str, Any], *finalizers: str) -> dict[str, Any]:
    """The same object under deletion."""
    marks = {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": list(finalizers)}
    return {**found, "metadata": {**found["metadata"], **marks}}
