"""Role bindings and certificate requests."""

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


def _binding(obj: Object, now: datetime) -> list[Any]:
    role = obj.get("roleRef") or {}
    subjects = obj.get("subjects") or ()
    accounts = [
        f"{one.get('namespace') or ''}/{one.get('name') or ''}"
        for one in subjects
        if one.get("kind") == "ServiceAccount"
    ]
    return [
        cells.name(obj),
        f"{role.get('kind', '')}/{role.get('name', '')}",
        cells.age(obj, now),
        ", ".join(one.get("name") or "" for one in subjects if one.get("kind") == "User"),
        ", ".join(one.get("name") or "" for one in subjects if one.get("kind") == "Group"),
        ", ".join(accounts),
    ]


def _certificate_request(obj: Object, now: datetime) -> list[Any]:
    expiration = cells.get(obj, "spec.expirationSeconds")
    return [
        cells.name(obj),
        cells.age(obj, now),
        cells.get(obj, "spec.signerName") or cells.NONE,
        cells.get(obj, "spec.username", ""),
        cells.NONE if expiration is None else cells.human_duration(expiration),
        _certificate_state(obj),
    ]


def _certificate_state(obj: Object) -> str:
    types = {condition.get("type") for condition in cells.get(obj, "status.conditions", ())}
    state = "Denied" if "Denied" in types else "Approved" if "Approved" in types else "Pending"
    if "Failed" in types:
        state += ",Failed"
    if cells.get(obj, "status.certificate"):
        state += ",Issued"
    return state


_BINDING = Printer(
    (
        NAME,
        column("Role", "Role that is granted."),
        AGE,
        wide("Users", "Users who get it."),
        wide("Groups", "Groups that get it."),
        wide("ServiceAccounts", "Service accounts that get it."),
    ),
    _binding,
)
PRINTERS = {
    ("rbac.authorization.k8s.io", "RoleBinding"): _BINDING,
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): _BINDING,
    ("certificates.k8s.io", "CertificateSigningRequest"): Printer(
        (
            NAME,
            AGE,
            column("SignerName", "Who is asked to sign."),
            column("Requestor", "Who asked."),
            column("RequestedDuration", "How long the certificate shall be valid."),
            column("Condition", "Whether it was approved, denied, issued."),
        ),
        _certificate_request,
    ),
}
