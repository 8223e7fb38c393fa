"""Which of our objects put a live object on its plane: read from the labels it carries. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from choreo_local.api import labels

# Every live object that some controller put on a plane and wants to see again.
SELECTOR = (
    f"{labels.MANAGED_BY} in "
    f"({labels.MANAGED_BY_RENDERED_RELEASE},{labels.MANAGED_BY_WORKFLOW_RUN})"
)


@dataclass(frozen=True, slots=True)
class Owner:
    """An object of the control plane, and the key under which its live objects are found."""

    kind: str
    namespace: str
    name: str
    key: str


def owner_of(obj: Mapping[str, Any]) -> Owner | None:
    """What put a live object on its plane; None when its labels do not say."""
    found = obj["metadata"].get("labels") or {}
    if labels.RENDERED_RELEASE_NAME in found:
        namespace = found.get(labels.RENDERED_RELEASE_NAMESPACE, "")
        key = found.get(labels.RENDERED_RELEASE_UID, "")
        return Owner("RenderedRelease", namespace, found[labels.RENDERED_RELEASE_NAME], key)
    if labels.WORKFLOW_RUN in found:
        namespace, name = found.get(labels.WORKFLOW_RUN_NAMESPACE, ""), found[labels.WORKFLOW_RUN]
        return Owner("WorkflowRun", namespace, name, run_key(namespace, name))
    return None


def run_key(namespace: str, name: str) -> str:
    """The key of a WorkflowRun's live objects; their labels do not hold its uid."""
    return f"{namespace}/{name}"
