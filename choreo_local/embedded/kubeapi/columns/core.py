"""Plain kinds of the core group: config, secrets, namespaces, nodes, quotas, events."""

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
    wide,
)

_ROLE_LABEL = "node-role.kubernetes.io/"
_OLD_ROLE_LABEL = "kubernetes.io/role"


def _config_map(obj: Object, now: datetime) -> list[Any]:
    count = len(obj.get("data") or ()) + len(obj.get("binaryData") or ())
    return [cells.name(obj), count, cells.age(obj, now)]


def _secret(obj: Object, now: datetime) -> list[Any]:
    return [
        cells.name(obj),
        obj.get("type") or "",
        len(obj.get("data") or ()),
        cells.age(obj, now),
    ]


def _named(obj: Object, now: datetime) -> list[Any]:
    return [cells.name(obj), cells.age(obj, now)]


def _namespace(obj: Object, now: datetime) -> list[Any]:
    return [cells.name(obj), cells.get(obj, "status.phase", ""), cells.age(obj, now)]


def _component_status(obj: Object, now: datetime) -> list[Any]:
    for condition in obj.get("conditions") or ():
        if condition.get("type") == "Healthy":
            state = "Healthy" if condition.get("status") == "True" else "Unhealthy"
            return [
                cells.name(obj),
                state,
                condition.get("message") or "",
                condition.get("error") or "",
            ]
    return [cells.name(obj), "Unknown", "", ""]


def _node(obj: Object, now: datetime) -> list[Any]:
    info = cells.get(obj, "status.nodeInfo", {})
    kernel = info.get("kernelVersion") or cells.UNKNOWN
    if info.get("architecture"):
        kernel += f" ({info['architecture']})"
    return [
        cells.name(obj),
        ",".join(_node_states(obj)),
        ",".join(_node_roles(obj)) or cells.NONE,
        cells.age(obj, now),
        info.get("kubeletVersion") or "",
        _node_address(obj, "InternalIP"),
        _node_address(obj, "ExternalIP"),
        info.get("osImage") or cells.UNKNOWN,
        kernel,
        info.get("containerRuntimeVersion") or cells.UNKNOWN,
    ]


def _node_states(obj: Object) -> list[str]:
    ready = [
        condition
        for condition in cells.get(obj, "status.conditions", ())
        if condition.get("type") == "Ready"
    ]
    if not ready:
        states = ["Unknown"]
    else:
        states = ["Ready" if ready[-1].get("status") == "True" else "NotReady"]
    if cells.get(obj, "spec.unschedulable"):
        states.append("SchedulingDisabled")
    return states


def _node_roles(obj: Object) -> list[str]:
    roles = set()
    for key, value in cells.get(obj, "metadata.labels", {}).items():
        if key.startswith(_ROLE_LABEL):
            roles.add(key.removeprefix(_ROLE_LABEL))
        elif key == _OLD_ROLE_LABEL:
            roles.add(value)
    return sorted(roles - {""})


def _node_address(obj: Object, type_: str) -> str:
    for address in cells.get(obj, "status.addresses", ()):
        if address.get("type") == type_:
            return str(address.get("address") or "")
    return cells.NONE


def _resource_quota(obj: Object, now: datetime) -> list[Any]:
    hard, used = cells.get(obj, "status.hard", {}), cells.get(obj, "status.used", {})
    requests: list[str] = []
    limits: list[str] = []
    for resource in sorted(hard):
        text = f"{resource}: {used.get(resource, '0')}/{hard[resource]}"
        (limits if resource.startswith("limits.") else requests).append(text)
    return [cells.name(obj), ", ".join(requests), ", ".join(limits), cells.age(obj, now)]


def _event(obj: Object, now: datetime) -> list[Any]:
    """An event; those of events.k8s.io have other names for the same fields."""
    about = obj.get("involvedObject") or obj.get("regarding") or {}
    first = obj.get("firstTimestamp") or obj.get("deprecatedFirstTimestamp")
    last = obj.get("lastTimestamp") or obj.get("deprecatedLastTimestamp")
    first_seen = cells.since(first or obj.get("eventTime"), now)
    last_seen = cells.since(last, now) if last else first_seen
    count = obj.get("count") or obj.get("deprecatedCount") or 1
    series = obj.get("series")
    if series:
        last_seen = cells.since(series.get("lastObservedTime"), now)
        count = series.get("count") or 0
    target = str(about.get("kind") or "").lower()
    if about.get("name"):
        target = f"{target}/{about['name']}"
    return [
        last_seen,
        obj.get("type") or "",
        obj.get("reason") or "",
        target,
        about.get("fieldPath") or "",
        _event_source(obj),
        str(obj.get("message") or obj.get("note") or "").strip(),
        first_seen,
        count,
        cells.name(obj),
    ]


def _event_source(obj: Object) -> str:
    source = obj.get("source") or obj.get("deprecatedSource") or {}
    component = (
        source.get("component")
        or obj.get("reportingComponent")
        or obj.get("reportingController")
        or ""
    )
    instance = source.get("host") or obj.get("reportingInstance") or ""
    return f"{component}, {instance}" if instance else str(component)


_EVENT = Printer(
    (
        column("Last Seen", "Time since it happened last."),
        column("Type", "Whether this is normal or a warning."),
        column("Reason", "Short word for what happened, for machines."),
        column("Object", "Object that the event is about."),
        wide("Subobject", "Part of the object that the event is about."),
        wide("Source", "Component that reported the event."),
        column("Message", "What happened, for people."),
        wide("First Seen", "Time since it happened first."),
        wide("Count", "How often it happened."),
        wide("Name", "Name of the event itself.", format="name"),
    ),
    _event,
)
PRINTERS = {
    ("", "ConfigMap"): Printer(
        (NAME, column("Data", "Number of entries, text and binary."), AGE), _config_map
    ),
    ("", "Secret"): Printer(
        (
            NAME,
            column("Type", "What the secret is for."),
            column("Data", "Number of entries."),
            AGE,
        ),
        _secret,
    ),
    ("", "ServiceAccount"): Printer((NAME, AGE), _named),
    ("", "Namespace"): Printer(
        (NAME, column("Status", "Whether the namespace is in use or going away."), AGE), _namespace
    ),
    ("", "ComponentStatus"): Printer(
        (
            NAME,
            column("Status", "Whether the component is healthy."),
            column("Message", "What the component said."),
            column("Error", "Why the component could not be asked."),
        ),
        _component_status,
    ),
    ("", "Node"): Printer(
        (
            NAME,
            column("Status", "Whether the node is ready and takes pods."),
            column("Roles", "Roles that the labels of the node name."),
            AGE,
            column("Version", "Version of the kubelet."),
            wide("Internal-IP", "Address inside the cluster."),
            wide("External-IP", "Address outside the cluster."),
            wide("OS-Image", "Operating system of the node."),
            wide("Kernel-Version", "Kernel and architecture of the node."),
            wide("Container-Runtime", "What runs the containers, with its version."),
        ),
        _node,
    ),
    ("", "ResourceQuota"): Printer(
        (
            NAME,
            column("Request", "Used and allowed amounts."),
            column("Limit", "Used and allowed limits."),
            AGE,
        ),
        _resource_quota,
    ),
    ("", "Event"): _EVENT,
    ("events.k8s.io", "Event"): _EVENT,
}
