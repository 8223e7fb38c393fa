"""Writes the status of a pod when it has changed, and only what the kubelet owns of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from choreo_local.embedded.kubelet import kinds
from choreo_local.embedded.kubelet.podspec import Manifest
from choreo_local.kubeclient.client import KubeClient
from choreo_local.kubeclient.interfaces import PatchType


class StatusPublisher:
    """Publishes the status of one pod.

    What was published last counts for more than what a watch has told so far: the watch may lag.
    """

    def __init__(self, client: KubeClient) -> None:
        self._client = client
        self._published: dict[str, Any] = {}

    def current(self, pod: Manifest) -> Manifest:
        """The pod with the newest status that we know."""
        status = pod.get("status") or {}
        merged = {**status, **self._published}
        merged["conditions"] = _merged(
            status.get("conditions") or (), self._published.get("conditions") or ()
        )
        return {**pod, "status": merged}

    async def publish(self, pod: Manifest, status: dict[str, Any]) -> bool:
        """Write `status` unless it is what was written last; answers whether it was written."""
        if status == self._published:
            return False
        known = {**(pod.get("status") or {}), **self._published}
        owned = {"reason", "message", "podIP", "podIPs", "initContainerStatuses"}
        removed = {key: None for key in known if key in owned and key not in status}
        metadata = pod["metadata"]
        await self._client.patch(
            kinds.PODS,
            metadata["name"],
            # The uid makes sure that the status of a pod never lands on its successor.
            {"metadata": {"uid": metadata["uid"]}, "status": _patch(status, known) | removed},
            metadata["namespace"],
            patch_type=PatchType.STRATEGIC,
            subresource="status",
        )
        self._published = status
        return True


def _patch(status: dict[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """The status as a strategic merge patch: lists are merged, so what is gone must say so."""
    absent = {"reason": None, "message": None}
    changed: dict[str, Any] = {
        key: [*status[key], {"$patch": "replace"}]
        for key in ("hostIPs", "podIPs")
        if key in status and known.get(key) not in (None, status[key])
    }
    conditions = [{**absent, **found} for found in status["conditions"]]
    return {**status, **changed, "conditions": conditions}


def _merged(seen: Any, published: Any) -> list[Mapping[str, Any]]:
    """Our own conditions as we published them, all others as they were seen last."""
    known = {found["type"]: found for found in seen}
    return list({**known, **{found["type"]: found for found in published}}.values())
