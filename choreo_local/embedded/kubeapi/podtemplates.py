"""Where the specification of pods is in the kinds that have one. For defaults and warnings."""

from __future__ import annotations

from typing import Any

PATHS: dict[tuple[str, str], tuple[str, ...]] = {
    ("", "Pod"): ("spec",),
    ("", "PodTemplate"): ("template", "spec"),
    ("", "ReplicationController"): ("spec", "template", "spec"),
    ("apps", "DaemonSet"): ("spec", "template", "spec"),
    ("apps", "Deployment"): ("spec", "template", "spec"),
    ("apps", "ReplicaSet"): ("spec", "template", "spec"),
    ("apps", "StatefulSet"): ("spec", "template", "spec"),
    ("batch", "CronJob"): ("spec", "jobTemplate", "spec", "template", "spec"),
    ("batch", "Job"): ("spec", "template", "spec"),
}


def pod_spec(kind: tuple[str, str], obj: dict[str, Any]) -> dict[str, Any]:
    """The specification of the pods of an object; empty when there is none.

    Args:
        kind: group and kind of the object.
        obj: the object.
    """
    found: Any = obj
    for step in PATHS.get(kind, ()):
        found = (found or {}).get(step)
    return found if kind in PATHS and found is not None else {}
