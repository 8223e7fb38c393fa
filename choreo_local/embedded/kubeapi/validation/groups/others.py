"""Rules of the kinds of groups that have one or two."""

from __future__ import annotations

from choreo_local.embedded.kubeapi.validation import (
    apiservices,
    autoscaling,
    budgets,
    certificates,
    classes,
    names,
)
from choreo_local.embedded.kubeapi.validation.rules import Rules

RULES = {
    "APIService": Rules(
        apiservices.validate,
        apiservices.validate_update,
        subresources={"status": apiservices.validate_status},
        name=names.path_segment,
        namespaced=False,
        any_finalizer=True,
    ),
    "HorizontalPodAutoscaler": Rules(
        autoscaling.validate,
        autoscaling.validate_update,
        subresources={"status": autoscaling.validate_status},
        repeats=False,
    ),
    "CertificateSigningRequest": Rules(
        certificates.validate,
        certificates.validate_update,
        subresources={
            "approval": certificates.validate_approval,
            "status": certificates.validate_status,
        },
        name=names.anything,
        namespaced=False,
    ),
    "RuntimeClass": Rules(
        classes.validate_runtime,
        classes.validate_runtime_update,
        namespaced=False,
        any_finalizer=True,
    ),
    "PodDisruptionBudget": Rules(
        budgets.validate,
        budgets.validate_update,
        subresources={"status": budgets.validate_status},
        name=names.path_segment,
        repeats=False,
        any_finalizer=True,
    ),
    "PriorityClass": Rules(
        classes.validate_priority,
        classes.validate_priority_update,
        namespaced=False,
        repeats=False,
    ),
}
