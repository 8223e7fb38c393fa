"""Subresources: which function answers which."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from choreo_local.embedded.kubeapi import (
    finalizing,
    negotiation,
    patching,
    podactions,
    podstreams,
    problems,
    proxying,
    reading,
    scaling,
    writing,
)
from choreo_local.embedded.kubeapi.core import Call, Core
from choreo_local.embedded.kubeapi.messages import Answer
from choreo_local.embedded.kubeapi.requests import RequestInfo
from choreo_local.embedded.kubeapi.tokens import Tokens

_METHOD_VERBS = {"GET": "get", "PUT": "update", "PATCH": "patch", "POST": "create"}

Answering = Callable[[Core, Call], Awaitable[Answer]]

_STREAMS: dict[str, Answering] = {
    "log": podstreams.log,
    "exec": podstreams.exec_,
    "attach": podstreams.attach,
    "portforward": podstreams.port_forward,
    "proxy": proxying.proxy,
}
_ACTIONS: dict[str, Answering] = {
    "binding": podactions.bind,
    "eviction": podactions.evict,
}


async def answer(core: Core, call: Call, info: RequestInfo, tokens: Tokens) -> Answer:
    """The answer to a request for a subresource."""
    name = call.subresource
    sub = call.collection.served.subresources.get(name)
    if sub is None and call.name and call.collection.served.custom:
        raise problems.not_found(call.collection.kind, call.name)
    if sub is None or not call.name or (info.rest and name != "proxy"):
        raise problems.unknown_resource()
    if _METHOD_VERBS.get(call.request.method, "delete") not in sub.verbs:
        raise problems.method_not_allowed()
    if name in _STREAMS:
        return await _STREAMS[name](core, call)
    call.form = negotiation.negotiate(call.request.header("accept"))
    if name in _ACTIONS:
        return await _ACTIONS[name](core, call)
    if name == "token":
        return await podactions.create_token(core, call, tokens)
    if name == "finalize":
        return await finalizing.finalize(core, call)
    if name == "scale":
        return await (scaling.get if call.verb == "get" else scaling.change)(core, call)
    return await _object(core, call)


async def _object(core: Core, call: Call) -> Answer:
    """status, approval, ephemeralcontainers, resize: the object itself, of which a part counts."""
    if call.verb == "get":
        return await reading.get(core, call)
    if call.verb == "update":
        return await writing.update(core, call)
    return await patching.patch(core, call)
