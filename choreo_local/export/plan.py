"""An instance → the files of an export. Pure, and the same files for the same instance."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from choreo_local.api import labels
from choreo_local.apimachinery import yamltext
from choreo_local.export import index, leftovers, order, planes, readme, stores, values
from choreo_local.export.addresses import Addresses
from choreo_local.export.cleaning import cleaned
from choreo_local.export.planes import AGENT_AUTHORITY, CONTROL, Plane
from choreo_local.export.state import Choices, File, Identity, Left, Manifest, State, key_of

RESOURCES = f"{CONTROL}/resources"
# Made by the chart of the data plane.
_GATEWAY_OF_CHART = "gateway-default"


def planned(state: State, choices: Choices) -> list[File]:
    """All files of the export, `export.yaml` last."""
    found = planes.planes(state)
    secrets, unfit = stores.entries(state)
    files = [
        *_control_plane(state, choices),
        *(file for plane in found for file in _plane(plane, state, choices)),
        *(secrets if choices.with_secrets else ()),
        File(readme.REGISTER, readme.register_script()),
    ]
    left = [*leftovers.leftovers(state), *(unfit if choices.with_secrets else ())]
    files.append(File(readme.NAME, _readme(state, choices, found, files, left)))
    files.sort(key=lambda file: file.path)
    digests, private = index.listed(files)
    described = index.Index(
        domain=choices.domain,
        apps=choices.apps_domain,
        files=digests,
        private=private,
        apply=[file.path for file in files if file.path.startswith(f"{RESOURCES}/")],
        planes=[_described(plane) for plane in found],
        upstream=frozenset(key_of(obj) for obj in state.defaults),
        left=left,
        with_secrets=choices.with_secrets,
    )
    return [*files, index.written(described)]


def documents(manifests: Iterable[Manifest]) -> str:
    """Manifests as one YAML text."""
    return "---\n".join(yamltext.dump(dict(manifest)) for manifest in manifests)


def _control_plane(state: State, choices: Choices) -> Iterator[File]:
    names = Addresses(choices.domain, choices.apps_domain)
    yield File(f"{CONTROL}/values.yaml", yamltext.dump(values.control_plane(names)))
    defaults = {key_of(obj): obj for obj in state.defaults}
    namespaces = set()
    for kind in order.KINDS:
        moving = [
            cleaned(obj)
            for obj in state.of_kind(kind)
            if kind != order.NAMESPACE and not leftovers.is_default(obj, defaults)
        ]
        namespaces |= {key_of(obj).namespace for obj in moving} - {""}
        if moving:
            yield File(f"{RESOURCES}/{order.file_name(kind)}", documents(moving))
    for kind in order.PLANES:
        for obj in state.of_kind(kind):
            namespaces |= {key_of(obj).namespace} - {""}
            registered = planes.registration(obj, state, choices)
            yield File(planes.file_name(obj), documents([registered]))
    tenants = _tenants(state, namespaces)
    yield File(f"{RESOURCES}/{order.file_name(order.NAMESPACE)}", documents(tenants))


def _tenants(state: State, used: set[str]) -> list[dict[str, Any]]:
    """The namespaces of OpenChoreo's objects, marked as such."""
    known = {obj["metadata"]["name"]: cleaned(obj) for obj in state.of_kind(order.NAMESPACE)}
    marked = {
        name
        for name, obj in known.items()
        if (obj["metadata"].get("labels") or {}).get(labels.CONTROL_PLANE) == labels.TRUE
    }
    found = []
    for name in sorted(marked | used):
        metadata = known.get(name, _namespace(name))["metadata"]
        marks = {**(metadata.get("labels") or {}), labels.CONTROL_PLANE: labels.TRUE}
        found.append({**_namespace(name), "metadata": {**metadata, "labels": marks}})
    return found


def _plane(plane: Plane, state: State, choices: Choices) -> Iterator[File]:
    names = Addresses(choices.domain, choices.apps_domain)
    authority = choices.authorities.get(plane.folder)
    found = values.of_plane(plane, names, own_authority=authority is not None)
    yield File(f"{plane.folder}/values.yaml", yamltext.dump(found))
    spaces = [_namespace(name) for name in _namespaces(plane, state)]
    yield File(f"{plane.folder}/namespaces.yaml", documents(spaces))
    if plane.stores:
        kept = [manifest for name in plane.stores for manifest in stores.manifests(name)]
        yield File(f"{plane.folder}/secret-store.yaml", documents(_once(kept)))
    if authority is not None:
        secret = _authority_secret(plane, authority)
        yield File(f"{plane.folder}/agent-authority.yaml", documents([secret]), private=True)
    gateways = _gateways(plane, state)
    if gateways:
        yield File(f"{plane.folder}/gateways.yaml", documents(gateways))


def _namespaces(plane: Plane, state: State) -> list[str]:
    names = {plane.namespace}
    if plane.type == "observability-plane":
        # Channels are sent there under the name of their namespace, which nobody else makes.
        channels = state.of_kind("ObservabilityAlertsNotificationChannel")
        names |= {obj["metadata"]["namespace"] for obj in channels}
    else:
        # Where what collects logs and metrics lives, on each cluster.
        names.add(labels.OBSERVABILITY_PLANE_NAMESPACE)
    return sorted(names)


def _gateways(plane: Plane, state: State) -> list[dict[str, Any]]:
    if plane.type != "data-plane" or not plane.is_here:
        return []
    return [
        cleaned(obj)
        for obj in state.of_kind("Gateway")
        if obj["metadata"]["namespace"] == plane.namespace
        and obj["metadata"]["name"] != _GATEWAY_OF_CHART
    ]


def _authority_secret(plane: Plane, authority: Identity) -> dict[str, Any]:
    parts = {
        "ca.crt": authority.certificate,
        "tls.crt": authority.certificate,
        "tls.key": authority.key,
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": AGENT_AUTHORITY, "namespace": plane.namespace},
        "type": "kubernetes.io/tls",
        "data": {name: base64.b64encode(text.encode()).decode() for name, text in parts.items()},
    }


def _namespace(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _once(manifests: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return list({key_of(manifest): manifest for manifest in manifests}.values())


def _described(plane: Plane) -> dict[str, Any]:
    return {
        "folder": plane.folder,
        "type": plane.type,
        "id": plane.id,
        "namespace": plane.namespace,
        "chart": plane.chart,
        "registrations": [planes.file_name(obj) for obj in plane.objects],
    }


def _readme(
    state: State,
    choices: Choices,
    found: Sequence[Plane],
    files: Sequence[File],
    left: Sequence[Left],
) -> str:
    registered = {
        planes.file_name(obj): planes.registration(obj, state, choices)
        for plane in found
        for obj in plane.objects
    }
    return readme.text(
        found,
        Addresses(choices.domain, choices.apps_domain),
        hosts={
            plane.folder: sorted(
                {
                    host
                    for obj in plane.objects
                    for host in planes.hosts(registered[planes.file_name(obj)])
                }
            )
            for plane in found
        },
        paths=frozenset(file.path for file in files),
        own_authorities=frozenset(choices.authorities),
        pending=frozenset(
            path for path, manifest in registered.items() if planes.is_pending(manifest)
        ),
        entries=stores.needed(state),
        with_secrets=choices.with_secrets,
        left=left,
    )
