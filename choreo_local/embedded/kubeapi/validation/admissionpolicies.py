"""Policies that admit requests by expressions, and the bindings that put them to use.

Whether the expressions themselves are sound is the business of whoever evaluates them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi.validation import checks, conditions, names, webhooks
from choreo_local.embedded.kubeapi.validation.metadata import Problems

Manifest = dict[str, Any]
Object = Mapping[str, Any]

_MUTATING_OPERATIONS = ("*", "CONNECT", "CREATE", "UPDATE")
_REASONS = ("Forbidden", "Invalid", "RequestEntityTooLarge")
_ACTIONS = ("Audit", "Deny", "Warn")
_MAX_ANNOTATIONS, _MAX_ANNOTATION_BYTES = 20, 5 * 1024
_PATCHES = {"ApplyConfiguration": "applyConfiguration", "JSONPatch": "jsonPatch"}
_RESERVED = frozenset(
    {
        *("true", "false", "null", "in", "as", "break", "const", "continue", "else", "for"),
        *("function", "if", "import", "let", "loop", "package", "namespace", "return", "var"),
        *("void", "while"),
    }
)


def validate(obj: Manifest) -> Problems:
    """The problems of a validating policy."""
    spec = obj["spec"]
    yield from _common(spec)
    validations, annotations = spec.get("validations") or (), spec.get("auditAnnotations") or ()
    if not validations and not annotations:
        for field in ("validations", "auditAnnotations"):
            yield fielderrors.required(
                f"spec.{field}", "validations or auditAnnotations must contain at least one item"
            )
    for index, validation in enumerate(validations):
        yield from _validation(f"spec.validations[{index}]", validation)
    yield from _annotations(obj["metadata"].get("name") or "", annotations)


def validate_update(new: Manifest, _old: Manifest) -> Problems:
    """The problems of a changed validating policy."""
    yield from validate(new)


def validate_status(new: Manifest, _old: Manifest) -> Problems:
    """The problems of a changed status."""
    status = new.get("status") or {}
    warnings = (status.get("typeChecking") or {}).get("expressionWarnings") or ()
    for index, warning in enumerate(warnings):
        for field in ("warning", "fieldRef"):
            if not (warning.get(field) or "").strip():
                yield fielderrors.required(
                    f"status.typeChecking.expressionWarnings[{index}].{field}"
                )
    yield from conditions.validate("status.conditions", status.get("conditions") or ())


def _common(spec: Object) -> Problems:
    yield from _given("spec.failurePolicy", spec.get("failurePolicy"), webhooks.FAILURE_POLICIES)
    if spec.get("paramKind") is not None:
        yield from _parameter_kind("spec.paramKind", spec["paramKind"])
    constraints = spec.get("matchConstraints")
    if constraints is None:
        yield fielderrors.required("spec.matchConstraints")
    else:
        yield from _match(constraints, "spec.matchConstraints")
        if not constraints.get("resourceRules"):
            yield fielderrors.required("spec.matchConstraints.resourceRules")
    yield from webhooks.match_conditions("spec.matchConditions", spec.get("matchConditions") or ())
    for index, variable in enumerate(spec.get("variables") or ()):
        yield from _variable(f"spec.variables[{index}]", variable)


def _given(path: str, value: str | None, supported: Sequence[str]) -> Problems:
    if value is None:
        yield fielderrors.required(path)
    else:
        yield from checks.one_of(path, value, supported)


def _parameter_kind(path: str, found: Object) -> Problems:
    api_version, kind = found.get("apiVersion") or "", found.get("kind") or ""
    group, _, version = api_version.rpartition("/")
    if not api_version:
        yield fielderrors.required(f"{path}.apiVersion")
    elif "/" in group:
        yield fielderrors.invalid_value(
            f"{path}.apiVersion", api_version, f"unexpected GroupVersion string: {api_version}"
        )
    else:
        if group:
            yield from _joined(f"{path}.apiVersion", group, names.dns_subdomain(group))
        if not version:
            yield fielderrors.invalid_value(
                f"{path}.apiVersion", api_version, "version must be specified"
            )
        else:
            yield from _joined(f"{path}.apiVersion", version, names.dns_1035_label(version))
    problems = names.dns_1035_label(kind.lower()) if kind else []
    if not kind:
        yield fielderrors.required(f"{path}.kind")
    elif problems:
        yield fielderrors.invalid_value(
            f"{path}.kind",
            kind,
            f"may have mixed case, but should otherwise match: {names.first_of(problems)}",
        )


def _joined(path: str, value: str, problems: Sequence[str]) -> Problems:
    if problems:
        yield fielderrors.invalid_value(path, value, names.first_of(problems))


def _match(found: Object, path: str) -> Problems:
    yield from _given(f"{path}.matchPolicy", found.get("matchPolicy"), webhooks.MATCH_POLICIES)
    for field in ("namespaceSelector", "objectSelector"):
        if found.get(field) is None:
            yield fielderrors.required(f"{path}.{field}")
        yield from checks.label_selector(f"{path}.{field}", found.get(field))
    for field in ("resourceRules", "excludeResourceRules"):
        for index, rule in enumerate(found.get(field) or ()):
            here = f"{path}.{field}[{index}]"
            for number, name in enumerate(rule.get("resourceNames") or ()):
                yield from checks.fits(f"{here}.resourceNames[{number}]", name, names.path_segment)
            yield from checks.duplicates(f"{here}.resourceNames", rule.get("resourceNames") or ())
            yield from webhooks.rule(here, rule)


def _variable(path: str, variable: Object) -> Problems:
    name = variable.get("name") or ""
    if not name.strip():
        yield fielderrors.required(f"{path}.name", "name is not specified")
    elif names.c_identifier(name) or name in _RESERVED:
        yield fielderrors.invalid_value(f"{path}.name", name, "must be a valid CEL identifier")
    if not (variable.get("expression") or "").strip():
        yield fielderrors.required(f"{path}.expression", "expression is not specified")


def _validation(path: str, validation: Object) -> Problems:
    if not (validation.get("expression") or "").strip():
        yield fielderrors.required(f"{path}.expression", "expression is not specified")
    for field in ("messageExpression", "message"):
        text = validation.get(field) or ""
        if text and not text.strip():
            yield fielderrors.invalid_value(
                f"{path}.{field}", text, "must be non-empty if specified"
            )
        elif field == "message" and any(end in text.strip() for end in "\n\r"):
            yield fielderrors.invalid_value(f"{path}.message", text, "must not contain line breaks")
    if validation.get("reason") is not None:
        yield from checks.one_of(f"{path}.reason", validation["reason"], _REASONS)


def _annotations(policy: str, annotations: Sequence[Object]) -> Problems:
    path, seen = "spec.auditAnnotations", set[str]()
    if len(annotations) > _MAX_ANNOTATIONS:
        yield fielderrors.invalid_value(
            path, annotations, f"must not have more than {_MAX_ANNOTATIONS} auditAnnotations"
        )
    for index, annotation in enumerate(annotations):
        here, key = f"{path}[{index}]", annotation.get("key") or ""
        if policy:
            yield from checks.fits(f"{here}.key", f"{policy}/{key}", names.qualified_name)
        else:
            yield fielderrors.invalid_value(
                f"{here}.key", key, "requires metadata.name be non-empty"
            )
        yield from _annotation_value(f"{here}.valueExpression", annotation)
        if key in seen:
            yield fielderrors.duplicate(f"{here}.key", key)
        seen.add(key)


def _annotation_value(path: str, annotation: Object) -> Problems:
    expression = (annotation.get("valueExpression") or "").strip()
    if not expression:
        yield fielderrors.required(path, "valueExpression is not specified")
    elif len(expression.encode()) > _MAX_ANNOTATION_BYTES:
        yield fielderrors.required(path, f"must not exceed {_MAX_ANNOTATION_BYTES} bytes in length")


def validate_mutating(obj: Manifest) -> Problems:
    """The problems of a mutating policy."""
    spec = obj["spec"]
    yield from _common(spec)
    yield from _mutating_rules("spec.matchConstraints", spec.get("matchConstraints") or {})
    if not spec.get("mutations"):
        yield fielderrors.required("spec.mutations", "mutations must contain at least one item")
    for index, mutation in enumerate(spec.get("mutations") or ()):
        yield from _mutation(f"spec.mutations[{index}]", mutation)
    yield from checks.required_one_of(
        "spec.reinvocationPolicy",
        spec.get("reinvocationPolicy"),
        webhooks.REINVOCATION_POLICIES,
    )


def validate_mutating_update(new: Manifest, _old: Manifest) -> Problems:
    """The problems of a changed mutating policy."""
    yield from validate_mutating(new)


def _mutating_rules(path: str, found: Object) -> Problems:
    for rule in found.get("resourceRules") or ():
        for operation in rule.get("operations") or ():
            yield from checks.one_of(
                f"{path}.resourceRules.operations", operation, _MUTATING_OPERATIONS
            )


def _mutation(path: str, mutation: Object) -> Problems:
    kind = mutation.get("patchType") or ""
    yield from checks.required_one_of(f"{path}.patchType", kind, tuple(_PATCHES))
    wanted = _PATCHES.get(kind)
    for field in _PATCHES.values() if wanted else ():
        patch: Any = mutation.get(field)
        if field != wanted and patch is not None:
            yield fielderrors.invalid_value(
                f"{path}.{field}",
                f"{{{field}}}",
                f"must not be specified when patchType is {kind}",
            )
        elif field == wanted and patch is None:
            yield fielderrors.required(
                f"{path}.{field}", f"must be specified when patchType is {kind}"
            )
        elif field == wanted and not (patch.get("expression") or "").strip():
            yield fielderrors.required(f"{path}.{field}.expression")


def validate_binding(obj: Manifest) -> Problems:
    """The problems of a binding of a validating policy."""
    yield from _binding(obj["spec"])
    path, actions = "spec.validationActions", obj["spec"].get("validationActions") or ()
    for index, action in enumerate(actions):
        yield from checks.one_of(f"{path}[{index}]", action, _ACTIONS)
    yield from checks.duplicates(path, actions)
    if "Deny" in actions and "Warn" in actions:
        yield fielderrors.invalid_value(
            path,
            actions,
            "must not contain both Deny and Warn (repeating the same validation failure "
            "information in the API response and headers serves no purpose)",
        )
    if not actions:
        yield fielderrors.required(path, "at least one validation action is required")


def validate_binding_update(new: Manifest, _old: Manifest) -> Problems:
    """The problems of a changed binding of a validating policy."""
    yield from validate_binding(new)


def validate_mutating_binding(obj: Manifest) -> Problems:
    """The problems of a binding of a mutating policy."""
    yield from _binding(obj["spec"])
    yield from _mutating_rules("spec.matchResources", obj["spec"].get("matchResources") or {})


def validate_mutating_binding_update(new: Manifest, _old: Manifest) -> Problems:
    """The problems of a changed binding of a mutating policy."""
    yield from validate_mutating_binding(new)


def _binding(spec: Object) -> Problems:
    policy = spec.get("policyName") or ""
    if not policy:
        yield fielderrors.required("spec.policyName")
    else:
        yield from checks.fits("spec.policyName", policy, names.dns_subdomain)
    if spec.get("paramRef") is not None:
        yield from _parameters("spec.paramRef", spec["paramRef"])
    if spec.get("matchResources") is not None:
        yield from _match(spec["matchResources"], "spec.matchResources")


def _parameters(path: str, found: Object) -> Problems:
    name, selector = found.get("name") or "", found.get("selector")
    if name:
        yield from checks.fits(f"{path}.name", name, names.path_segment)
    yield from checks.label_selector(f"{path}.selector", selector)
    if name and selector is not None:
        for field in ("name", "selector"):
            yield fielderrors.forbidden(
                f"{path}.{field}", "name and selector are mutually exclusive"
            )
    if not name and selector is None:
        yield fielderrors.required(path, "one of name or selector must be specified")
    yield from checks.required_one_of(
        f"{path}.parameterNotFoundAction",
        found.get("parameterNotFoundAction"),
        ("Deny", "Allow"),
    )
