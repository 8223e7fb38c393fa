"""MutatingAdmissionPolicies: expressions that change what is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from choreo_local.apimachinery.copying import deep_copy
from choreo_local.apimachinery.patch import atoms, fieldset, json_patch, merging, typechecking
from choreo_local.apimachinery.patch.atoms import Atom, Relation
from choreo_local.embedded.kubeapi import problems, typed
from choreo_local.embedded.kubeapi.authz import Authorizer
from choreo_local.embedded.kubeapi.core import Attributes, Manifest
from choreo_local.embedded.kubeapi.plugins import (
    expressions,
    patchtypes,
    policybindings,
    rules,
)
from choreo_local.embedded.kubeapi.plugins.policybindings import Bound, Evaluation, UnusableError
from choreo_local.embedded.kubeapi.registry import Registry
from choreo_local.embedded.storage.store import Store
from choreo_local.errors import Cause, ForbiddenError

_POLICIES = "mutatingadmissionpolicies.admissionregistration.k8s.io"
_BINDINGS = "mutatingadmissionpolicybindings.admissionregistration.k8s.io"
_APPLY = "ApplyConfiguration"


class MutatingPolicies:
    """Runs the policies that are bound, in the order of their names.

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
        """Let policies change the object; each notes what it left."""
        if rules.is_exempt(attributes) or not self._store.count(_BINDINGS):
            return
        self._run(self._concerning(attributes), attributes)

    def mutate_again(self, attributes: Attributes) -> None:
        """Run those policies again that ask for it and whose result was changed by others."""
        changed = [
            bound
            for bound in self._concerning(attributes)
            if bound.policy.get("reinvocationPolicy") == "IfNeeded"
            and attributes.course.left_by.get(bound.names, attributes.new) != attributes.new
        ]
        self._run(changed, attributes)

    def validate(self, attributes: Attributes) -> None:
        """Mutating has refused what must be refused."""

    def _concerning(self, attributes: Attributes) -> list[Bound]:
        found = policybindings.concerning(
            attributes, self._store, policies=_POLICIES, bindings=_BINDINGS
        )
        return sorted(found, key=lambda bound: bound.names)

    def _run(self, policies: Iterable[Bound], attributes: Attributes) -> None:
        failures: list[tuple[str, str]] = []
        for bound in policies:
            before = deep_copy(attributes.new)
            failures += self._run_one(bound, attributes)
            attributes.course.left_by[bound.names] = deep_copy(attributes.new)
            attributes.course.is_changed |= before != attributes.new
        if failures:
            raise _refusal(attributes, failures)

    def _run_one(self, bound: Bound, attributes: Attributes) -> Iterator[tuple[str, str]]:
        """Change the object; answers reason and text of what failed, if that must be told."""
        fails = (bound.policy.get("failurePolicy") or "Fail") == "Fail"
        policy, binding = bound.names
        prefix = f"policy '{policy}' with binding '{binding}' denied request: "
        try:
            found = policybindings.parameters(bound, attributes, self._store, self._registry)
        except UnusableError as error:
            if fails:
                yield "Forbidden", prefix + str(error)
            return
        for params in found:
            for problem in self._apply(bound.policy, params, attributes):
                if fails:
                    yield "Invalid", prefix + problem

    def _apply(
        self, policy: Mapping[str, Any], params: Any, attributes: Attributes
    ) -> Iterator[str]:
        values = expressions.bind(attributes, self._authorizer, self._store)
        values["params"] = params
        try:
            if not expressions.holds(policy.get("matchConditions"), values):
                return
        except expressions.ConditionError as error:
            yield str(error)
            return
        for mutation in policy.get("mutations") or ():
            try:
                _mutate(mutation, Evaluation(policy, values), attributes)
            except UnusableError as error:
                yield str(error)


def _mutate(mutation: Mapping[str, Any], evaluation: Evaluation, attributes: Attributes) -> None:
    obj = attributes.new
    if obj is None:
        return
    by_apply = mutation["patchType"] == _APPLY
    text = mutation["applyConfiguration" if by_apply else "jsonPatch"]["expression"].strip()
    result = evaluation.value(text, patching=True)
    changed = _merged(attributes, obj, result) if by_apply else _patched(obj, result)
    changed = _shaped(attributes, changed)
    obj.clear()
    obj.update(changed)


def _merged(attributes: Attributes, obj: Manifest, configuration: Any) -> Manifest:
    _check_names(configuration)
    kind, schema = attributes.call.collection.kind, attributes.call.collection.served.schema
    atom = atoms.of_object(schema)
    applied = {**patchtypes.plain(configuration), "apiVersion": kind.api_version, "kind": kind.kind}
    if why := typechecking.problems(atom, applied):
        raise UnusableError(
            f"error applying patch: failed to convert patch object to typed object: {why}"
        )
    if atomic := list(_atomic(atom, applied, ())):
        raise UnusableError(
            "error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps"
            f" or structs: {', '.join(atomic)}"
        )
    merged: Manifest = deep_copy(merging.merge(atom, obj, applied))
    return merged


def _check_names(value: Any) -> None:
    if wrong := patchtypes.misnamed(value):
        raise UnusableError("type mismatch: " + "\n".join(wrong))


def _atomic(atom: Atom, value: Any, path: tuple[str, ...]) -> Iterator[str]:
    """The places of what is replaced as a whole: an apply would take away what it does not name."""
    if isinstance(value, dict):
        if atom.map is Relation.ATOMIC:
            yield fieldset.text(path)
        for name, child in value.items():
            yield from _atomic(atom.child(name)[1], child, (*path, f"f:{name}"))
    elif isinstance(value, list):
        if atom.list is Relation.ATOMIC:
            yield fieldset.text(path)
        for index, item in enumerate(value):
            yield from _atomic(atom.item, item, (*path, f"i:{index}"))


def _patched(obj: Manifest, operations: Any) -> Manifest:
    found = [dict(operation) for operation in operations]
    for operation in found:
        if isinstance(operation.get("value"), patchtypes.ConstructedObject):
            _check_names(operation["value"])
        if "value" in operation:
            operation["value"] = patchtypes.plain(operation["value"])
    try:
        patched = json_patch.apply(obj, found)
    except json_patch.TestFailedError:
        return obj
    except json_patch.RejectedError as error:
        raise UnusableError(f"JSON Patch: {error.why}") from error
    if not isinstance(patched, dict):
        raise UnusableError("JSON Patch: the patched object is not an object")
    return patched


def _shaped(attributes: Attributes, changed: Manifest) -> Manifest:
    """A changed builtin object in the shape of its kind; what does not fit is a mistake of ours."""
    collection = attributes.call.collection
    if collection.served.custom:
        return changed
    changed = deep_copy(changed)
    try:
        unknown = typed.shape(collection.kind.gvk, changed)
    except ValueError as error:
        raise problems.internal(str(error)) from None
    if unknown:
        texts = ", ".join(f'unknown field "{path}"' for path in unknown)
        raise problems.internal(f"strict decoding error: {texts}")
    return changed


def _refusal(attributes: Attributes, failures: list[tuple[str, str]]) -> ForbiddenError:
    kind = attributes.call.collection.kind
    reason, text = failures[0]
    return ForbiddenError(
        text,
        reason=reason,
        causes=[Cause("", told) for _, told in failures],
        details=problems.identify(kind, attributes.name),
    )
