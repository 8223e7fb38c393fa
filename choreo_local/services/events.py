"""The events of an object of the control plane."""

from __future__ import annotations

from typing import Any

from choreo_local.kubeclient.client import KubeClient
from choreo_local.services.live import EVENTS, last_seen

Manifest = dict[str, Any]


class ObjectEvents:
    """Use case of reading events; whoever asks has checked who may see the object."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client

    async def of(self, obj: Manifest) -> list[Manifest]:
        """The events about an object, oldest first."""
        about = f"involvedObject.uid={obj['metadata']['uid']}"
        found = await self._client.list(EVENTS, field_selector=about)
        return sorted(found.items, key=last_seen)
