"""Service → EndpointSlices and Endpoints: one look. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from choreo_local.embedded.controllermanager import kinds, plans, pods
from choreo_local.embedded.controllermanager.plans import Manifest, Write
from choreo_local.embedded.controllermanager.references import controller_reference

SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
SLICE_CONTROLLER = "endpointslice-controller.k8s.io"
ENDPOINTS_MANAGED_BY = "endpoints.kubernetes.io/managed-by"
ENDPOINTS_CONTROLLER = "endpoint-controller"
HEADLESS = "service.kubernetes.io/headless"
_SLICE_SIZE = 100

# Ports of a slice as a sorted tuple, so that slices can be found by it.
_Ports = tuple[tuple[tuple[str, Any], ...], ...]


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything that a look may use.

    Attributes:
        pods: the Pods that the Service selects.
        slices: its EndpointSlices that this controller made.
        endpoints: the Endpoints object of its name.
        zones: the zone of each existing node by name, empty when it has none.
    """

    service: Manifest
    pods: Sequence[Manifest]
    slices: Sequence[Manifest]
    endpoints: Manifest | None
    zones: Mapping[str, str]


def has_endpoints(service: Manifest) -> bool:
    """Whether this controller keeps the endpoints of a Service."""
    spec = service["spec"]
    return bool(spec.get("selector")) and spec.get("type") != "ExternalName"


def plan(observed: Observed) -> plans.Plan:
    """Bring slices and Endpoints up to date."""
    writes = _slice_writes(observed)
    legacy = _endpoints_write(observed)
    return plans.Plan((*writes, *([legacy] if legacy else [])))


def _slice_writes(observed: Observed) -> list[Write]:
    groups: dict[_Ports, list[dict[str, Any]]] = {}
    for pod in observed.pods:
        if _is_listed(pod) and pod["spec"].get("nodeName") in observed.zones:
            ports = frozen(ports_of(observed.service, pod))
            groups.setdefault(ports, []).append(_endpoint(observed, pod))
    if not groups:
        # One empty slice says that somebody has looked.
        groups[()] = []
    spare = sorted(observed.slices, key=lambda each: str(each["metadata"]["name"]))
    writes: list[Write] = []
    for ports, found in groups.items():
        found.sort(key=lambda each: str(each["targetRef"]["uid"]))
        for chunk in _chunks(found):
            used = _taken(spare, ports, empty=not chunk)
            write = _slice_write(observed.service, used, ports, chunk)
            writes += [write] if write else []
    writes += [plans.delete(kinds.ENDPOINT_SLICES, each) for each in spare]
    return writes


def _is_listed(pod: Manifest) -> bool:
    """Pods that run or end are listed; finished ones and those without address are not."""
    return not pods.is_finished(pod) and bool(addresses(pod))


def addresses(pod: Manifest) -> list[str]:
    """The IPv4 addresses of a Pod."""
    status = pod.get("status") or {}
    listed = [each.get("ip") for each in status.get("podIPs") or ()] or [status.get("podIP")]
    return [str(ip) for ip in listed if ip and ipaddress.ip_address(ip).version == 4]


def ports_of(service: Manifest, pod: Manifest) -> list[dict[str, Any]]:
    """The ports of a Service as a Pod has them; names that the Pod does not know are left out."""
    found = []
    for port in service["spec"].get("ports") or ():
        number = _target(port, pod)
        if number is None:
            continue
        entry = {
            "name": port.get("name", ""),
            "port": number,
            "protocol": port.get("protocol", "TCP"),
        }
        if port.get("appProtocol"):
            entry["appProtocol"] = port["appProtocol"]
        found.append(entry)
    return found


def _target(port: Manifest, pod: Manifest) -> int | None:
    target = port.get("targetPort", port["port"])
    if not isinstance(target, str):
        return int(target) or int(port["port"])
    sidecars = [
        each
        for each in pod["spec"].get("initContainers") or ()
        if each.get("restartPolicy") == "Always"
    ]
    for container in [*pod["spec"]["containers"], *sidecars]:
        for each in container.get("ports") or ():
            same = each.get("protocol", "TCP") == port.get("protocol", "TCP")
            if each.get("name") == target and same:
                return int(each["containerPort"])
    return None


def _endpoint(observed: Observed, pod: Manifest) -> dict[str, Any]:
    serving, terminating = pods.is_ready(pod), pods.is_terminating(pod)
    always = bool(observed.service["spec"].get("publishNotReadyAddresses"))
    metadata, node = pod["metadata"], pod["spec"]["nodeName"]
    made: dict[str, Any] = {
        "addresses": addresses(pod),
        "conditions": {
            "ready": always or (serving and not terminating),
            "serving": serving,
            "terminating": terminating,
        },
        "targetRef": _target_reference(metadata),
        "nodeName": node,
    }
    if observed.zones[node]:
        made["zone"] = observed.zones[node]
    if hostname := _hostname(observed.service, pod):
        made["hostname"] = hostname
    return made


def _target_reference(metadata: Manifest) -> dict[str, Any]:
    return {
        "kind": "Pod",
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "uid": metadata["uid"],
    }


