"""What a run needs on its workflow plane, and the order in which it gets there. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from choreo_local.api import labels
from choreo_local.apimachinery import owners
from choreo_local.controllers.observed import Manifest
from choreo_local.controllers.outcome import PlaneReference, PlaneWork, Reference
from choreo_local.rendering import names
from choreo_local.rendering.errors import RenderError
from choreo_local.rendering.workflow import RenderedWorkflow

FIELD_MANAGER = labels.MANAGED_BY_WORKFLOW_RUN
_RBAC = "rbac.authorization.k8s.io"


def work(run: Manifest, rendered: RenderedWorkflow, plane: PlaneReference) -> PlaneWork:
    """Prepare the namespace, put down what goes with the run, then the run itself.

    Raises:
        RenderError: the rendered run lacks what it needs.
    """
    argo = rendered.submitted
    namespace = argo["metadata"].get("namespace") or ""
    account = (argo.get("spec") or {}).get("serviceAccountName") or ""
    for field, value in (("metadata.namespace", namespace), ("spec.serviceAccountName", account)):
        if not value:
            raise RenderError(f"the rendered run has no {field}")
    return PlaneWork(
        plane=plane,
        field_manager=FIELD_MANAGER,
        create=_prerequisites(namespace, account),
        apply=(
            *((entry.id, _tracked(entry.manifest, run)) for entry in rendered.resources),
            ("run", _owned(_tracked(argo, run), run)),
        ),
    )


def _prerequisites(namespace: str, account: str) -> tuple[Mapping[str, Any], ...]:
    """Namespace, service account, and its right to report the results of tasks."""
    role, binding = names.service_account_role(account)
    metadata = {"namespace": namespace}
    rule = {
        "apiGroups": ["argoproj.io"],
        "resources": ["workflowtaskresults"],
        "verbs": ["create", "patch"],
    }
    subject = {"kind": "ServiceAccount", "name": account, "namespace": namespace}
    return (
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {**metadata, "name": account}},
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "Role",
            "metadata": {**metadata, "name": role},
            "rules": [rule],
        },
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "RoleBinding",
            "metadata": {**metadata, "name": binding},
            "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": role},
            "subjects": [subject],
        },
    )


def _tracked(manifest: Mapping[str, Any], run: Manifest) -> dict[str, Any]:
    metadata = manifest["metadata"]
    found = {
        **(metadata.get("labels") or {}),
        labels.MANAGED_BY: labels.MANAGED_BY_WORKFLOW_RUN,
        labels.WORKFLOW_RUN: run["metadata"]["name"],
        labels.WORKFLOW_RUN_NAMESPACE: run["metadata"]["namespace"],
    }
    return {**manifest, "metadata": {**metadata, "labels": found}}


def _owned(manifest: dict[str, Any], run: Manifest) -> dict[str, Any]:
    """Beside its WorkflowRun the Argo Workflow goes with it; elsewhere nobody could tell."""
    if manifest["metadata"]["namespace"] != run["metadata"]["namespace"]:
        return manifest
    references = [owners.controller_reference(run)]
    return {**manifest, "metadata": {**manifest["metadata"], "ownerReferences": references}}


def place(manifest: Mapping[str, Any]) -> dict[str, str]:
    """How the status of a run names an object on the plane."""
    metadata = manifest["metadata"]
    return {
        "apiVersion": manifest["apiVersion"],
        "kind": manifest["kind"],
        "name": metadata["name"],
        "namespace": metadata["namespace"],
    }


def clean_up(run: Manifest, plane: PlaneReference) -> PlaneWork:
    """Take away what the run put on the plane: its resources, then itself."""
    status = run.get("status") or {}
    places: Sequence[Mapping[str, str]] = [
        *(status.get("resources") or ()),
        *([status["runReference"]] if status.get("runReference") else ()),
    ]
    return PlaneWork(
        plane=plane,
        field_manager=FIELD_MANAGER,
        delete=tuple(
            Reference(
                api_version=found["apiVersion"],
                kind=found["kind"],
                name=found["name"],
                namespace=found.get("namespace") or "",
            )
            for found in places
        ),
    )
