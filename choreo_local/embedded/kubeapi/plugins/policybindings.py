"""Which policies concern a request, with which parameters and variables.

Validating and mutating policies share these.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from choreo_local.apimachinery import selectors
from choreo_local.cel.errors import CompileError, EvaluationError
from choreo_local.embedded.kubeapi.core import Attributes
from choreo_local.embedded.kubeapi.plugins import expressions, rules
from choreo_local.embedded.kubeapi.registry import Registry
from choreo_local.embedded.storage.store import Store, key_of


class UnusableError(ValueError):
    """A policy cannot be carried out for a request; the text is the real server's."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A policy by way of one of its bindings.

    Attributes:
        policy: the `spec` of the policy.
        binding: the `spec` of the binding.
        names: of the policy and of the binding.
    """

    policy: Mapping[str, Any]
    binding: Mapping[str, Any]
    names: tuple[str, str]


def concerning(
    attributes: Attributes, store: Store, *, policies: str, bindings: str
) -> Iterator[Bound]:
    """The policies that are bound and whose rules select a request.

    Args:
        attributes: of the request.
        store: where all of them are.
        policies: the resource of the policies.
        bindings: the resource of their bindings.
    """
    for stored in store.select(bindings):
        spec = stored.object["spec"]
        policy = store.get(policies, spec.get("policyName", ""))
        if policy is None:
            continue
        constraints = policy.object["spec"].get("matchConstraints") or {}
        if not rules.selects(constraints, attributes, store):
            continue
        if rules.selects(spec.get("matchResources") or {}, attributes, store):
            yield Bound(policy.object["spec"], spec, (policy.name, stored.name))


def parameters(
    bound: Bound, attributes: Attributes, store: Store, registry: Registry
) -> Sequence[Any]:
    """The parameter objects with which to run a policy, one after another; None stands for none."""
    kind, reference = bound.policy.get("paramKind"), bound.binding.get("paramRef")
    if kind is None or reference is None:
        return [None]
    collection = registry.find_kind(kind.get("apiVersion", ""), kind.get("kind", ""))
    if collection is None:
        raise UnusableError(
            "failed to configure policy: failed to find resource referenced by paramKind:"
            f" '{kind.get('apiVersion')}, Kind={kind.get('kind')}'"
        )
    namespace = None
    if collection.kind.namespaced:
        namespace = reference.get("namespace") or attributes.namespace
    name = reference.get("name")
    if name:
        stored = store.get(collection.storage, key_of(namespace, name))
        found = [] if stored is None else [stored]
    else:
        selector = selectors.from_dict(reference.get("selector"))
        candidates = store.select(collection.storage, namespace)
        found = [one for one in candidates if selector.matches(one.labels)]
    if not found and reference.get("parameterNotFoundAction") != "Allow":
        raise UnusableError(
            "failed to configure binding: no params found for policy binding with `Deny`"
            " parameterNotFoundAction"
        )
    return [one.object for one in found]


class Evaluation:
    """Evaluates the expressions of a policy for a request.

    A variable that has no value is a failure only of the expressions that use it.

    Args:
        policy: the `spec` of the policy.
        values: of what every expression may use.
    """

    def __init__(self, policy: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        variables: dict[str, Any] = {}
        self._values = {**values, "variables": variables}
        self._failed: dict[str, str] = {}
        for variable in policy.get("variables") or ():
            name = variable["name"]
            try:
                variables[name] = self._value(variable["expression"])
            except (CompileError, EvaluationError) as error:
                why = f'composited variable "{name}" fails to evaluate: {self._why(error)}'
                self._failed[f"no such key: {name}"] = why

    def value(self, text: str, *, patching: bool = False) -> Any:
        """The value of an expression; UnusableError says why there is none."""
        try:
            return self._value(text, patching=patching)
        except (CompileError, EvaluationError) as error:
            why = f"expression '{text}' resulted in error: {self._why(error)}"
            raise UnusableError(why) from error

    def _value(self, text: str, *, patching: bool = False) -> Any:
        return expressions.compile_(text, patching=patching).evaluate(self._values)

    def _why(self, error: CompileError | EvaluationError) -> str:
        return self._failed.get(error.message, error.message)
