"""Rules of the kinds that say who admits requests."""

from __future__ import annotations

from choreo_local.embedded.kubeapi.validation import admissionpolicies, webhooks
from choreo_local.embedded.kubeapi.validation.rules import Rules

RULES = {
    "MutatingAdmissionPolicy": Rules(
        admissionpolicies.validate_mutating,
        admissionpolicies.validate_mutating_update,
        namespaced=False,
        any_finalizer=True,
    ),
    "MutatingAdmissionPolicyBinding": Rules(
        admissionpolicies.validate_mutating_binding,
        admissionpolicies.validate_mutating_binding_update,
        namespaced=False,
        any_finalizer=True,
    ),
    "MutatingWebhookConfiguration": Rules(
        webhooks.validate, webhooks.validate_update, namespaced=False, any_finalizer=True
    ),
    "ValidatingAdmissionPolicy": Rules(
        admissionpolicies.validate,
        admissionpolicies.validate_update,
        subresources={"status": admissionpolicies.validate_status},
        namespaced=False,
        any_finalizer=True,
    ),
    "ValidatingAdmissionPolicyBinding": Rules(
        admissionpolicies.validate_binding,
        admissionpolicies.validate_binding_update,
        namespaced=False,
        any_finalizer=True,
    ),
    "ValidatingWebhookConfiguration": Rules(
        webhooks.validate, webhooks.validate_update, namespaced=False, any_finalizer=True
    ),
}
