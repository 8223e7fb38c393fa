"""What every cluster has from its first moment: the system namespaces."""

from __future__ import annotations

from typing import Any

from choreo_local import clock
from choreo_local.embedded.kubeapi.core import Core

NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")


def ensure_namespaces(core: Core) -> None:
    """Create the system namespaces that are missing."""
    for name in NAMESPACES:
        if core.store.get("namespaces", name) is None:
            core.store.put("namespaces", name, _namespace(name))


def _namespace(name: str) -> dict[str, Any]:
    return {
        "kind": "Namespace",
        "apiVersion": "v1",
        "metadata": {
            "name": name,
            "uid": clock.new_uid(),
            "creationTimestamp": clock.timestamp(),
            "labels": {"kubernetes.io/metadata.name": name},
        },
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    }
