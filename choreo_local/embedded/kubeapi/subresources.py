"""Subresources: status, scale and finalize here; those of running pods in `podstreams`."""

from __future__ import annotations

from choreo_local.embedded.kubeapi import negotiation, patching, problems, reading, writing
from choreo_local.embedded.kubeapi.core import Call, Core
from choreo_local.embedded.kubeapi.messages import Answer
from choreo_local.embedded.kubeapi.requests import RequestInfo

_METHOD_VERBS = {"GET": "get", "PUT": "update", "PATCH": "patch", "POST": "create"}


async def answer(core: Core, call: Call, info: RequestInfo) -> Answer:
    """The answer to a request for a subresource."""
    sub = call.collection.served.subresources.get(call.subresource)
    if sub is None or not call.name:
        raise problems.unknown_resource()
    if _METHOD_VERBS.get(call.request.method, "delete") not in sub.verbs:
        raise problems.method_not_allowed()
    call.form = negotiation.negotiate(call.request.header("accept"))
    if call.verb == "get":
        return await reading.get(core, call)
    if call.verb == "update":
        return await writing.update(core, call)
    return await patching.patch(core, call)
