"""ValidatingAdmissionPolicies: expressions that judge what is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from choreo_local.embedded.kubeapi import problems
from choreo_local.embedded.kubeapi.authz import Authorizer
from choreo_local.embedded.kubeapi.core import Attributes
from choreo_local.embedded.kubeapi.plugins import expressions, policybindings, rules
from choreo_local.embedded.kubeapi.plugins.policybindings import Bound, Evaluation, UnusableError
from choreo_local.embedded.kubeapi.registry import Registry
from choreo_local.embedded.storage.store import Store
from choreo_local.errors import (
    ApiError,
    Cause,
    ForbiddenError,
    InvalidError,
    TooLargeError,
    UnauthorizedError,
)

_POLICIES = "validatingadmissionpolicies.admissionregistration.k8s.io"
_BINDINGS = "validatingadmissionpolicybindings.admissionregistration.k8s.io"
_REASONS: Mapping[str, type[ApiError]] = {
    "Forbidden": ForbiddenError,
    "Invalid": InvalidError,
    "RequestEntityTooLarge": TooLargeError,
    "Unauthorized": UnauthorizedError,
}


@dataclass(frozen=True, slots=True)
class _Denial:
    message: str
    reason: str = "Invalid"


class ValidatingPolicies:
    """Runs the policies that are bound.

    Args:
        store: where policies, bindings and parameters are.
        registry: finds the resource of a parameter kind.
        authorizer: for expressions that ask what the caller may do.
    """

    def __init__(self, store: Store, registry: Registry, authorizer: Authorizer) -> None:
        self._store = store
        self._registry = registry
        self._authorizer = authorizer

    def mutate(self, attributes: Attributes) -> None:
        """Policies change nothing."""

    def validate(self, attributes: Attributes) -> None:
        """Refuse what a bound policy denies."""
        if rules.is_exempt(attributes) or not self._store.count(_BINDINGS):
            return
        for bound in policybindings.concerning(
            attributes, self._store, policies=_POLICIES, bindings=_BINDINGS
        ):
            for denial in self._judge(bound, attributes):
                _act(denial, bound.names, bound.binding.get("validationActions") or (), attributes)

    def _judge(self, bound: Bound, attributes: Attributes) -> Iterator[_Denial]:
        policy = bound.policy
        fails = (policy.get("failurePolicy") or "Fail") == "Fail"
        values = expressions.bind(attributes, self._authorizer, self._store)
        try:
            if not expressions.holds(policy.get("matchConditions"), values):
                return
        except expressions.ConditionError as error:
            if fails:
                yield _Denial(str(error))
            return
        try:
            found = policybindings.parameters(bound, attributes, self._store, self._registry)
        except UnusableError as error:
            if fails:
                yield _Denial(str(error))
            return
        for params in found:
            yield from _evaluate(policy, {**values, "params": params}, fails=fails)


def _evaluate(
    policy: Mapping[str, Any], values: dict[str, Any], *, fails: bool
) -> Iterator[_Denial]:
    evaluation = Evaluation(policy, values)
    for validation in policy.get("validations") or ():
        text = validation["expression"].strip()
        try:
            passed = evaluation.value(text)
        except UnusableError as error:
            if fails:
                yield _Denial(str(error))
            continue
        if passed is not True:
            yield _Denial(_message(validation, evaluation), validation.get("reason") or "Invalid")


def _message(validation: Mapping[str, Any], evaluation: Evaluation) -> str:
    expression = validation.get("messageExpression")
    if expression:
        try:
            text = evaluation.value(expression)
        except UnusableError:
            text = ""
        if isinstance(text, str) and text.strip() and "\n" not in text:
            return text.strip()
    given = validation.get("message") or ""
    return given.strip() or f"failed expression: {validation['expression'].strip()}"


def _act(
    denial: _Denial, names: tuple[str, str], actions: Sequence[str], attributes: Attributes
) -> None:
    policy, binding = names
    if "Warn" in actions:
        attributes.warn(
            f"Validation failed for ValidatingAdmissionPolicy '{policy}' with binding"
            f" '{binding}': {denial.message}"
        )
    if "Deny" not in actions:
        return
    text = (
        f"ValidatingAdmissionPolicy '{policy}' with binding '{binding}' denied request:"
        f" {denial.message}"
    )
    refusal = problems.forbidden(attributes.call.collection.kind, attributes.name, text)
    kind = _REASONS.get(denial.reason, InvalidError)
    raise kind(
        refusal.message,
        reason=denial.reason,
        causes=[Cause("", text)],
        details=refusal.details,
    )
