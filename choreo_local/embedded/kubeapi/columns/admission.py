"""Admission webhooks and policies."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from choreo_local.embedded.kubeapi.columns import cells
from choreo_local.embedded.kubeapi.columns.printer import AGE, NAME, Object, Printer, column

_GROUP = "admissionregistration.k8s.io"


def _webhooks(obj: Object, now: datetime) -> list[Any]:
    return [cells.name(obj), len(obj.get("webhooks") or ()), cells.age(obj, now)]


def _policy(obj: Object, now: datetime) -> list[Any]:
    parameters = cells.get(obj, "spec.paramKind")
    kind = cells.UNSET
    if parameters is not None:
        kind = f"{parameters.get('apiVersion', '')}/{parameters.get('kind', '')}"
    rules = cells.get(obj, "spec.validations") or cells.get(obj, "spec.mutations") or ()
    return [cells.name(obj), len(rules), kind, cells.age(obj, now)]


def _policy_binding(obj: Object, now: datetime) -> list[Any]:
    reference = cells.get(obj, "spec.paramRef")
    text = cells.UNSET
    if reference is not None and reference.get("name"):
        text = f"{reference.get('namespace') or '*'}/{reference['name']}"
    elif reference is not None and reference.get("selector") is not None:
        text = cells.selector(reference["selector"])
    return [
        cells.name(obj),
        cells.get(obj, "spec.policyName", ""),
        text,
        cells.age(obj, now),
    ]


_WEBHOOKS = Printer(
    (NAME, column("Webhooks", "Number of webhooks.", type="integer"), AGE), _webhooks
)
_BINDING = Printer(
    (
        NAME,
        column("PolicyName", "Policy that is put to use."),
        column("ParamRef", "Objects that the policy takes its parameters from."),
        AGE,
    ),
    _policy_binding,
)
_PARAMETERS = column("ParamKind", "Kind of the objects with parameters.")
PRINTERS = {
    (_GROUP, "MutatingWebhookConfiguration"): _WEBHOOKS,
    (_GROUP, "ValidatingWebhookConfiguration"): _WEBHOOKS,
    (_GROUP, "ValidatingAdmissionPolicyBinding"): _BINDING,
    (_GROUP, "MutatingAdmissionPolicyBinding"): _BINDING,
    (_GROUP, "ValidatingAdmissionPolicy"): Printer(
        (NAME, column("Validations", "Number of rules.", type="integer"), _PARAMETERS, AGE),
        _policy,
    ),
    (_GROUP, "MutatingAdmissionPolicy"): Printer(
        (NAME, column("Mutations", "Number of changes.", type="integer"), _PARAMETERS, AGE),
        _policy,
    ),
}
