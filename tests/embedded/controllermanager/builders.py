"""Objects for the tests of control loops."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

NOW = datetime(2030, 1, 1, tzinfo=UTC)
MOMENT = "2030-01-01T00:00:00Z"
TEMPLATE: dict[str, Any] = {
    "metadata": {"labels": {"app": "web"}},
    "spec": {"containers": [{"name": "c", "image": "nginx"}]},
}


def metadata(name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "namespace": "default",
        "uid": f"uid-{name}",
        "resourceVersion": "1",
        "creationTimestamp": MOMENT,
        "generation": 1,
        **more,
    }


def template(image: str = "nginx") -> dict[str, Any]:
    return {**TEMPLATE, "spec": {"containers": [{"name": "c", "image": image}]}}


def deployment(replicas: int = 3, *, image: str = "nginx", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata("web"),
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": template(image),
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
            },
            "progressDeadlineSeconds": 600,
            "revisionHistoryLimit": 10,
            **spec,
        },
        "status": {},
    }


def pod(
    name: str,
    *,
    owner: dict[str, Any] | None = None,
    ready: bool = False,
    phase: str = "Running",
    labels: dict[str, str] | None = None,
    **more: Any,
) -> dict[str, Any]:
    made = metadata(name, labels={"app": "web"} if labels is None else labels, **more)
    if owner is not None:
        made["ownerReferences"] = [
            {
                "apiVersion": owner["apiVersion"],
                "kind": owner["kind"],
                "name": owner["metadata"]["name"],
                "uid": owner["metadata"]["uid"],
                "controller": True,
            }
        ]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": made,
        "spec": {"nodeName": "node", "containers": [{"name": "c", "image": "nginx"}]},
        "status": {
            "phase": phase,
            "podIP": "127.64.0.1",
            "conditions": [
                {
                    "type": "Ready",
                    "status": "True" if ready else "False",
                    "lastTransitionTime": MOMENT,
                }
            ],
        },
    }
