"""Where pods may run: affinity, tolerations, spreading, gates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi.validation import checks, names, printed
from choreo_local.embedded.kubeapi.validation.metadata import Problems

Object = Mapping[str, Any]

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_WEIGHT = "must be in the range 1-100"


def affinity(path: str, found: Object | None) -> Problems:
    """Affinity to nodes and to other pods."""
    given = found or {}
    node = given.get("nodeAffinity")
    if node is not None:
        yield from _node_affinity(f"{path}.nodeAffinity", node)
    for field in ("podAffinity", "podAntiAffinity"):
        terms = given.get(field)
        if terms is not None:
            yield from _pod_affinity(f"{path}.{field}", terms)


def _node_affinity(path: str, found: Object) -> Problems:
    if found.get(_REQUIRED) is not None:
        yield from node_selector(f"{path}.{_REQUIRED}", found[_REQUIRED])
    for index, term in enumerate(found.get(_PREFERRED) or ()):
        here = f"{path}.{_PREFERRED}[{index}]"
        yield from _weight(here, term)
        yield from _node_term(f"{here}.preference", term.get("preference") or {}, values=False)


def _weight(path: str, term: Object) -> Problems:
    if not 0 < (term.get("weight") or 0) <= 100:
        yield fielderrors.invalid_value(f"{path}.weight", term.get("weight") or 0, _WEIGHT)


def node_selector(path: str, selector: Object) -> Problems:
    """Terms of which a node must match one."""
    terms = selector.get("nodeSelectorTerms") or ()
    if not terms:
        yield fielderrors.required(
            f"{path}.nodeSelectorTerms", "must have at least one node selector term"
        )
    for index, term in enumerate(terms):
        yield from _node_term(f"{path}.nodeSelectorTerms[{index}]", term, values=True)


def _node_term(path: str, term: Object, *, values: bool) -> Problems:
    for index, requirement in enumerate(term.get("matchExpressions") or ()):
        yield from _node_requirement(
            f"{path}.matchExpressions[{index}]", requirement, values=values
        )
    for index, requirement in enumerate(term.get("matchFields") or ()):
        yield from _node_field(f"{path}.matchFields[{index}]", requirement)


def _node_requirement(path: str, requirement: Object, *, values: bool) -> Problems:
    operator, given = requirement.get("operator") or "", requirement.get("values") or ()
    if operator in ("In", "NotIn"):
        if not given:
            yield fielderrors.required(
                f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'"
            )
    elif operator in ("Exists", "DoesNotExist"):
        if given:
            yield fielderrors.forbidden(
                f"{path}.values",
                "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
            )
    elif operator in ("Gt", "Lt"):
        if len(given) != 1:
            yield fielderrors.required(
                f"{path}.values", "must be specified single value when `operator` is 'Lt' or 'Gt'"
            )
    else:
        yield fielderrors.invalid_value(
            f"{path}.operator", operator, "not a valid selector operator"
        )
    yield from checks.fits(f"{path}.key", requirement.get("key") or "", names.qualified_name)
    if values:
        for index, value in enumerate(given):
            yield from checks.fits(f"{path}.values[{index}]", value, names.label_value)


def _node_field(path: str, requirement: Object) -> Problems:
    operator, given = requirement.get("operator") or "", requirement.get("values") or ()
    if operator not in ("In", "NotIn"):
        yield fielderrors.invalid_value(
            f"{path}.operator", operator, "not a valid selector operator"
        )
    elif len(given) != 1:
        yield fielderrors.required(
            f"{path}.values",
            "must be only one value when `operator` is 'In' or 'NotIn' for node field selector",
        )
    key = requirement.get("key") or ""
    if key != "metadata.name":
        yield fielderrors.invalid_value(f"{path}.key", key, "not a valid field selector key")
        return
    for index, value in enumerate(given):
        yield from checks.fits(f"{path}.values[{index}]", value, names.dns_subdomain)


def _pod_affinity(path: str, found: Object) -> Problems:
    for index, term in enumerate(found.get(_REQUIRED) or ()):
        yield from _pod_term(f"{path}.{_REQUIRED}[{index}]", term)
    for index, weighted in enumerate(found.get(_PREFERRED) or ()):
        here = f"{path}.{_PREFERRED}[{index}]"
        yield from _weight(here, weighted)
        yield from _pod_term(f"{here}.podAffinityTerm", weighted.get("podAffinityTerm") or {})


def _pod_term(path: str, term: Object) -> Problems:
    yield from checks.label_selector(f"{path}.labelSelector", term.get("labelSelector"))
    yield from checks.label_selector(f"{path}.namespaceSelector", term.get("namespaceSelector"))
    for namespace in term.get("namespaces") or ():
        yield from checks.fits(f"{path}.namespace", namespace, names.dns_label)
    yield from _label_keys(path, term)
    key = term.get("topologyKey") or ""
    if not key:
        yield fielderrors.required(f"{path}.topologyKey", "can not be empty")
    yield from checks.fits(f"{path}.topologyKey", key, names.qualified_name)


def _label_keys(path: str, term: Object) -> Problems:
    selector = term.get("labelSelector")
    for field in ("matchLabelKeys", "mismatchLabelKeys"):
        keys = term.get(field) or ()
        if keys and selector is None:
            yield fielderrors.forbidden(
                f"{path}.{field}", "must not be specified when labelSelector is not set"
            )
        elif keys:
            for index, key in enumerate(keys):
                yield from checks.fits(f"{path}.{field}[{index}]", key, names.qualified_name)
    matched = list(term.get("matchLabelKeys") or ())
    seen = set((selector or {}).get("matchLabels") or ())
    for expression in (selector or {}).get("matchExpressions") or ():
        key = expression.get("key")
        if key in matched and key in seen:
            yield fielderrors.invalid_value(
                f"{path}[{matched.index(key)}]",
                key,
                "exists in both matchLabelKeys and labelSelector",
            )
        seen.add(key)
    for index, key in enumerate(matched):
        if key in (term.get("mismatchLabelKeys") or ()):
            yield fielderrors.invalid_value(
                f"{path}.matchLabelKeys[{index}]",
                key,
                "exists in both matchLabelKeys and mismatchLabelKeys",
            )


def tolerations(path: str, found: Sequence[Object]) -> Problems:
    """Taints that a pod puts up with."""
    for index, toleration in enumerate(found):
        yield from _toleration(f"{path}[{index}]", toleration)


def _toleration(path: str, toleration: Object) -> Problems:
    key, operator = toleration.get("key") or "", toleration.get("operator") or ""
    value, effect = toleration.get("value") or "", toleration.get("effect") or ""
    if key:
        yield from checks.fits(f"{path}.key", key, names.qualified_name)
    elif operator != "Exists":
        yield fielderrors.invalid_value(
            f"{path}.operator",
            operator,
            'operator must be Exists when `key` is empty, which means "match all values and all '
            'keys"',
        )
    if toleration.get("tolerationSeconds") is not None and effect != "NoExecute":
        yield fielderrors.invalid_value(
            f"{path}.effect", effect, "effect must be 'NoExecute' when `tolerationSeconds` is set"
        )
    if operator in ("Equal", ""):
        problems = names.label_value(value)
        if problems:
            yield fielderrors.invalid_value(f"{path}.operator", value, ";".join(problems))
    elif operator == "Exists":
        if value:
            yield fielderrors.invalid_value(
                f"{path}.operator", value, "value must be empty when `operator` is 'Exists'"
            )
    elif operator in ("Lt", "Gt"):
        yield fielderrors.not_supported(
            f"{path}.operator", operator, ("Equal", "Exists", "Lt", "Gt")
        )
    else:
        yield fielderrors.not_supported(f"{path}.operator", operator, ("Equal", "Exists"))
    if effect:
        yield from checks.one_of(f"{path}.effect", effect, _EFFECTS)


def taints(path: str, found: Sequence[Object]) -> Problems:
    """Taints of a node."""
    seen: set[tuple[str, str]] = set()
    for index, taint in enumerate(found):
        here = f"{path}[{index}]"
        key, effect = taint.get("key") or "", taint.get("effect") or ""
        yield from checks.fits(f"{here}.key", key, names.qualified_name)
        problems = names.label_value(taint.get("value") or "")
        if problems:
            yield fielderrors.invalid_value(f"{here}.value", taint["value"], ";".join(problems))
        if not effect:
            yield fielderrors.required(f"{here}.effect")
        else:
            yield from checks.one_of(f"{here}.effect", effect, _EFFECTS)
        if (key, effect) in seen:
            shown = printed.internal("core.Taint", taint)
            duplicate = fielderrors.duplicate(here, shown)
            detail = "taints must be unique by key and effect pair"
            yield replace(duplicate, message=f"{duplicate.message}: {detail}", detail=detail)
        seen.add((key, effect))


def spread(path: str, constraints: Sequence[Object]) -> Problems:
    """How evenly pods are spread."""
    for index, constraint in enumerate(constraints):
        here = f"{path}[{index}]"
        if (constraint.get("maxSkew") or 0) <= 0:
            yield fielderrors.invalid_value(
                f"{here}.maxSkew", constraint.get("maxSkew") or 0, "must be greater than zero"
            )
        if not constraint.get("topologyKey"):
            yield fielderrors.required(f"{here}.topologyKey", "can not be empty")
        yield from checks.one_of(
            f"{here}.whenUnsatisfiable",
            constraint.get("whenUnsatisfiable"),
            ("DoNotSchedule", "ScheduleAnyway"),
        )
        yield from _not_repeated(here, constraint, constraints[index + 1 :])
        yield from _minimum_domains(f"{here}.minDomains", constraint)
        for field in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
            if constraint.get(field) is not None:
                yield from checks.one_of(f"{here}.{field}", constraint[field], ("Honor", "Ignore"))
        yield from _label_keys(here, constraint)
        yield from checks.label_selector(f"{here}.labelSelector", constraint.get("labelSelector"))


def _not_repeated(path: str, constraint: Object, rest: Sequence[Object]) -> Problems:
    key, action = constraint.get("topologyKey"), constraint.get("whenUnsatisfiable")
    for other in rest:
        if (other.get("topologyKey"), other.get("whenUnsatisfiable")) == (key, action):
            yield fielderrors.duplicate(
                f"{path}.{{topologyKey, whenUnsatisfiable}}", f"{{{key}, {action}}}"
            )
            return


def _minimum_domains(path: str, constraint: Object) -> Problems:
    number, action = constraint.get("minDomains"), constraint.get("whenUnsatisfiable")
    if number is None:
        return
    if number <= 0:
        yield fielderrors.invalid_value(path, number, "must be greater than zero")
    if action != "DoNotSchedule":
        yield fielderrors.invalid_value(
            path,
            number,
            f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}",
        )


def gates(path: str, found: Sequence[Object]) -> Problems:
    """Reasons why a pod is not scheduled yet."""
    seen: set[str] = set()
    for index, gate in enumerate(found):
        name = gate.get("name") or ""
        yield from checks.fits(f"{path}[{index}]", name, names.qualified_name)
        if name in seen:
            yield fielderrors.duplicate(f"{path}[{index}]", name)
        seen.add(name)
