"""Specs with working defaults, and short ways to ask what is wrong with them."""

from __future__ import annotations

from typing import Any

from choreo_local.admission import registry

Spec = dict[str, Any]


def schema(**properties: Any) -> Spec:
    """A section whose schema is an object with these properties; a text is a type."""
    shaped = {
        name: {"type": value} if isinstance(value, str) else value
        for name, value in properties.items()
    }
    return {"openAPIV3Schema": {"type": "object", "properties": shaped}}


def template(kind: Any = "ConfigMap", **content: Any) -> Spec:
    """A manifest in which nothing is missing."""
    metadata = {"name": "${metadata.name}"}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **content}


def data(text: str) -> Spec:
    """A ConfigMap with one text."""
    return template(data={"a": text})


def component_type(*resources: Any, **spec: Any) -> Spec:
    """The spec of a component type that runs a Deployment."""
    deployment = {"id": "deployment", "template": template("Deployment")}
    return {"workloadType": "deployment", "resources": [deployment, *resources], **spec}


def patch(*operations: Any, **entry: Any) -> Spec:
    """A patch of Deployments."""
    target = {"group": "apps", "version": "v1", "kind": "Deployment"}
    return {"target": target, "operations": list(operations), **entry}


def release(type_: Spec | None = None, **spec: Any) -> Spec:
    """The spec of a component release."""
    return {
        "componentType": {"kind": "ComponentType", "name": "t", "spec": type_ or component_type()},
        "owner": {"componentName": "c", "projectName": "p"},
        "workload": {"container": {"image": "i"}},
        **spec,
    }


def complaints(kind: str, spec: Any, operation: str = "CREATE") -> list[tuple[str, str]]:
    """Field and message of each problem of an object with this spec."""
    obj = {"kind": kind, "metadata": {"name": "x"}, "spec": spec}
    return [(cause.field, cause.message) for cause in registry.review(operation, kind, obj).causes]


def messages(kind: str, spec: Any) -> list[str]:
    """Only the messages."""
    return [message for _, message in complaints(kind, spec)]


def fields(kind: str, spec: Any) -> list[str]:
    """Only the fields."""
    return [field for field, _ in complaints(kind, spec)]
