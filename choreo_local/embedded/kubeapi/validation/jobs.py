"""Jobs, and what cron jobs make them of."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi.validation import (
    checks,
    jobpolicies,
    metadata,
    names,
    pods,
    printed,
)
from choreo_local.embedded.kubeapi.validation.metadata import Problems

Manifest = dict[str, Any]
Object = Mapping[str, Any]

_MANY = 100_000
_FEW = 10_000
_MANAGER_BYTES = 63
_LEGACY_LABELS = ("controller-uid", "job-name")
_LABELS = ("batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name")
_DIRECTIVES = ("nodeSelector", "tolerations", "schedulingGates")
# What never changes, and the internal types of what has several parts.
_IMMUTABLE = {
    "completionMode": "",
    "podFailurePolicy": "*batch.PodFailurePolicy",
    "backoffLimitPerIndex": "",
    "managedBy": "",
    "successPolicy": "*batch.SuccessPolicy",
}


def validate(obj: Manifest) -> Problems:
    """The problems of a new job."""
    yield from _validate(obj, prefixed=True)


def _validate(obj: Manifest, *, prefixed: bool) -> Problems:
    spec = obj["spec"]
    yield from _generated(obj, prefixed=prefixed)
    yield from _spec(spec)
    completions = spec.get("completions") or 0
    if _is_indexed(spec) and completions > 0:
        name = obj["metadata"].get("name") or ""
        host = f"{name}-{completions - 1}"
        if names.dns_label(host):
            yield fielderrors.invalid_value(
                "metadata.name",
                name,
                f"will not able to create pod with invalid DNS label: {host}",
            )


def _is_indexed(spec: Object) -> bool:
    return spec.get("completionMode") == "Indexed"


def _generated(obj: Manifest, *, prefixed: bool) -> Problems:
    """The labels that tell the pods of a job from others are those of this job."""
    spec, meta = obj["spec"], obj["metadata"]
    selector = spec.get("selector")
    if spec.get("manualSelector") or selector is None:
        return
    uid, name = meta.get("uid") or "", meta.get("name") or ""
    if not uid:
        yield fielderrors.required("metadata.uid")
    keys = _LEGACY_LABELS + (_LABELS if prefixed else ())
    expected = dict(zip(keys, (uid, name) * 2, strict=False))
    given = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    for key, value in expected.items():
        yield from _has_label(given, key, value)
    if checks.is_selector_valid(selector) and not checks.selects(selector, expected):
        yield fielderrors.invalid_value("spec.selector", selector, "`selector` not auto-generated")


def _has_label(labels: Object, key: str, expected: str) -> Problems:
    path = "spec.template.metadata.labels"
    if key not in labels:
        yield fielderrors.required(f"{path}[{key}]", f"must be '{expected}'")
    elif labels[key] != expected:
        yield fielderrors.invalid_value(f"{path}[{key}]", _sorted(labels), f"must be '{expected}'")


def _spec(spec: Object) -> Problems:
    yield from template_spec(spec, "spec")
    selector = spec.get("selector")
    if selector is None:
        yield fielderrors.required("spec.selector")
    yield from checks.label_selector("spec.selector", selector)
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    is_matched = selector is not None and checks.selects(selector, labels)
    if checks.is_selector_valid(selector) and not is_matched:
        shown = None if labels is None else _sorted(labels)
        yield fielderrors.invalid_value(
            "spec.template.metadata.labels", shown, "`selector` does not match template `labels`"
        )


def _sorted(labels: Object) -> Object:
    return dict(sorted(labels.items()))


def template_spec(spec: Object, path: str) -> Problems:
    """The problems of a job's specification, apart from its selector."""
    yield from checks.all_not_negative(
        path,
        spec,
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
        "backoffLimitPerIndex",
        "maxFailedIndexes",
    )
    if spec.get("maxFailedIndexes") is not None and spec.get("backoffLimitPerIndex") is None:
        yield fielderrors.required(
            f"{path}.backoffLimitPerIndex", "when maxFailedIndexes is specified"
        )
    if spec.get("managedBy") is not None:
        yield from _manager(f"{path}.managedBy", spec["managedBy"])
    yield from _completion_mode(spec, path)
    if spec.get("podFailurePolicy") is not None:
        yield from jobpolicies.failure(spec, f"{path}.podFailurePolicy")
    if spec.get("successPolicy") is not None:
        yield from jobpolicies.success(spec, f"{path}.successPolicy", is_indexed=_is_indexed(spec))
    yield from jobpolicies.replacement(spec, f"{path}.podReplacementPolicy")
    yield from pods.validate_template(spec.get("template"), f"{path}.template")
    yield from _restart_policy(spec, f"{path}.template.spec.restartPolicy")


def _manager(path: str, manager: str) -> Problems:
    yield from checks.domain_prefixed_path(path, manager)
    if len(manager.encode()) > _MANAGER_BYTES:
        yield fielderrors.too_long(path, _MANAGER_BYTES)


def _completion_mode(spec: Object, path: str) -> Problems:
    mode = spec.get("completionMode")
    if mode is not None:
        yield from checks.one_of(f"{path}.completionMode", mode, ("NonIndexed", "Indexed"))
    if mode == "Indexed":
        yield from _indexed(spec, path)
    elif mode in (None, "NonIndexed"):
        for field in ("backoffLimitPerIndex", "maxFailedIndexes"):
            if spec.get(field) is not None:
                yield fielderrors.invalid_value(
                    f"{path}.{field}", spec[field], "requires indexed completion mode"
                )


