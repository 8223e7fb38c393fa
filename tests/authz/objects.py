"""Roles and bindings for tests of authorization."""

from __future__ import annotations

from typing import Any

from choreo_local.authz.types import Subject

API_VERSION = "openchoreo.dev/v1alpha1"


def role(name: str, *actions: str, namespace: str = "") -> dict[str, Any]:
    """An AuthzRole of a namespace, or a ClusterAuthzRole."""
    kind = "AuthzRole" if namespace else "ClusterAuthzRole"
    return _object(kind, name, namespace, {"actions": list(actions)})


def binding(
    name: str,
    to: str,
    *,
    group: str = "dev",
    namespace: str = "",
    effect: str = "allow",
    role_namespace: str = "",
    **mapping: Any,
) -> dict[str, Any]:
    """A binding of a role to a group; `mapping` holds scope and conditions."""
    kind = "AuthzRoleBinding" if namespace else "ClusterAuthzRoleBinding"
    reference = {"kind": "AuthzRole" if role_namespace else "ClusterAuthzRole", "name": to}
    spec = {
        "effect": effect,
        "entitlement": {"claim": "groups", "value": group},
        "roleMappings": [{"roleRef": reference, **mapping}],
    }
    return _object(kind, name, namespace, spec)


def user(*groups: str) -> Subject:
    """Somebody who is in these groups."""
    return Subject("user", "groups", groups)


def _object(kind: str, name: str, namespace: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}
