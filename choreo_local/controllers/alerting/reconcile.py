"""ObservabilityAlertRule → a rule at the Observer API. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from choreo_local.api import labels
from choreo_local.api.conditions import AlertRuleCondition as Type
from choreo_local.api.conditions import AlertRuleReason as Reason
from choreo_local.controllers import durations, references
from choreo_local.controllers.observed import Manifest
from choreo_local.controllers.outcome import Condition, Outcome, RuleWork, met, unmet
from choreo_local.errors import ChoreoError

_SYNCED = "synced"
_OWNERS = {
    "componentUid": labels.COMPONENT_UID,
    "projectUid": labels.PROJECT_UID,
    "environmentUid": labels.ENVIRONMENT_UID,
}
_HOUR, _MINUTE = timedelta(hours=1), timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything that the decision may look at; `now` is the time of this look."""

    rule: Manifest
    now: str


def reconcile(observed: Observed) -> Outcome:
    """Bring the rule at the Observer API to what is declared."""
    rule = observed.rule
    if references.is_deleting(rule):
        return _finalize(rule)
    finalizer = references.missing_finalizer(rule, labels.ALERT_RULE_FINALIZER)
    missing = [label for label in _OWNERS.values() if not _label(rule, label)]
    if missing:
        why = f"label {missing[0]} is not set"
        return _failed(observed, why, add_finalizer=finalizer, failed=why)
    return Outcome(
        add_finalizer=finalizer,
        on_observer=_work(rule, payload(rule)),
        on_done=lambda answers: _report(observed, answers),
        on_error=lambda error: _failed(observed, error.message),
    )


def _work(rule: Manifest, content: Mapping[str, Any] | None) -> RuleWork:
    return RuleWork(rule["spec"]["source"]["type"], rule["metadata"]["name"], content)


def _label(rule: Manifest, label: str) -> str:
    return str((rule["metadata"].get("labels") or {}).get(label) or "")


def payload(rule: Manifest) -> dict[str, Any]:
    """The rule as the Observer API takes it."""
    metadata, spec = rule["metadata"], rule["spec"]
    condition = spec["condition"]
    source = {field: spec["source"].get(field) for field in ("type", "query", "metric")}
    return {
        "metadata": {
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            **{field: _label(rule, label) for field, label in _OWNERS.items()},
        },
        "source": {field: value for field, value in source.items() if value},
        "condition": {
            "enabled": spec.get("enabled") is not False,
            "window": _span(condition["window"]),
            "interval": _span(condition["interval"]),
            "operator": condition["operator"],
            "threshold": float(condition["threshold"]),
        },
    }


def _span(text: str) -> str:
    """A duration in hours where it is whole hours, else in minutes."""
    length = durations.parse(text) or timedelta(0)
    if length and not length % _HOUR:
        return f"{length // _HOUR}h"
    return f"{length // _MINUTE}m"


def _report(observed: Observed, answers: Sequence[Mapping[str, Any]]) -> Outcome:
    answer = answers[0]
    synced = answer.get("status") == _SYNCED
    if synced:
        condition = met(Type.SYNCED, Reason.SYNC_SUCCEEDED, "Alert rule is in force")
    else:
        status = answer.get("status") or "nothing"
        message = f"The Observer API answered {status} instead of {_SYNCED}"
        condition = unmet(Type.SYNCED, Reason.SYNC_NOT_SYNCED, message)
    return Outcome(
        status={
            "observedGeneration": observed.rule["metadata"].get("generation", 0),
            "lastReconcileTime": observed.now,
            "backendMonitorId": answer.get("ruleBackendId") or None,
            "lastSyncTime": answer.get("lastSyncedAt") or None,
            "phase": "Ready" if synced else "Error",
        },
        conditions=(condition,),
    )


def _failed(observed: Observed, why: str, **more: Any) -> Outcome:
    rule = observed.rule
    condition = unmet(Type.SYNCED, Reason.SYNC_FAILED, f"Failed to sync alert rule: {why}")
    generation = rule["metadata"].get("generation", 0)
    status: dict[str, Any] = {"observedGeneration": generation, "phase": "Error"}
    # The time of each vain attempt would be a write a minute for as long as nobody answers.
    if not _is_known(rule, condition, generation):
        status["lastReconcileTime"] = observed.now
    return Outcome(status=status, conditions=(condition,), **more)


def _is_known(rule: Manifest, condition: Condition, generation: int) -> bool:
    return any(
        (entry["type"], entry["reason"], entry.get("message"), entry.get("observedGeneration"))
        == (condition.type, condition.reason, condition.message, generation)
        for entry in (rule.get("status") or {}).get("conditions") or ()
    )


def _finalize(rule: Manifest) -> Outcome:
    finalizer = labels.ALERT_RULE_FINALIZER
    if finalizer not in references.finalizers(rule):
        return Outcome()

    def on_error(error: ChoreoError) -> Outcome:
        message = (
            f"Failed to delete alert rule: {error.message}; to leave it behind, remove the "
            f"finalizer {finalizer}"
        )
        return Outcome(conditions=(unmet(Type.SYNCED, Reason.SYNC_FAILED, message),))

    return Outcome(on_observer=_work(rule, None), on_error=on_error, remove_finalizer=finalizer)
