"""What an empty instance makes of an export: its objects, all planes mapped to its own. Pure."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any

from choreo_local.api import labels
from choreo_local.embedded.addons import pushplans, stores
from choreo_local.errors import RefusedError
from choreo_local.export import index, order, planes, verify
from choreo_local.export import stores as entries
from choreo_local.export.addresses import Addresses, inward
from choreo_local.export.documents import Document, documents_of
from choreo_local.export.index import Index
from choreo_local.export.reading import Tree

_MOST_LISTED = 5


def checked(tree: Tree, folder: str) -> Index:
    """The index of an export; RefusedError when it must not be applied."""
    verdict = verify.verified(tree)
    if verdict.problems:
        listed = "; ".join(str(each) for each in verdict.problems[:_MOST_LISTED])
        more = len(verdict.problems) - _MOST_LISTED
        raise RefusedError(
            f"cannot start from {folder}: {listed}" + (f"; and {more} more" if more > 0 else ""),
            remedy=f"See all: choreo export verify {folder}",
        )
    return index.read(tree.files[index.NAME])


def fingerprint(tree: Tree) -> str:
    """Tells exports apart."""
    return index.digest(tree.files[index.NAME])


def manifests(
    tree: Tree, described: Index, *, ports: Mapping[str, int], observer: str
) -> list[dict[str, Any]]:
    """Everything that is applied, in order.

    Args:
        tree: the export.
        described: its index.
        ports: purpose → port of this instance.
        observer: base URL of this instance's Observer API.
    """
    names = Addresses(described.domain, described.apps)
    found = []
    for document in _of_files(tree, f"{planes.REGISTRATIONS}/"):
        manifest = document.manifest
        spec = inward(manifest["spec"], names, ports, observer=observer)
        found.append({**manifest, "spec": {**spec, **_local(document)}})
    for plane in described.planes:
        found += [each.manifest for each in _of_files(tree, f"{plane['folder']}/gateways.yaml")]
    found += _entries(tree)
    for path in described.apply:
        found += [each.manifest for each in _of_files(tree, path)]
    return found


def is_of_every_instance(manifest: Mapping[str, Any]) -> bool:
    """Whether something that an instance starts with is needed beside an export: its own planes."""
    is_openchoreo = manifest["apiVersion"] == labels.API_VERSION
    return not is_openchoreo or manifest["kind"] in order.PLANES


def _local(document: Document) -> dict[str, Any]:
    """What makes a plane object mean the plane of this instance."""
    namespace = f"openchoreo-{planes.type_of(document.manifest)}"
    reference = {"name": "cluster-agent-tls", "namespace": namespace, "key": "ca.crt"}
    return {
        "planeID": labels.DEFAULT,
        "clusterAgent": {"clientCA": {"secretKeyRef": reference}},
    }


def _entries(tree: Tree) -> Iterable[dict[str, Any]]:
    for path in sorted(tree.files):
        key = entries.key_of_file(path)
        if key is not None:
            values = {
                name: base64.b64encode(text.encode()).decode()
                for name, text in entries.parsed(tree.files[path]).items()
            }
            yield pushplans.store_secret(key, values, (), namespace=stores.NAMESPACE)


def _of_files(tree: Tree, start: str) -> Iterable[Document]:
    for path in sorted(tree.files):
        if path.startswith(start):
            found, _ = documents_of(path, tree.files[path])
            yield from found
