"""The discovery documents: legacy lists, and the aggregated form that kubectl asks for first.

Pure functions of what is served; the server decides which document a request gets.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import Any

from choreo_local.apimachinery.gvk import join_api_version
from choreo_local.embedded.kubeapi.resources import ServedResource, Subresource
from choreo_local.errors import NotAcceptableError

AGGREGATED_CONTENT_TYPE = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
MEDIA_TYPES = ("application/json", "application/yaml", "application/vnd.kubernetes.protobuf")

_STABLE = re.compile(r"v(\d{1,9})(?:(alpha|beta)(\d{1,9}))?")
# Kinds that kube-apiserver keeps in another version than the one it serves first.
_STORED_AS = {
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicy"): (
        "admissionregistration.k8s.io",
        "v1beta1",
    ),
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding"): (
        "admissionregistration.k8s.io",
        "v1beta1",
    ),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): ("apiextensions.k8s.io", "v1beta1"),
    ("autoscaling", "HorizontalPodAutoscaler"): ("autoscaling", "v2"),
    ("events.k8s.io", "Event"): ("", "v1"),
}
_MATURITY = {None: 2, "beta": 1, "alpha": 0}


def version_priority(version: str) -> tuple[Any, ...]:
    """Sorts versions best first: v2, v1, v1beta2, v1alpha1, then the others by name."""
    matched = _STABLE.fullmatch(version)
    if matched is None:
        return (1, version)
    return (0, -_MATURITY[matched[2]], -int(matched[1]), -int(matched[3] or 0))


def api_versions(server_address: str) -> dict[str, Any]:
    """The answer to `/api`."""
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [
            {"clientCIDR": "0.0.0.0/0", "serverAddress": server_address}
        ],
    }


def api_group_list(resources: Iterable[ServedResource]) -> dict[str, Any]:
    """The answer to `/apis`."""
    groups = [_group(name, versions) for name, versions in _groups(resources) if name]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def api_group(resources: Iterable[ServedResource], group: str) -> dict[str, Any] | None:
    """The answer to `/apis/{group}`; None when the group is not served."""
    for name, versions in _groups(resources):
        if name == group and name:
            return {"kind": "APIGroup", "apiVersion": "v1", **_group(name, versions)}
    return None


def api_resource_list(
    resources: Iterable[ServedResource], group: str, version: str
) -> dict[str, Any] | None:
    """The answer to `/apis/{group}/{version}` or `/api/v1`; None when it is not served."""
    found = [one for one in resources if (one.kind.group, one.kind.version) == (group, version)]
    if not found:
        return None
    answer: dict[str, Any] = {"kind": "APIResourceList"}
    if group:
        # The core group has answered without a version since before this field existed.
        answer["apiVersion"] = "v1"
    answer["groupVersion"] = join_api_version(group, version)
    answer["resources"] = [row for one in _sorted(found) for row in _rows(one)]
    return answer


def aggregated(resources: Iterable[ServedResource], *, core: bool) -> dict[str, Any]:
    """The answer to `/apis` (or `/api` with `core`) where the aggregated form was asked for."""
    items = [
        {
            "metadata": {"name": name} if name else {},
            "versions": [
                {
                    "version": version,
                    "resources": [_aggregated_resource(one) for one in _sorted(served)],
                    "freshness": "Current",
                }
                for version, served in versions
            ],
        }
        for name, versions in _groups(resources)
        if (not name) == core
    ]
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items,
    }


def is_aggregated_wanted(accept: str) -> bool:
    """Whether `/api` or `/apis` is to be answered in the aggregated form.

    It wins wherever it stands in the list. Only v2 is spoken: who asks for v2beta1 alone gets the
    legacy form when it accepts that too.

    Raises:
        NotAcceptableError: neither form is accepted.
    """
    plain = not accept.strip()
    for part in accept.split(","):
        media, *parameters = (piece.strip() for piece in part.split(";"))
        options = dict(piece.partition("=")[::2] for piece in parameters)
        if (
            options.get("as") == "APIGroupDiscoveryList"
            and options.get("g") == "apidiscovery.k8s.io"
        ):
            if options.get("v") == "v2" and media in MEDIA_TYPES:
                return True
        elif "as" not in options and media in (*MEDIA_TYPES, "*/*", "application/*"):
            plain = True
    if not plain:
        raise NotAcceptableError(
            f"only the following media types are accepted: {', '.join(MEDIA_TYPES)}"
        )
    return False


def storage_version_hash(group: str, version: str, kind: str) -> str:
    """What discovery prints so that clients notice when the stored form of a type changes."""
    digest = hashlib.sha256(f"{group}/{version}/{kind}".encode()).digest()
    return base64.b64encode(digest[:8]).decode()


def _groups(
    resources: Iterable[ServedResource],
) -> list[tuple[str, list[tuple[str, list[ServedResource]]]]]:
    """Groups in the order of their first appearance; custom ones sorted behind the builtin ones."""
    found: dict[str, dict[str, list[ServedResource]]] = {}
    ordered = sorted(resources, key=lambda one: (one.custom, one.kind.group if one.custom else ""))
    for one in ordered:
        found.setdefault(one.kind.group, {}).setdefault(one.kind.version, []).append(one)
    return [
        (name, sorted(versions.items(), key=lambda item: version_priority(item[0])))
        for name, versions in found.items()
    ]


def _group(name: str, versions: Sequence[tuple[str, list[ServedResource]]]) -> dict[str, Any]:
    listed = [
        {"groupVersion": join_api_version(name, version), "version": version}
        for version, _ in versions
    ]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def _sorted(resources: Iterable[ServedResource]) -> list[ServedResource]:
    return sorted(resources, key=lambda one: one.kind.plural)


def _rows(resource: ServedResource) -> list[dict[str, Any]]:
    kind = resource.kind
    row: dict[str, Any] = {
        "name": kind.plural,
        "singularName": resource.singular,
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        row["shortNames"] = list(resource.short_names)
    if resource.categories:
        row["categories"] = list(resource.categories)
    if "watch" in resource.verbs:
        stored = _STORED_AS.get((kind.group, kind.kind), (kind.group, kind.version))
        row["storageVersionHash"] = storage_version_hash(*stored, kind.kind)
    return [row, *(_subresource_row(resource, sub) for sub in resource.subresources.values())]


def _subresource_row(resource: ServedResource, sub: Subresource) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": f"{resource.kind.plural}/{sub.name}",
        "singularName": "",
        "namespaced": resource.kind.namespaced,
    }
    if (sub.kind.group, sub.kind.version) != (resource.kind.group, resource.kind.version):
        row |= {"group": sub.kind.group, "version": sub.kind.version}
    return row | {"kind": sub.kind.kind, "verbs": list(sub.verbs)}


def _aggregated_resource(resource: ServedResource) -> dict[str, Any]:
    kind = resource.kind
    row: dict[str, Any] = {
        "resource": kind.plural,
        "responseKind": _response_kind(resource, kind.group, kind.version, kind.kind),
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        row["shortNames"] = list(resource.short_names)
    if resource.categories:
        row["categories"] = list(resource.categories)
    if resource.subresources:
        row["subresources"] = [
            {
                "subresource": sub.name,
                "responseKind": _response_kind(
                    resource, sub.kind.group, sub.kind.version, sub.kind.kind
                ),
                "verbs": list(sub.verbs),
            }
            for sub in resource.subresources.values()
        ]
    return row


def _response_kind(resource: ServedResource, group: str, version: str, kind: str) -> dict[str, str]:
    own = (group, version) == (resource.kind.group, resource.kind.version)
    # Builtin kinds leave out what the document's group and version say already; custom ones do not.
    if own and not resource.custom:
        group = version = ""
    return {"group": group, "version": version, "kind": kind}