def _hostname(service: Manifest, pod: Manifest) -> str:
    """The host name under which a headless Service knows a Pod."""
    spec, metadata = pod["spec"], service["metadata"]
    matches = spec.get("subdomain") == metadata["name"]
    same = pod["metadata"]["namespace"] == metadata["namespace"]
    return str(spec.get("hostname", "")) if matches and same else ""


def _chunks(found: list[dict[str, Any]]) -> Iterable[list[dict[str, Any]]]:
    starts = range(0, max(1, len(found)), _SLICE_SIZE)
    return [found[start : start + _SLICE_SIZE] for start in starts]


def _taken(spare: list[Manifest], ports: _Ports, *, empty: bool) -> Manifest | None:
    """A slice to reuse: ports cannot be told apart in an empty one, so any serves then."""
    for each in spare:
        same = frozen(each.get("ports") or ()) == ports
        if same or empty or not each.get("endpoints"):
            spare.remove(each)
            return each
    return None


def frozen(ports: Iterable[Mapping[str, Any]]) -> _Ports:
    """Ports as a value that does not depend on their order."""
    return tuple(sorted(tuple(sorted(port.items())) for port in ports))


def _slice_write(
    service: Manifest, used: Manifest | None, ports: _Ports, found: list[dict[str, Any]]
) -> Write | None:
    labels = {
        **_own_labels(service),
        SERVICE_NAME: service["metadata"]["name"],
        MANAGED_BY: SLICE_CONTROLLER,
    }
    content = {"ports": [dict(port) for port in ports], "endpoints": found}
    if used is None:
        return plans.create(kinds.ENDPOINT_SLICES, _new_slice(service, labels, content))
    present = {key: used.get(key) or [] for key in content}
    if present == content and (used["metadata"].get("labels") or {}) == labels:
        return None
    metadata = {**used["metadata"], "labels": labels}
    return plans.update(kinds.ENDPOINT_SLICES, {**used, "metadata": metadata, **content})


def _new_slice(
    service: Manifest, labels: Mapping[str, str], content: Mapping[str, Any]
) -> dict[str, Any]:
    metadata = service["metadata"]
    return {
        "apiVersion": kinds.ENDPOINT_SLICES.api_version,
        "kind": kinds.ENDPOINT_SLICES.kind,
        "metadata": {
            "generateName": pods.generate_name(metadata["name"]),
            "namespace": metadata["namespace"],
            "labels": dict(labels),
            "ownerReferences": [controller_reference(service, kinds.SERVICES)],
        },
        "addressType": "IPv4",
        **content,
    }


def _own_labels(service: Manifest) -> dict[str, str]:
    """The labels of the Service, without those that have a meaning on its endpoints."""
    reserved = (SERVICE_NAME, MANAGED_BY, HEADLESS)
    labels = service["metadata"].get("labels") or {}
    result = {key: value for key, value in labels.items() if key not in reserved}
    if service["spec"].get("clusterIP") in (None, "", "None"):
        result[HEADLESS] = ""
    return result


def _endpoints_write(observed: Observed) -> Write | None:
    service, current = observed.service, observed.endpoints
    labels = {**_own_labels(service), ENDPOINTS_MANAGED_BY: ENDPOINTS_CONTROLLER}
    subsets = _subsets(service, observed.pods)
    if current is None:
        metadata: dict[str, Any] = {
            "name": service["metadata"]["name"],
            "namespace": service["metadata"]["namespace"],
            "labels": labels,
        }
        made: dict[str, Any] = {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata}
        return plans.create(kinds.ENDPOINTS, {**made, "subsets": subsets} if subsets else made)
    if (current.get("subsets") or []) == subsets and current["metadata"].get("labels") == labels:
        return None
    metadata = {**current["metadata"], "labels": labels}
    return plans.update(kinds.ENDPOINTS, {**current, "metadata": metadata, "subsets": subsets})


def _subsets(service: Manifest, found: Sequence[Manifest]) -> list[dict[str, Any]]:
    groups: dict[_Ports, dict[str, list[dict[str, Any]]]] = {}
    always = bool(service["spec"].get("publishNotReadyAddresses"))
    for pod in found:
        if not _is_listed(pod) or (pods.is_terminating(pod) and not always):
            continue
        field = "addresses" if always or pods.is_ready(pod) else "notReadyAddresses"
        ports = frozen(ports_of(service, pod))
        if ports or not service["spec"].get("ports"):
            groups.setdefault(ports, {}).setdefault(field, []).append(_address(service, pod))
    subsets = []
    for ports, fields in sorted(groups.items()):
        subset: dict[str, Any] = {
            field: sorted(listed, key=lambda each: (each["ip"], each["targetRef"]["uid"]))
            for field, listed in sorted(fields.items())
        }
        if ports:
            subset["ports"] = [_without_empty_name(dict(port)) for port in ports]
        subsets.append(subset)
    return subsets


def _without_empty_name(port: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in port.items() if value != ""}


def _address(service: Manifest, pod: Manifest) -> dict[str, Any]:
    made: dict[str, Any] = {"ip": addresses(pod)[0]}
    if hostname := _hostname(service, pod):
        made["hostname"] = hostname
    if pod["spec"].get("nodeName"):
        made["nodeName"] = pod["spec"]["nodeName"]
    made["targetRef"] = _target_reference(pod["metadata"])
    return made
