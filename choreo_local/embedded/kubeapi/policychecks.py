"""Expressions of admission configurations: refused when malformed or of a wrong type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.cel import types
from choreo_local.cel.errors import CompileError
from choreo_local.cel.types import Type
from choreo_local.embedded.kubeapi.plugins import expressions, patchtypes
from choreo_local.errors import Cause

_POLICY = "ValidatingAdmissionPolicy"
_MUTATING = "MutatingAdmissionPolicy"
_WEBHOOKS = frozenset({"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"})


def check(obj: Mapping[str, Any]) -> list[Cause]:
    """The problems of the expressions of an admission configuration; none for other kinds."""
    kind = obj["kind"]
    if kind == _POLICY:
        return list(_check_policy(obj.get("spec") or {}))
    if kind == _MUTATING:
        return list(_check_mutating(obj.get("spec") or {}))
    if kind in _WEBHOOKS:
        return [
            cause
            for index, hook in enumerate(obj.get("webhooks") or ())
            for cause in _check_conditions(hook, f"webhooks[{index}]")
        ]
    return []


def _check_policy(spec: Mapping[str, Any]) -> Iterator[Cause]:
    absent = ["variables"] if not spec.get("variables") else []
    if not spec.get("paramKind"):
        absent.append("params")
    check = partial(_check_one, without=tuple(absent))
    yield from _check_conditions(spec, "spec")
    for index, variable in enumerate(spec.get("variables") or ()):
        yield from check(variable.get("expression"), f"spec.variables[{index}].expression", ())
    for index, validation in enumerate(spec.get("validations") or ()):
        field = f"spec.validations[{index}]"
        yield from check(validation.get("expression"), f"{field}.expression", (types.BOOL,))
        yield from check(
            validation.get("messageExpression"), f"{field}.messageExpression", (types.STRING,)
        )
    for index, annotation in enumerate(spec.get("auditAnnotations") or ()):
        field = f"spec.auditAnnotations[{index}].valueExpression"
        yield from check(annotation.get("valueExpression"), field, (types.STRING, types.NULL))


def _check_mutating(spec: Mapping[str, Any]) -> Iterator[Cause]:
    absent = ["variables"] if not spec.get("variables") else []
    if not spec.get("paramKind"):
        absent.append("params")
    check = partial(_check_one, without=tuple(absent))
    yield from _check_conditions(spec, "spec")
    for index, variable in enumerate(spec.get("variables") or ()):
        yield from check(variable.get("expression"), f"spec.variables[{index}].expression", ())
    for index, mutation in enumerate(spec.get("mutations") or ()):
        for name, wanted in (
            ("applyConfiguration", patchtypes.OBJECT),
            ("jsonPatch", patchtypes.OPERATIONS),
        ):
            text = (mutation.get(name) or {}).get("expression")
            field = f"spec.mutations[{index}].{name}.expression"
            yield from check(text, field, (wanted,), patching=True)


def _check_conditions(owner: Mapping[str, Any], field: str) -> Iterator[Cause]:
    for index, condition in enumerate(owner.get("matchConditions") or ()):
        place = f"{field}.matchConditions[{index}].expression"
        yield from _check_one(condition.get("expression"), place, (types.BOOL,))


def _check_one(
    text: str | None,
    field: str,
    wanted: Sequence[Type],
    *,
    without: tuple[str, ...] = (),
    patching: bool = False,
) -> Iterator[Cause]:
    if not text or not text.strip():
        return
    try:
        program = expressions.compile_(text, without=without, patching=patching)
    except CompileError as error:
        detail = f"compilation failed: {error.message}"
        yield fielderrors.invalid_value(field, text, detail)
        return
    found = program.result_type
    if not wanted or found is types.DYN or found in wanted:
        return
    # The name that upstream prints for the type of null.
    names = ["null_type" if one is types.NULL else str(one) for one in wanted]
    expected = names[0] if len(names) == 1 else f"one of [{' '.join(names)}]"
    yield fielderrors.invalid_value(field, text, f"must evaluate to {expected} but got {found}")
