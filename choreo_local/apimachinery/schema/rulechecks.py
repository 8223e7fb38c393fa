"""The `x-kubernetes-validations` that a CRD may carry: well-formed, and compiling."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from choreo_local.apimachinery import fielderrors, gotext
from choreo_local.apimachinery.fielderrors import FieldError
from choreo_local.apimachinery.schema import fieldpaths, rules
from choreo_local.apimachinery.schema.node import Structural
from choreo_local.apimachinery.schema.rules import Rule

Schema = Mapping[str, Any]

REASONS = (
    "FieldValueDuplicate",
    "FieldValueForbidden",
    "FieldValueInvalid",
    "FieldValueRequired",
)
_MEMBERS = ("rule", "message", "messageExpression", "reason", "fieldPath", "optionalOldSelf")


def check(schema: Schema, path: str) -> Iterator[FieldError]:
    """The problems of the rules at one place that show without compiling them."""
    for index, rule in enumerate(schema.get("x-kubernetes-validations") or ()):
        yield from _rule(schema, rule, f"{path}.x-kubernetes-validations[{index}]")


def _rule(schema: Schema, rule: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    message = rule.get("message") or ""
    if not (rule.get("rule") or "").strip():
        yield fielderrors.required(f"{path}.rule", "rule is not specified")
    elif message and not message.strip():
        detail = "must be non-empty if specified"
        yield fielderrors.invalid_value(f"{path}.message", message, detail)
    elif "\n" in message.strip():
        yield fielderrors.invalid_value(f"{path}.message", message, "must not contain line breaks")
    elif "\n" in rule["rule"].strip() and not message:
        detail = "message must be specified if rule contains line breaks"
        yield fielderrors.required(f"{path}.message", detail)
    expression = rule.get("messageExpression") or ""
    if expression and not expression.strip():
        yield fielderrors.required(f"{path}.messageExpression", "must be non-empty if specified")
    reason = rule.get("reason")
    if reason is not None and reason not in REASONS:
        yield fielderrors.not_supported(f"{path}.reason", reason, REASONS)
    yield from _field_path(schema, rule.get("fieldPath") or "", f"{path}.fieldPath")


def _field_path(schema: Schema, value: str, path: str) -> Iterator[FieldError]:
    if value and not value.strip():
        yield fielderrors.invalid_value(path, value, "must be non-empty if specified")
    if "\n" in value:
        yield fielderrors.invalid_value(path, value, "must not contain line breaks")
    if value and not fieldpaths.is_valid(Structural(schema), value):
        yield fielderrors.invalid_value(path, value, "must be a valid path")


def compile_errors(schema: Structural, path: str) -> Iterator[FieldError]:
    """The rules of a whole schema that do not compile, or look back where nothing can be found."""
    yield from _compiled(schema, path, uncorrelated="", is_root=True)


def _compiled(
    schema: Structural, path: str, *, uncorrelated: str, is_root: bool = False
) -> Iterator[FieldError]:
    if not rules.has_any(schema):
        return
    for index, rule in enumerate(rules.of(schema, is_root=is_root)):
        yield from _problems(rule, f"{path}.x-kubernetes-validations[{index}]", uncorrelated)
    for name, child in schema.properties.items():
        yield from _compiled(child, f"{path}.properties[{name}]", uncorrelated=uncorrelated)
    additional = schema.additional_properties
    if isinstance(additional, Structural):
        where = f"{path}.additionalProperties"
        yield from _compiled(additional, where, uncorrelated=uncorrelated)
    if schema.items is not None:
        lost = uncorrelated or ("" if schema.list_type == "map" else path)
        yield from _compiled(schema.items, f"{path}.items", uncorrelated=lost)


def _problems(rule: Rule, path: str, uncorrelated: str) -> Iterator[FieldError]:
    if rule.program is None:
        yield _with_rule(f"{path}.rule", rule, rule.problem)
    elif rule.compares and uncorrelated:
        detail = (
            "oldSelf cannot be used on the uncorrelatable portion of the schema within "
            f"{uncorrelated}"
        )
        yield fielderrors.invalid_value(f"{path}.rule", rule.source["rule"], detail)
    if rule.message_problem:
        detail = rule.message_problem.replace(
            "compilation failed:", "messageExpression compilation failed:", 1
        )
        yield _with_rule(f"{path}.messageExpression", rule, detail)


def _with_rule(field: str, rule: Rule, detail: str) -> FieldError:
    # Upstream shows the rule as the struct that it decodes it into.
    shown = {name[0].upper() + name[1:]: rule.source.get(name) for name in _MEMBERS}
    for name in ("Rule", "Message", "MessageExpression", "FieldPath"):
        shown[name] = shown[name] or ""
    text = f"Invalid value: {gotext.to_json(shown)}: {detail}"
    return FieldError(fielderrors.INVALID, text, field, json.dumps(shown), detail)
