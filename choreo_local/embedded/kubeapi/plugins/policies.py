"""ValidatingAdmissionPolicies: expressions that judge what is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from choreo_local.apimachinery import selectors
from choreo_local.cel.errors import CompileError, EvaluationError
from choreo_local.embedded.kubeapi import problems
from choreo_local.embedded.kubeapi.authz import Authorizer
from choreo_local.embedded.kubeapi.core import Attributes
from choreo_local.embedded.kubeapi.plugins import expressions, rules
from choreo_local.embedded.kubeapi.registry import Registry
from choreo_local.embedded.storage.store import Store, key_of
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
        for stored in self._store.select(_BINDINGS):
            self._apply(stored.object, attributes)

    def _apply(self, binding: Mapping[str, Any], attributes: Attributes) -> None:
        spec = binding["spec"]
        stored = self._store.get(_POLICIES, spec.get("policyName", ""))
        if stored is None:
            return
        policy = stored.object
        constraints = policy["spec"].get("matchConstraints") or {}
        if not rules.selects(constraints, attributes, self._store):
            return
        if not rules.selects(spec.get("matchResources") or {}, attributes, self._store):
            return
        names = stored.name, binding["metadata"]["name"]
        for denial in self._judge(policy["spec"], spec, attributes):
            _act(denial, names, spec.get("validationActions") or (), attributes)

    def _judge(
        self, policy: Mapping[str, Any], binding: Mapping[str, Any], attributes: Attributes
    ) -> Iterator[_Denial]:
        fails = (policy.get("failurePolicy") or "Fail") == "Fail"
        values = expressions.bind(attributes, self._authorizer, self._store)
        try:
            if not expressions.holds(policy.get("matchConditions"), values):
                return
        except (CompileError, EvaluationError) as error:
            if fails:
                yield _Denial(error.message)
            return
        found = self._parameters(policy, binding, attributes)
        if isinstance(found, _Denial):
            if fails:
                yield found
            return
        for params in found:
            yield from _evaluate(policy, {**values, "params": params}, fails=fails)

    def _parameters(
        self, policy: Mapping[str, Any], binding: Mapping[str, Any], attributes: Attributes
    ) -> Sequence[Any] | _Denial:
        kind, reference = policy.get("paramKind"), binding.get("paramRef")
        if kind is None or reference is None:
            return [None]
        collection = self._registry.find_kind(kind.get("apiVersion", ""), kind.get("kind", ""))
        if collection is None:
            return _Denial(
                "failed to configure policy: failed to find resource referenced by paramKind:"
                f" '{kind.get('apiVersion')}, Kind={kind.get('kind')}'"
            )
        namespace = None
        if collection.kind.namespaced:
            namespace = reference.get("namespace") or attributes.namespace
        name = reference.get("name")
        if name:
            stored = self._store.get(collection.storage, key_of(namespace, name))
            found = [] if stored is None else [stored]
        else:
            selector = selectors.from_dict(reference.get("selector"))
            candidates = self._store.select(collection.storage, namespace)
            found = [one for one in candidates if selector.matches(one.labels)]
        if not found and reference.get("parameterNotFoundAction") != "Allow":
            return _Denial(
                "failed to configure binding: no params found for policy binding with `Deny`"
                " parameterNotFoundAction"
            )
        return [one.object for one in found]


def _evaluate(
    policy: Mapping[str, Any], values: dict[str, Any], *, fails: bool
) -> Iterator[_Denial]:
    variables: dict[str, Any] = {}
    values["variables"] = variables
    for variable in policy.get("variables") or ():
        try:
            variables[variable["name"]] = _value(variable["expression"], values)
        except (CompileError, EvaluationError) as error:
            if fails:
                yield _Denial(
                    f'composited variable "{variable["name"]}" fails to evaluate: {error.message}'
                )
            return
    for validation in policy.get("validations") or ():
        text = validation["expression"].strip()
        try:
            passed = _value(text, values)
        except (CompileError, EvaluationError) as error:
            if fails:
                yield _Denial(f"expression '{text}' resulted in error: {error.message}")
            continue
        if passed is not True:
            yield _Denial(_message(validation, values), validation.get("reason") or "Invalid")


def _value(text: str, values: Mapping[str, Any]) -> Any:
    return expressions.compile_(text).evaluate(values)


def _message(validation: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    expression = validation.get("messageExpression")
    if expression:
        try:
            text = _value(expression, values)
        except (CompileError, EvaluationError):
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
