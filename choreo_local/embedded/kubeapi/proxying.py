"""The proxy subresource of pods, services and nodes: HTTP to what runs in the cluster."""

from __future__ import annotations

from choreo_local.embedded.kubeapi import problems
from choreo_local.embedded.kubeapi.core import Call, Core
from choreo_local.embedded.kubeapi.messages import Answer
from choreo_local.errors import ServiceUnavailableError


async def proxy(core: Core, call: Call) -> Answer:
    """Pass an HTTP request on."""
    name, _ = _split(call.name)
    stored = core.store.get(call.collection.storage, call.key.replace(call.name, name, 1))
    if stored is None:
        raise problems.not_found(call.collection.kind, name)
    raise ServiceUnavailableError("no endpoints available for the proxy")


def _split(name: str) -> tuple[str, str]:
    """`scheme:name:port` → name and port."""
    parts = name.split(":")
    if len(parts) == 3:
        return parts[1], parts[2]
    return parts[0], parts[1] if len(parts) == 2 else ""