def _indexed(spec: Object, path: str) -> Problems:
    completions, failed = spec.get("completions"), spec.get("maxFailedIndexes")
    parallelism = spec.get("parallelism") or 0
    if completions is None:
        yield fielderrors.required(f"{path}.completions", "when completion mode is Indexed")
    if parallelism > _MANY:
        yield fielderrors.invalid_value(
            f"{path}.parallelism",
            parallelism,
            f"must be less than or equal to {_MANY} when completion mode is Indexed",
        )
    if completions is not None and failed is not None and failed > completions:
        yield fielderrors.invalid_value(
            f"{path}.maxFailedIndexes", failed, "must be less than or equal to completions"
        )
    if failed is not None and failed > _MANY:
        yield fielderrors.invalid_value(
            f"{path}.maxFailedIndexes", failed, f"must be less than or equal to {_MANY}"
        )
    if (completions or 0) > _MANY and spec.get("backoffLimitPerIndex") is not None:
        yield from _many_indexes(path, parallelism, failed)


def _many_indexes(path: str, parallelism: int, failed: int | None) -> Problems:
    words = (
        f"must be less than or equal to {_FEW} when completions are above {_MANY} and used with "
        "backoff limit per index"
    )
    if failed is None:
        yield fielderrors.required(
            f"{path}.maxFailedIndexes", f"must be specified when completions is above {_MANY}"
        )
    if parallelism > _FEW:
        yield fielderrors.invalid_value(f"{path}.parallelism", parallelism, words)
    if failed is not None and failed > _FEW:
        yield fielderrors.invalid_value(f"{path}.maxFailedIndexes", failed, words)


def _restart_policy(spec: Object, path: str) -> Problems:
    policy = ((spec.get("template") or {}).get("spec") or {}).get("restartPolicy") or ""
    if policy in ("", "Always"):
        yield fielderrors.required(path, 'valid values: "OnFailure", "Never"')
    elif policy not in ("OnFailure", "Never"):
        yield fielderrors.not_supported(path, policy, ("OnFailure", "Never"))
    elif spec.get("podFailurePolicy") is not None and policy != "Never":
        yield fielderrors.invalid_value(
            path, policy, 'only "Never" is supported when podFailurePolicy is specified'
        )


def validate_update(new: Manifest, old: Manifest) -> Problems:
    """The problems of a changed job."""
    after, before = new["spec"], old["spec"]
    had = ((before.get("template") or {}).get("metadata") or {}).get("labels") or {}
    yield from _validate(new, prefixed=all(label in had for label in _LABELS))
    yield from _completions(after, before)
    if after.get("selector") != before.get("selector"):
        yield metadata.immutable("spec.selector", checks.shown_selector(after.get("selector")))
    yield from _template_change(after, before, old.get("status") or {})
    for field, type_ in _IMMUTABLE.items():
        value = after.get(field)
        if value != before.get(field):
            shown = printed.internal(type_, value) if type_ else value
            yield metadata.immutable(f"spec.{field}", shown)


def _completions(after: Object, before: Object) -> Problems:
    now, then = after.get("completions"), before.get("completions")
    if not _is_indexed(after):
        yield from checks.unchanged("spec.completions", now, then)
    elif now not in (then, None) and now != after.get("parallelism"):
        yield fielderrors.invalid_value(
            "spec.completions", now, "can only be modified in tandem with spec.parallelism"
        )


def _template_change(after: Object, before: Object, status: Object) -> Problems:
    """While a job waits, where its pods may run and what they may use can change."""
    now, then = after.get("template") or {}, before.get("template") or {}
    if not (before.get("suspend") and _has_no_pods(status)):
        yield from _unchanged_template("spec.template", now, then)
        return
    with_directives = _with_directives(now, then)
    given, known = now.get("spec") or {}, with_directives["spec"]
    for field in ("containers", "initContainers"):
        _take_resources(known.get(field) or [], given.get(field) or ())
    if given != known:
        shown = printed.internal("core.PodSpec", given)
        yield metadata.immutable("spec.template.spec", shown)


def _unchanged_template(path: str, now: Object, then: Object) -> Problems:
    if now != then:
        yield metadata.immutable(path, printed.internal("core.PodTemplateSpec", now))


def _has_no_pods(status: Object) -> bool:
    suspended = any(
        condition.get("type") == "Suspended" and condition.get("status") == "True"
        for condition in status.get("conditions") or ()
    )
    return (status.get("startTime") is None or suspended) and not status.get("active")


def _with_directives(now: Object, then: Object) -> dict[str, Any]:
    merged = copy.deepcopy(dict(then))
    spec, given = merged.setdefault("spec", {}), now.get("spec") or {}
    for field in _DIRECTIVES:
        spec.pop(field, None)
        if field in given:
            spec[field] = given[field]
    affinity = dict(spec.pop("affinity", None) or {})
    affinity.pop("nodeAffinity", None)
    wanted = given.get("affinity")
    if wanted is not None and wanted.get("nodeAffinity") is not None:
        affinity["nodeAffinity"] = wanted["nodeAffinity"]
    if affinity or wanted is not None:
        spec["affinity"] = affinity
    return merged


def _take_resources(known: Sequence[dict[str, Any]], given: Sequence[Object]) -> None:
    if len(known) != len(given):
        return
    for mine, theirs in zip(known, given, strict=True):
        if mine.get("name") == theirs.get("name"):
            mine["resources"] = theirs.get("resources")
