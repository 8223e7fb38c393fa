"""Deployments, replica sets, daemon sets, stateful sets, and what they are made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi.validation import checks, claims, metadata, names, pods, rollouts
from choreo_local.embedded.kubeapi.validation.metadata import Problems

Manifest = dict[str, Any]
Object = Mapping[str, Any]

_MISMATCH = "`selector` does not match template `labels`"
_ORDINALS = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
    "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and "
    "'minReadySeconds' are forbidden"
)
_CHANGEABLE = frozenset(
    {
        "minReadySeconds",
        "ordinals",
        "persistentVolumeClaimRetentionPolicy",
        "replicas",
        "revisionHistoryLimit",
        "template",
        "updateStrategy",
    }
)


def validate_deployment(obj: Manifest) -> Problems:
    """The problems of a deployment."""
    spec = obj["spec"]
    yield from _replicated(spec)
    yield from rollouts.of_deployment(spec.get("strategy") or {}, "spec.strategy")
    yield from checks.all_not_negative("spec", spec, "revisionHistoryLimit")
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None:
        yield from checks.not_negative("spec.progressDeadlineSeconds", deadline)
        if deadline <= (spec.get("minReadySeconds") or 0):
            yield fielderrors.invalid_value(
                "spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds"
            )


def validate_deployment_update(new: Manifest, old: Manifest) -> Problems:
    """The problems of a changed deployment."""
    yield from validate_deployment(new)
    yield from _same_selector(new, old)


def validate_replica_set(obj: Manifest) -> Problems:
    """The problems of a replica set."""
    yield from _replicated(obj["spec"])


def validate_replica_set_update(new: Manifest, old: Manifest) -> Problems:
    """The problems of a changed replica set."""
    yield from _replicated(new["spec"])
    yield from _same_selector(new, old)


def _same_selector(new: Manifest, old: Manifest) -> Problems:
    after, before = new["spec"].get("selector"), old["spec"].get("selector")
    if after != before:
        yield metadata.immutable("spec.selector", checks.shown_selector(after))


def _replicated(spec: Object) -> Problems:
    yield from checks.all_not_negative("spec", spec, "replicas", "minReadySeconds")
    selector = spec.get("selector")
    yield from _selector(selector, "deployment")
    if not checks.is_selector_valid(selector):
        yield fielderrors.invalid_value(
            "spec.selector", checks.shown_selector(selector), "invalid label selector"
        )
    else:
        template = spec.get("template") or {}
        yield from _matching(selector, template)
        yield from pods.validate_template(template, "spec.template")
        yield from _lasting(template, "ReplicaSet")


def _selector(selector: Object | None, noun: str) -> Problems:
    if selector is None:
        yield fielderrors.required("spec.selector")
        return
    yield from checks.label_selector("spec.selector", selector)
    yield from _not_empty(selector, noun)


def _not_empty(selector: Object, noun: str) -> Problems:
    if checks.is_empty_selector(selector):
        yield fielderrors.invalid_value(
            "spec.selector", selector, f"empty selector is invalid for {noun}"
        )


def _matching(selector: Object | None, template: Object, path: str = "spec.template") -> Problems:
    labels = (template.get("metadata") or {}).get("labels")
    if selector is None or not checks.selects(selector, labels):
        yield fielderrors.invalid_value(f"{path}.metadata.labels", labels, _MISMATCH)


def _lasting(template: Object, kind: str) -> Problems:
    """The pods of a workload run for ever."""
    spec = template.get("spec") or {}
    yield from checks.one_of(
        "spec.template.spec.restartPolicy", spec.get("restartPolicy"), ("Always",)
    )
    if spec.get("activeDeadlineSeconds") is not None:
        yield fielderrors.forbidden(
            "spec.template.spec.activeDeadlineSeconds",
            f"activeDeadlineSeconds in {kind} is not Supported",
        )


def validate_daemon_set(obj: Manifest) -> Problems:
    """The problems of a daemon set."""
    spec, template = obj["spec"], obj["spec"].get("template") or {}
    selector = spec.get("selector")
    yield from checks.label_selector("spec.selector", selector)
    if checks.is_selector_valid(selector):
        yield from _matching(selector, template)
    if selector is not None:
        yield from _not_empty(selector, "daemonset")
    yield from pods.validate_template(template, "spec.template")
    yield from _lasting(template, "DaemonSet")
    yield from checks.all_not_negative("spec", spec, "minReadySeconds")
    yield from rollouts.of_daemon_set(spec.get("updateStrategy") or {}, "spec.updateStrategy")
    yield from checks.all_not_negative("spec", spec, "revisionHistoryLimit")


def validate_daemon_set_update(new: Manifest, old: Manifest) -> Problems:
    """The problems of a changed daemon set."""
    yield from _same_selector(new, old)
    yield from validate_daemon_set(new)


def validate_stateful_set(obj: Manifest) -> Problems:
    """The problems of a new stateful set."""
    spec = obj["spec"]
    for index, claim in enumerate(spec.get("volumeClaimTemplates") or ()):
        yield from claims.validate_spec(
            claim.get("spec") or {}, f"spec.volumeClaimTemplates[{index}].spec"
        )
    if spec.get("serviceName"):
        yield from checks.fits("spec.serviceName", spec["serviceName"], names.dns_label)
    yield from _stateful_set(spec, check_template=True)


def validate_stateful_set_update(new: Manifest, old: Manifest) -> Problems:
    """The problems of a changed stateful set."""
    after, before = new["spec"], old["spec"]
    was_sound = not any(True for _ in _stateful_set(before, check_template=True))
    yield from _stateful_set(after, check_template=was_sound)
    fields = (after.keys() | before.keys()) - _CHANGEABLE
    if any(after.get(field) != before.get(field) for field in fields):
        yield fielderrors.forbidden("spec", _ORDINALS)


def _stateful_set(spec: Object, *, check_template: bool) -> Problems:
    policy = spec.get("podManagementPolicy") or ""
    if not policy:
        yield fielderrors.required("spec.podManagementPolicy")
    elif policy not in ("OrderedReady", "Parallel"):
        yield fielderrors.invalid_value(
            "spec.podManagementPolicy", policy, "must be 'OrderedReady' or 'Parallel'"
        )
    yield from rollouts.of_stateful_set(spec.get("updateStrategy") or {}, "spec.updateStrategy")
    retention: Any = spec.get("persistentVolumeClaimRetentionPolicy")
    for field in ("whenDeleted", "whenScaled") if retention is not None else ():
        yield from checks.one_of(
            f"spec.persistentVolumeClaimRetentionPolicy.{field}",
            retention.get(field),
            ("Retain", "Delete"),
        )
    yield from checks.all_not_negative("spec", spec, "replicas", "minReadySeconds")
    yield from checks.not_negative(
        "spec.ordinals.start", (spec.get("ordinals") or {}).get("start") or 0
    )
    selector = spec.get("selector")
    yield from _selector(selector, "statefulset")
    if not checks.is_selector_valid(selector):
        yield fielderrors.invalid_value("spec.selector", checks.shown_selector(selector), "")
    else:
        yield from _stateful_template(spec, check=check_template)
    yield from _lasting(spec.get("template") or {}, "StatefulSet")


def _stateful_template(spec: Object, *, check: bool) -> Problems:
    template = spec.get("template") or {}
    yield from _matching(spec.get("selector"), template)
    if check:
        yield from pods.validate_template(_as_started(spec, template), "spec.template")


def _as_started(spec: Object, template: Object) -> Object:
    """The template as the controller starts pods: with their claims and names of its own."""
    pod = dict(template.get("spec") or {})
    pod.pop("subdomain", None)
    pod.pop("hostname", None)
    claimed = {
        (claim.get("metadata") or {}).get("name") or "": None
        for claim in spec.get("volumeClaimTemplates") or ()
    }
    pod["volumes"] = [
        *({"name": name, "persistentVolumeClaim": {"claimName": name}} for name in claimed),
        *(one for one in pod.get("volumes") or () if one.get("name") not in claimed),
    ]
    return {**template, "spec": pod}


def validate_controller(obj: Manifest) -> Problems:
    """The problems of a replication controller."""
    spec = obj["spec"]
    yield from checks.all_not_negative("spec", spec, "minReadySeconds")
    selector, template = spec.get("selector") or {}, spec.get("template")
    if not selector:
        yield fielderrors.required("spec.selector")
    if spec.get("replicas") is None:
        yield fielderrors.required("spec.replicas")
    yield from checks.all_not_negative("spec", spec, "replicas")
    if template is None:
        yield fielderrors.required("spec.template")
        return
    if selector:
        yield from _matching({"matchLabels": selector}, template)
    yield from pods.validate_template(template, "spec.template")
    yield from _lasting(template, "ReplicationController")


def validate_controller_update(new: Manifest, _old: Manifest) -> Problems:
    """The problems of a changed replication controller."""
    yield from validate_controller(new)


def validate_pod_template(obj: Manifest) -> Problems:
    """The problems of a pod template that is an object of its own."""
    yield from pods.validate_template(obj.get("template") or {}, "template")


def validate_pod_template_update(new: Manifest, _old: Manifest) -> Problems:
    """The problems of a changed pod template."""
    yield from validate_pod_template(new)


def validate_revision(obj: Manifest) -> Problems:
    """The problems of a new controller revision."""
    yield from checks.all_not_negative("", obj, "revision")
    data = obj.get("data")
    if data is None:
        yield fielderrors.required("data", "data is mandatory")
    elif not isinstance(data, dict):
        yield fielderrors.required("data", "data must be a valid JSON object")


def validate_revision_update(new: Manifest, old: Manifest) -> Problems:
    """The problems of a changed controller revision."""
    yield from checks.all_not_negative("", new, "revision")
    yield from checks.unchanged("data", new.get("data"), old.get("data"))
