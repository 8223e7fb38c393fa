"""What templates see of the platform: metadata, data plane, environment, gateway; pure.

Public: `component_metadata(…)`, `project_metadata(…)`, `resource_metadata(…)`, `data_plane(obj)`,
`environment(obj, data_plane)`, `gateway(…)`, `require(…)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from choreo_local.api import labels

from . import names
from .errors import RenderError

Manifest = Mapping[str, Any]

_DIRECTIONS = ("ingress", "egress")
_SIDES = ("external", "internal")
_LISTENERS = ("http", "https", "tls")


def component_metadata(
    component: Manifest,
    *,
    project: Manifest,
    environment: Manifest,
    data_plane: Manifest,
) -> dict[str, Any]:
    """`metadata` of component and trait templates."""
    shared = _shared(project, environment, data_plane)
    meta = component["metadata"]
    namespace = str(meta.get("namespace", ""))
    standard = {
        **_labels(namespace, shared),
        labels.COMPONENT: meta["name"],
        labels.COMPONENT_UID: meta.get("uid", ""),
    }
    return {
        **shared,
        "name": names.component_base(meta["name"], shared["environmentName"]),
        "namespace": _cell(namespace, shared),
        "componentNamespace": namespace,
        "componentName": meta["name"],
        "componentUID": meta.get("uid", ""),
        "labels": standard,
        "annotations": {},
        "podSelectors": dict(standard),
    }


def project_metadata(
    project: Manifest,
    *,
    binding: Manifest,
    environment: Manifest,
    data_plane: Manifest,
) -> dict[str, Any]:
    """`metadata` of project type templates."""
    shared = _shared(project, environment, data_plane)
    namespace = str(project["metadata"].get("namespace", ""))
    return {
        **shared,
        "namespace": _cell(namespace, shared),
        "projectNamespace": namespace,
        "labels": _labels(namespace, shared),
        "annotations": _annotations(binding),
    }


def resource_metadata(
    resource: Manifest,
    *,
    binding: Manifest,
    project: Manifest,
    environment: Manifest,
    data_plane: Manifest,
) -> dict[str, Any]:
    """`metadata` of resource type templates."""
    shared = _shared(project, environment, data_plane)
    meta = resource["metadata"]
    namespace = str(meta.get("namespace", ""))
    return {
        **shared,
        "name": names.resource_base(meta["name"], shared["environmentName"]),
        "namespace": _cell(namespace, shared),
        "resourceNamespace": namespace,
        "resourceName": meta["name"],
        "resourceUID": meta.get("uid", ""),
        "labels": {
            **_labels(namespace, shared),
            labels.RESOURCE: meta["name"],
            labels.RESOURCE_UID: meta.get("uid", ""),
        },
        "annotations": _annotations(binding),
    }


def data_plane(obj: Manifest, *, with_annotations: bool = False) -> dict[str, Any]:
    """`dataplane`: what a template may know of a DataPlane or ClusterDataPlane."""
    spec = obj.get("spec") or {}
    store = (spec.get("secretStoreRef") or {}).get("name")
    reference = spec.get("observabilityPlaneRef")
    annotations = (obj.get("metadata") or {}).get("annotations")
    is_cluster_scoped = obj.get("kind") == "ClusterDataPlane"
    default_kind = "ClusterObservabilityPlane" if is_cluster_scoped else "ObservabilityPlane"
    return {
        **({"secretStore": store} if store else {}),
        **_present("gateway", gateway(spec.get("gateway"))),
        **(
            {
                "observabilityPlaneRef": {
                    "kind": reference.get("kind") or default_kind,
                    "name": reference.get("name", ""),
                }
            }
            if reference
            else {}
        ),
        **({"annotations": annotations} if annotations and with_annotations else {}),
    }


def environment(obj: Manifest, plane: Manifest, *, channel: str = "") -> dict[str, Any]:
    """`environment`: its gateways, laid over those of the data plane, and its default channel."""
    return {
        **_present("gateway", merged_gateway(obj, plane)),
        **({"defaultNotificationChannel": channel} if channel else {}),
    }


def merged_gateway(environment: Manifest, plane: Manifest) -> dict[str, Any]:
    """The gateways in effect: each one is the environment's if it names it, else the plane's."""
    own = (environment.get("spec") or {}).get("gateway") or {}
    base = (plane.get("spec") or {}).get("gateway") or {}
    return gateway(
        {
            direction: {
                side: (own.get(direction) or {}).get(side) or (base.get(direction) or {}).get(side)
                for side in _SIDES
            }
            for direction in _DIRECTIONS
        }
    )


def gateway(spec: Manifest | None) -> dict[str, Any]:
    """A gateway spec without what is empty, at every level."""
    result: dict[str, Any] = {}
    for direction in _DIRECTIONS:
        sides = (spec or {}).get(direction) or {}
        found = {}
        for side in _SIDES:
            found.update(_present(side, _gateway_endpoint(sides.get(side) or {})))
        result.update(_present(direction, found))
    return result


def require(metadata: Manifest, fields: tuple[str, ...]) -> None:
    """Refuse a render whose metadata lacks something; names and labels depend on all of it.

    Raises:
        RenderError: a field is empty; names it.
    """
    for field in fields:
        if not metadata.get(field):
            name = field[0].upper() + field[1:]
            raise RenderError(f"input.Metadata.{name} is empty")


def _gateway_endpoint(spec: Manifest) -> dict[str, Any]:
    result = {field: spec[field] for field in ("name", "namespace") if spec.get(field)}
    for name in _LISTENERS:
        listener = spec.get(name) or {}
        shown = {f: listener[f] for f in ("listenerName", "port", "host") if listener.get(f)}
        result.update(_present(name, shown))
    return result


def _present(key: str, value: dict[str, Any]) -> dict[str, Any]:
    return {key: value} if value else {}


def _shared(project: Manifest, environment: Manifest, plane: Manifest) -> dict[str, Any]:
    result = {}
    for word, obj in (("project", project), ("environment", environment), ("dataPlane", plane)):
        result[f"{word}Name"] = obj["metadata"]["name"]
        result[f"{word}UID"] = obj["metadata"].get("uid", "")
    return result


def _cell(namespace: str, shared: Manifest) -> str:
    return names.cell_namespace(namespace, shared["projectName"], shared["environmentName"])


def _labels(namespace: str, shared: Manifest) -> dict[str, str]:
    return {
        labels.NAMESPACE: namespace,
        labels.PROJECT: shared["projectName"],
        labels.PROJECT_UID: shared["projectUID"],
        labels.ENVIRONMENT: shared["environmentName"],
        labels.ENVIRONMENT_UID: shared["environmentUID"],
    }


def _annotations(binding: Manifest) -> dict[str, str]:
    return dict(binding["metadata"].get("annotations") or {})
