"""Pods, records and the like with working defaults."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from choreo_local.embedded.kubelet.records import ContainerRecord, ContainerState

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def pod(**spec: Any) -> dict[str, Any]:
    """A pod of one container `main`, unless `containers` says otherwise."""
    status = spec.pop("status", {})
    metadata = spec.pop("metadata", {})
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "greeter",
            "namespace": "shop",
            "uid": "0c4f",
            "generation": 1,
            "labels": {"app": "greeter"},
            **metadata,
        },
        "spec": {"containers": [container()], "restartPolicy": "Always", **spec},
        "status": status,
    }


def container(name: str = "main", **fields: Any) -> dict[str, Any]:
    """A container of an image that is not looked at."""
    return {"name": name, "image": "test.local/tester:1", **fields}


def sidecar(name: str = "proxy", **fields: Any) -> dict[str, Any]:
    """An init container that goes on running."""
    return container(name, restartPolicy="Always", **fields)


def running(name: str = "main", *, attempt: int = 0) -> ContainerRecord:
    """An attempt that runs."""
    return record(name, ContainerState.RUNNING, attempt=attempt)


def exited(
    name: str = "main", code: int = 0, *, attempt: int = 0, lost: bool = False, **fields: Any
) -> ContainerRecord:
    """An attempt that has ended."""
    finished_at = fields.pop("finished_at", NOW - timedelta(seconds=1))
    return record(
        name,
        ContainerState.EXITED,
        attempt=attempt,
        exit_code=code,
        finished_at=finished_at,
        lost=lost,
        **fields,
    )


def record(name: str, state: ContainerState, *, attempt: int = 0, **fields: Any) -> ContainerRecord:
    """An attempt in any state."""
    return ContainerRecord(
        id=f"test://{name}-{attempt}",
        name=name,
        attempt=attempt,
        state=state,
        image="test.local/tester:1",
        image_id="tester@sha256:0",
        created_at=NOW - timedelta(seconds=10),
        started_at=NOW - timedelta(seconds=10),
        **fields,
    )
