"""metrics.k8s.io: what pods and nodes use at the moment, asked of the kubelets."""

from __future__ import annotations

import asyncio

from choreo_local.apimachinery import selectors
from choreo_local.embedded.kubeapi import answers, problems
from choreo_local.embedded.kubeapi.core import Call, Core, Manifest
from choreo_local.embedded.kubeapi.messages import Response
from choreo_local.embedded.kubeapi.nodes import NodeConnection
from choreo_local.embedded.kubeapi.options import read_list

GROUP = "metrics.k8s.io"


async def answer(core: Core, call: Call) -> Response:
    """One object or a list of usage."""
    found = await (_pods(core) if call.collection.kind.plural == "pods" else _nodes(core))
    if call.namespace:
        found = [one for one in found if one["metadata"].get("namespace") == call.namespace]
    if call.name:
        for one in found:
            if one["metadata"]["name"] == call.name:
                return answers.value(call, one)
        raise problems.not_found(call.collection.kind, call.name)
    selector = selectors.parse_labels(read_list(call.request, watch=False).label_selector)
    items = [one for one in found if selector.matches(one["metadata"].get("labels"))]
    if call.form.transform == "Table":
        return answers.encode(call.form, answers.table(call, items, {}))
    listed = {
        "kind": call.collection.served.list_kind,
        "apiVersion": call.collection.kind.api_version,
        "metadata": {},
        "items": items,
    }
    return answers.encode(call.form, listed)


def _connections(core: Core) -> list[tuple[str, NodeConnection]]:
    names = [stored.name for stored in core.store.select("nodes")]
    found = [(name, core.connect(name)) for name in names]
    return [(name, connection) for name, connection in found if connection is not None]


async def _pods(core: Core) -> list[Manifest]:
    nodes = [connection for _, connection in _connections(core)]
    lists = await asyncio.gather(*(node.pod_metrics() for node in nodes))
    found = [dict(one) for some in lists for one in some]
    return sorted(found, key=lambda one: (one["metadata"]["namespace"], one["metadata"]["name"]))


async def _nodes(core: Core) -> list[Manifest]:
    nodes = [connection for _, connection in _connections(core)]
    return list(await asyncio.gather(*(node.node_metrics() for node in nodes)))
