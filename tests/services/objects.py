"""Objects of the board, the plan and the diagnosis, with working defaults."""

from __future__ import annotations

from typing import Any

from tests.builders import obj

CREATED = "2026-01-01T10:00:00Z"


def pipeline(*paths: tuple[str, str], name: str = "default") -> dict[str, Any]:
    """A DeploymentPipeline of (source, target) pairs."""
    grouped: dict[str, list[dict[str, str]]] = {}
    for source, target in paths:
        grouped.setdefault(source, []).append({"kind": "Environment", "name": target})
    return obj(
        "DeploymentPipeline",
        name,
        {
            "promotionPaths": [
                {
                    "sourceEnvironmentRef": {"kind": "Environment", "name": source},
                    "targetEnvironmentRefs": targets,
                }
                for source, targets in grouped.items()
            ]
        },
    )


STAGES = pipeline(("development", "staging"), ("staging", "production"))


def release(name: str, *, minute: int = 0, component: str = "greeter") -> dict[str, Any]:
    """A ComponentRelease cut at 10:`minute`."""
    return obj(
        "ComponentRelease",
        name,
        {"owner": {"projectName": "shop", "componentName": component}},
        creationTimestamp=f"2026-01-01T10:{minute:02d}:00Z",
    )


def binding(
    environment: str = "development",
    release_name: str = "greeter-5766474747",
    *,
    ready: str | None = "True",
    reason: str = "Ready",
    message: str = "ReleaseBinding is ready",
    component: str = "greeter",
    **more: Any,
) -> dict[str, Any]:
    """A ReleaseBinding; `ready` None stands for one that no controller has seen."""
    status: dict[str, Any] = dict(more.pop("status", {}))
    if ready is not None:
        status["conditions"] = [
            {
                "type": "Ready",
                "status": ready,
                "reason": reason,
                "message": message,
                "observedGeneration": 1,
                "lastTransitionTime": "2026-01-01T10:05:00Z",
            }
        ]
    spec = {
        "owner": {"projectName": "shop", "componentName": component},
        "environment": environment,
        "releaseName": release_name,
        "state": more.pop("state", "Active"),
    }
    metadata = {"creationTimestamp": CREATED, **more}
    return obj("ReleaseBinding", f"{component}-{environment}", spec, status=status, **metadata)


def rendered(environment: str = "development", *, ready: int = 1, want: int = 1) -> dict[str, Any]:
    """A RenderedRelease with one Deployment."""
    return obj(
        "RenderedRelease",
        f"greeter-{environment}",
        {
            "owner": {"projectName": "shop", "componentName": "greeter"},
            "environmentName": environment,
            "targetPlane": "dataplane",
            "resources": [
                {
                    "id": "deployment-greeter",
                    "object": {
                        "apiVersion": "apps/v1",
                        "kind": "Deployment",
                        "metadata": {"name": "greeter", "namespace": "dp-dev"},
                        "spec": {"replicas": want},
                    },
                }
            ],
        },
        status={
            "resources": [
                {
                    "id": "deployment-greeter",
                    "group": "apps",
                    "version": "v1",
                    "kind": "Deployment",
                    "name": "greeter",
                    "namespace": "dp-dev",
                    "healthStatus": "Healthy" if ready >= want else "Progressing",
                    "status": {"replicas": want, "readyReplicas": ready},
                }
            ]
        },
    )


def pod(
    name: str = "greeter-abc",
    *,
    environment: str = "development",
    component: str = "greeter",
    phase: str = "Running",
    created: str = CREATED,
    container: dict[str, Any] | None = None,
    **status: Any,
) -> dict[str, Any]:
    """A pod with one container `main`; `container` replaces its status."""
    shown = {"name": "main", "ready": phase == "Running", "restartCount": 0, **(container or {})}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "dp-dev",
            "uid": f"uid-{name}",
            "resourceVersion": "1",
            "creationTimestamp": created,
            "labels": {
                "openchoreo.dev/namespace": "default",
                "openchoreo.dev/component": component,
                "openchoreo.dev/environment": environment,
            },
        },
        "spec": {"containers": [{"name": "main"}]},
        "status": {"phase": phase, "containerStatuses": [shown], **status},
    }


def crash(*, restarts: int = 3, code: int = 1, message: str = "") -> dict[str, Any]:
    """The status of a container that ends again and again."""
    ended = {"exitCode": code, "reason": "Error", **({"message": message} if message else {})}
    return {
        "ready": False,
        "restartCount": restarts,
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}},
        "lastState": {"terminated": ended},
    }
