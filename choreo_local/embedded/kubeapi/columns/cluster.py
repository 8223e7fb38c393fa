"""Cluster-wide kinds: API services, leases, priorities, runtime classes, devices, flow control."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from choreo_local.embedded.kubeapi.columns import cells
from choreo_local.embedded.kubeapi.columns.printer import (
    AGE,
    NAME,
    Object,
    Printer,
    column,
)

_FLOW = "flowcontrol.apiserver.k8s.io"
_DEVICES = "resource.k8s.io"


def _named(obj: Object, now: datetime) -> list[Any]:
    return [cells.name(obj), cells.age(obj, now)]


def _api_service(obj: Object, now: datetime) -> list[Any]:
    service = cells.get(obj, "spec.service")
    where = "Local"
    if service is not None:
        where = f"{service.get('namespace') or ''}/{service.get('name') or ''}"
    available = "Unknown"
    for condition in cells.get(obj, "status.conditions", ()):
        if condition.get("type") == "Available":
            available = str(condition.get("status") or "")
            if available != "True":
                available += f" ({condition.get('reason') or ''})"
            break
    return [cells.name(obj), where, available, cells.age(obj, now)]


def _lease(obj: Object, now: datetime) -> list[Any]:
    return [cells.name(obj), cells.get(obj, "spec.holderIdentity", ""), cells.age(obj, now)]


def _priority_class(obj: Object, now: datetime) -> list[Any]:
    return [
        cells.name(obj),
        obj.get("value") or 0,
        bool(obj.get("globalDefault")),
        cells.age(obj, now),
        obj.get("preemptionPolicy") or "",
    ]


def _runtime_class(obj: Object, now: datetime) -> list[Any]:
    return [cells.name(obj), obj.get("handler") or "", cells.age(obj, now)]


def _resource_claim(obj: Object, now: datetime) -> list[Any]:
    deleted = bool(cells.get(obj, "metadata.deletionTimestamp"))
    states = ["deleted"] if deleted else []
    if cells.get(obj, "status.allocation") is not None:
        states.append("allocated")
        if cells.get(obj, "status.reservedFor"):
            states.append("reserved")
    elif not deleted:
        states.append("pending")
    return [cells.name(obj), ",".join(states), cells.age(obj, now)]


def _resource_slice(obj: Object, now: datetime) -> list[Any]:
    return [
        cells.name(obj),
        cells.get(obj, "spec.nodeName", ""),
        cells.get(obj, "spec.driver", ""),
        cells.get(obj, "spec.pool.name", ""),
        cells.age(obj, now),
    ]


def _flow_schema(obj: Object, now: datetime) -> list[Any]:
    dangling = [
        condition.get("status") or ""
        for condition in cells.get(obj, "status.conditions", ())
        if condition.get("type") == "Dangling"
    ]
    return [
        cells.name(obj),
        cells.get(obj, "spec.priorityLevelConfiguration.name", ""),
        cells.get(obj, "spec.matchingPrecedence", 0),
        cells.get(obj, "spec.distinguisherMethod.type", cells.NONE),
        cells.age(obj, now),
        dangling[0] if dangling else "?",
    ]


def _priority_level(obj: Object, now: datetime) -> list[Any]:
    limited = cells.get(obj, "spec.limited")
    queuing = cells.get(limited or {}, "limitResponse.queuing")
    sizes = ("queues", "handSize", "queueLengthLimit")
    return [
        cells.name(obj),
        cells.get(obj, "spec.type", ""),
        cells.NONE if limited is None else limited.get("nominalConcurrencyShares") or 0,
        *(cells.NONE if queuing is None else queuing.get(size) or 0 for size in sizes),
        cells.age(obj, now),
    ]


PRINTERS = {
    ("apiregistration.k8s.io", "APIService"): Printer(
        (
            NAME,
            column("Service", "Service that answers for the group and version."),
            column("Available", "Whether it answers."),
            AGE,
        ),
        _api_service,
    ),
    ("coordination.k8s.io", "Lease"): Printer(
        (NAME, column("Holder", "Who holds the lease."), AGE), _lease
    ),
    ("scheduling.k8s.io", "PriorityClass"): Printer(
        (
            NAME,
            column("Value", "Priority of the pods of the class.", type="integer"),
            column("Global-Default", "Whether pods without a class get it.", type="boolean"),
            AGE,
            column("PreemptionPolicy", "Whether such pods may push out others."),
        ),
        _priority_class,
    ),
    ("node.k8s.io", "RuntimeClass"): Printer((NAME, column("Handler", ""), AGE), _runtime_class),
    (_DEVICES, "DeviceClass"): Printer((NAME, AGE), _named),
    (_DEVICES, "ResourceClaimTemplate"): Printer((NAME, AGE), _named),
    (_DEVICES, "ResourceClaim"): Printer(
        (NAME, column("State", "Whether devices are allocated and in use."), AGE), _resource_claim
    ),
    (_DEVICES, "ResourceSlice"): Printer(
        (
            NAME,
            column("Node", "Node that has the devices."),
            column("Driver", "Driver of the devices."),
            column("Pool", "Pool that the devices belong to."),
            AGE,
        ),
        _resource_slice,
    ),
    (_FLOW, "FlowSchema"): Printer(
        (
            NAME,
            column("PriorityLevel", "Priority level of the requests."),
            column("MatchingPrecedence", "Rank among the schemas that match."),
            column("DistinguisherMethod", "What sets the flows apart."),
            AGE,
            column("MissingPL", "Whether the priority level does not exist."),
        ),
        _flow_schema,
    ),
    (_FLOW, "PriorityLevelConfiguration"): Printer(
        (
            NAME,
            column("Type", "Whether requests are limited."),
            column("NominalConcurrencyShares", "Share of the requests at a time."),
            column("Queues", "Number of queues."),
            column("HandSize", "Queues that one flow is spread over."),
            column("QueueLengthLimit", "Most requests that may wait in a queue."),
            AGE,
        ),
        _priority_level,
    ),
}
