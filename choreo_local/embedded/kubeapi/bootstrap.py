"""What every cluster has from its first moment: namespaces, roles, bindings, priorities."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from choreo_local import clock
from choreo_local.embedded.kubeapi.core import Core
from choreo_local.embedded.kubeapi.traits import counts_generation
from choreo_local.embedded.storage.store import key_of

NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
_DATA = Path(__file__).parent / "_generated" / "bootstrap.jsonl.gz"
# A cluster admin may take this role or binding as his own: then a start leaves it alone.
_AUTO_UPDATE = "rbac.authorization.kubernetes.io/autoupdate"


def ensure(core: Core, *, service_address: str, server_address: str) -> None:
    """Create what is missing, and bring roles of an older release up to date."""
    for name in NAMESPACES:
        if core.store.get("namespaces", name) is None:
            core.store.put("namespaces", name, _namespace(name))
    for manifest in _objects():
        _ensure_object(core, manifest)
    if core.store.get("services", "default/kubernetes") is None:
        core.store.put("services", "default/kubernetes", _service(service_address))
    host, _, port = server_address.rpartition(":")
    for manifest in (_endpoints(host, int(port)), _slice(host, int(port))):
        _ensure_equal(core, manifest)


def _objects() -> Iterator[dict[str, Any]]:
    for line in gzip.decompress(_DATA.read_bytes()).splitlines():
        yield orjson.loads(line)


def _ensure_object(core: Core, manifest: dict[str, Any]) -> None:
    collection = core.registry.find_kind(manifest["apiVersion"], manifest["kind"])
    if collection is None:
        return
    metadata = manifest["metadata"]
    key = key_of(metadata.get("namespace"), metadata["name"])
    stored = core.store.get(collection.storage, key)
    if stored is None:
        new = {**manifest, "metadata": {**metadata, **_identity()}}
        if counts_generation(collection):
            new["metadata"]["generation"] = 1
        core.store.put(collection.storage, key, new)
    elif _is_outdated(stored.object, manifest):
        core.store.put(collection.storage, key, {**stored.fresh(), "rules": manifest["rules"]})


def _ensure_equal(core: Core, manifest: dict[str, Any]) -> None:
    """Have an object say exactly this; where the API is reached may change with every start."""
    collection = core.registry.find_kind(manifest["apiVersion"], manifest["kind"])
    if collection is None:
        return
    key = key_of("default", manifest["metadata"]["name"])
    stored = core.store.get(collection.storage, key)
    if stored is None:
        metadata = {**manifest["metadata"], **_identity()}
        if counts_generation(collection):
            metadata["generation"] = 1
        core.store.put(collection.storage, key, {**manifest, "metadata": metadata})
    elif any(stored.object.get(field) != manifest[field] for field in set(manifest) - {"metadata"}):
        fresh = stored.fresh()
        core.store.put(
            collection.storage, key, {**fresh, **manifest, "metadata": fresh["metadata"]}
        )


def _is_outdated(obj: Mapping[str, Any], manifest: Mapping[str, Any]) -> bool:
    """Whether a stored role lacks rules that this release gives it."""
    if not manifest.get("rules"):
        return False
    annotations = obj["metadata"].get("annotations") or {}
    if annotations.get(_AUTO_UPDATE) != "true":
        return False
    present = obj.get("rules") or []
    return any(rule not in present for rule in manifest["rules"])


def _identity() -> dict[str, str]:
    return {"uid": clock.new_uid(), "creationTimestamp": clock.timestamp()}


def _namespace(name: str) -> dict[str, Any]:
    labels = {"kubernetes.io/metadata.name": name}
    return {
        "kind": "Namespace",
        "apiVersion": "v1",
        "metadata": {"name": name, **_identity(), "labels": labels},
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    }


def _service(address: str) -> dict[str, Any]:
    """The Service by which pods find this API."""
    labels = {"component": "apiserver", "provider": "kubernetes"}
    port = {"name": "https", "protocol": "TCP", "port": 443, "targetPort": 6443}
    return {
        "kind": "Service",
        "apiVersion": "v1",
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            **_identity(),
            "labels": labels,
        },
        "spec": {
            "ports": [port],
            "clusterIP": address,
            "clusterIPs": [address],
            "type": "ClusterIP",
            "sessionAffinity": "None",
            "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack",
            "internalTrafficPolicy": "Cluster",
        },
        "status": {"loadBalancer": {}},
    }


def _endpoints(host: str, port: int) -> dict[str, Any]:
    """Where that Service leads to."""
    subset = {
        "addresses": [{"ip": host}],
        "ports": [{"name": "https", "port": port, "protocol": "TCP"}],
    }
    labels = {"endpointslice.kubernetes.io/skip-mirror": "true"}
    return {
        "kind": "Endpoints",
        "apiVersion": "v1",
        "metadata": {"name": "kubernetes", "namespace": "default", "labels": labels},
        "subsets": [subset],
    }


def _slice(host: str, port: int) -> dict[str, Any]:
    """The same, as proxies read it."""
    labels = {"kubernetes.io/service-name": "kubernetes"}
    return {
        "kind": "EndpointSlice",
        "apiVersion": "discovery.k8s.io/v1",
        "metadata": {"name": "kubernetes", "namespace": "default", "labels": labels},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [host], "conditions": {"ready": True}}],
        "ports": [{"name": "https", "port": port, "protocol": "TCP"}],
    }
