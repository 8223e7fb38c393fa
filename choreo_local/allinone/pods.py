"""How many pods there are, for the status of an instance."""

from __future__ import annotations

from choreo_local.api import labels
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.kubeclient.client import KubeClient

_POD = ResourceKind("", "v1", "Pod", "pods")


async def count(client: KubeClient, *, is_remote: bool) -> tuple[int | None, int]:
    """How many run, None where they are processes of this machine; and how many there are.

    On a cluster elsewhere others have pods too: those of components count.
    """
    if is_remote:
        found = (await client.list(_POD, label_selector=labels.COMPONENT)).items
        phases = [(pod.get("status") or {}).get("phase") for pod in found]
        return phases.count("Running"), len(found)
    page = await client.request_json("GET", _POD.path(None), query={"limit": "1"})
    rest: int = page["metadata"].get("remainingItemCount", 0)
    return None, len(page["items"]) + rest
