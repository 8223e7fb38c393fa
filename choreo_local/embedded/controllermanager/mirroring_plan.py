"""Endpoints that somebody else keeps → EndpointSlices with the same addresses. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from choreo_local.embedded.controllermanager import endpoints_plan, kinds, plans, pods
from choreo_local.embedded.controllermanager.plans import Manifest, Plan, Write
from choreo_local.embedded.controllermanager.references import controller_reference

CONTROLLER = "endpointslicemirroring-controller.k8s.io"
_SKIP = "endpointslice.kubernetes.io/skip-mirror"
_LEADER = "control-plane.alpha.kubernetes.io/leader"
_UNCOPIED = (
    "endpoints.kubernetes.io/last-change-trigger-time",
    "kubectl.kubernetes.io/last-applied-configuration",
)
_MOST_ADDRESSES = 1000

# Address type, and ports as one value.
_Group = tuple[str, tuple[tuple[tuple[str, Any], ...], ...]]


def is_mirrored(endpoints: Manifest | None, service: Manifest | None) -> bool:
    """Whether Endpoints are to have slices: those of a Service that selects no Pods."""
    if endpoints is None or service is None or service["spec"].get("selector") is not None:
        return False
    metadata = endpoints["metadata"]
    skipped = (metadata.get("labels") or {}).get(_SKIP) == "true"
    return not skipped and _LEADER not in (metadata.get("annotations") or {})


def plan(endpoints: Manifest | None, service: Manifest | None, slices: Sequence[Manifest]) -> Plan:
    """Bring the mirrored slices of some Endpoints up to date."""
    spare = sorted(slices, key=lambda each: str(each["metadata"]["name"]))
    writes: list[Write] = []
    if endpoints is not None and is_mirrored(endpoints, service):
        for group, found in _groups(endpoints).items():
            used = next((each for each in spare if _group_of(each) == group), None)
            if used is not None:
                spare.remove(used)
            writes += _write(endpoints, used, group, found)
    return Plan((*writes, *(plans.delete(kinds.ENDPOINT_SLICES, each) for each in spare)))


def _groups(endpoints: Manifest) -> dict[_Group, list[dict[str, Any]]]:
    groups: dict[_Group, list[dict[str, Any]]] = {}
    for subset in endpoints.get("subsets") or ():
        ports = endpoints_plan.frozen([_port(port) for port in subset.get("ports") or ()])
        for type_, endpoint in list(_addresses(subset))[:_MOST_ADDRESSES]:
            groups.setdefault((type_, ports), []).append(endpoint)
    return groups


def _port(port: Manifest) -> dict[str, Any]:
    return {"name": "", "protocol": "TCP", **port}


def _addresses(subset: Manifest) -> Iterator[tuple[str, dict[str, Any]]]:
    for field, ready in (("addresses", True), ("notReadyAddresses", False)):
        for address in subset.get(field) or ():
            ip = ipaddress.ip_address(address["ip"])
            carried = {key: value for key, value in address.items() if key != "ip" and value}
            yield (
                f"IPv{ip.version}",
                {
                    "addresses": [str(ip)],
                    "conditions": {"ready": ready},
                    **carried,
                },
            )


def _group_of(slice_: Manifest) -> _Group:
    return slice_["addressType"], endpoints_plan.frozen(slice_.get("ports") or ())


def _write(
    endpoints: Manifest, used: Manifest | None, group: _Group, found: list[dict[str, Any]]
) -> list[Write]:
    metadata = _metadata(endpoints)
    if used is None:
        made = {
            "apiVersion": kinds.ENDPOINT_SLICES.api_version,
            "kind": kinds.ENDPOINT_SLICES.kind,
            "metadata": {
                **metadata,
                "generateName": pods.generate_name(endpoints["metadata"]["name"]),
                "namespace": endpoints["metadata"]["namespace"],
                "ownerReferences": [controller_reference(endpoints, kinds.ENDPOINTS)],
            },
            "addressType": group[0],
            "ports": [dict(port) for port in group[1]],
            "endpoints": found,
        }
        return [plans.create(kinds.ENDPOINT_SLICES, made)]
    known = {key: used["metadata"].get(key) or {} for key in metadata}
    if known == metadata and (used.get("endpoints") or []) == found:
        return []
    changed = {**used, "metadata": {**used["metadata"], **metadata}, "endpoints": found}
    return [plans.update(kinds.ENDPOINT_SLICES, changed)]


def _metadata(endpoints: Manifest) -> dict[str, Mapping[str, str]]:
    metadata = endpoints["metadata"]
    annotations = metadata.get("annotations") or {}
    return {
        "labels": {
            **(metadata.get("labels") or {}),
            endpoints_plan.SERVICE_NAME: metadata["name"],
            endpoints_plan.MANAGED_BY: CONTROLLER,
        },
        "annotations": {
            name: value for name, value in annotations.items() if name not in _UNCOPIED
        },
    }
