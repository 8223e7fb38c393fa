"""Alert rules and the channels through which people are told."""

from __future__ import annotations

import base64
from typing import Any

from choreo_local.controllers.alerting import channel as channels
from choreo_local.controllers.alerting import reconcile as rules
from choreo_local.controllers.outcome import PlaneReference
from choreo_local.errors import UnreachableError
from tests import builders

NOW = "2026-01-01T00:10:00Z"
RULE_FINALIZER = "openchoreo.dev/alertrule-cleanup"
CHANNEL_FINALIZER = "openchoreo.dev/notification-channel-cleanup"
OWNERS = {
    "openchoreo.dev/component-uid": "c",
    "openchoreo.dev/project-uid": "p",
    "openchoreo.dev/environment-uid": "e",
}
PLANE = PlaneReference("ClusterObservabilityPlane", "default")


def rule(labels: dict[str, str] = OWNERS, **spec: Any) -> dict[str, Any]:
    content = {
        "source": {"type": "log", "query": "error", "metric": ""},
        "condition": {"window": "90m", "interval": "2h", "operator": "gt", "threshold": 5},
        **spec,
    }
    return builders.obj("ObservabilityAlertRule", "errors", content, labels=labels)


def channel(name: str = "mail", **spec: Any) -> dict[str, Any]:
    secret = {"secretKeyRef": {"name": "smtp", "key": "password"}}
    email = {
        "from": "a@example.org",
        "to": ["b@example.org", "c@example.org"],
        "smtp": {"host": "mail.example.org", "port": 25, "auth": {"password": secret}},
    }
    content = {"environment": "development", "type": "email", "emailConfig": email, **spec}
    return builders.obj("ObservabilityAlertsNotificationChannel", name, content)


def observed(found: dict[str, Any], **changed: Any) -> channels.Observed:
    password = base64.b64encode(b"word\n").decode()
    defaults: dict[str, Any] = {
        "channel": found,
        "siblings": [found],
        "plane": PLANE,
        "missing": "",
        "secrets": {"smtp": {"data": {"password": password}}},
        "now": NOW,
    }
    return channels.Observed(**(defaults | changed))


def test_a_rule_is_kept_as_declared_and_its_answer_reported() -> None:
    outcome = rules.reconcile(rules.Observed(rule(), NOW))
    work = outcome.on_observer
    assert work is not None
    assert work.payload is not None
    assert (work.source, work.name) == ("log", "errors")
    assert work.payload["metadata"]["componentUid"] == "c"
    assert work.payload["source"] == {"type": "log", "query": "error"}
    assert work.payload["condition"]["window"] == "90m"
    assert work.payload["condition"]["interval"] == "2h"
    assert outcome.on_done is not None
    done = outcome.on_done([{"status": "synced", "ruleBackendId": "7"}])
    assert (done.status["phase"], done.status["backendMonitorId"]) == ("Ready", "7")
    other = outcome.on_done([{"status": "pending"}])
    assert other.conditions[0].message == "The Observer API answered pending instead of synced"


def test_a_rule_that_cannot_be_kept_says_why_and_is_dated_once() -> None:
    outcome = rules.reconcile(rules.Observed(rule(), NOW))
    assert outcome.on_error is not None
    failed = outcome.on_error(UnreachableError("nobody there"))
    condition = failed.conditions[0]
    assert (failed.status["phase"], failed.status["lastReconcileTime"]) == ("Error", NOW)
    entry = {
        "type": condition.type,
        "reason": condition.reason,
        "message": condition.message,
        "observedGeneration": 1,
    }
    known = {**rule(), "status": {"conditions": [entry]}}
    again = rules.reconcile(rules.Observed(known, "2026-01-01T00:20:00Z"))
    assert again.on_error is not None
    assert "lastReconcileTime" not in again.on_error(UnreachableError("nobody there")).status


def test_a_rule_of_nobody_is_not_kept() -> None:
    outcome = rules.reconcile(rules.Observed(rule(labels={}), NOW))
    assert outcome.on_observer is None
    assert outcome.failed == "label openchoreo.dev/component-uid is not set"


def test_a_deleted_rule_goes_at_the_observer_first() -> None:
    going = builders.deleting(rule(), RULE_FINALIZER)
    outcome = rules.reconcile(rules.Observed(going, NOW))
    assert outcome.on_observer is not None
    assert outcome.on_observer.payload is None
    assert outcome.remove_finalizer == RULE_FINALIZER


def test_the_oldest_channel_of_an_environment_becomes_its_default() -> None:
    first, second = channel("a"), channel("b")
    chosen = channels.reconcile(observed(first, siblings=[first, second]))
    other = channels.reconcile(observed(second, siblings=[first, second]))
    assert [manifest["spec"] for manifest in chosen.apply] == [{"isEnvDefault": True}]
    assert other.apply == ()


def test_a_channel_is_put_where_the_observer_reads_it() -> None:
    outcome = channels.reconcile(observed(channel(isEnvDefault=True)))
    work = outcome.on_plane
    assert work is not None
    (_, config), (_, secret) = work.apply
    assert config["data"]["to"] == "[b@example.org c@example.org]"
    assert config["data"]["isEnvDefault"] == "true"
    assert base64.b64decode(secret["data"]["smtp.auth.password"]) == b"word"


def test_a_channel_says_which_secret_is_missing() -> None:
    found = channel(isEnvDefault=True)
    assert channels.reconcile(observed(found, secrets={})).failed == 'Secret "smtp" not found'
    empty = channels.reconcile(observed(found, secrets={"smtp": {}}))
    assert empty.failed == 'key "password" not found in Secret "smtp"'


def test_a_deleted_channel_waits_for_its_plane_but_not_for_ever() -> None:
    going = builders.deleting(channel(), CHANNEL_FINALIZER)
    reached = channels.reconcile(observed(going))
    soon = channels.reconcile(observed(going, plane=None, now="2026-01-01T00:01:00Z"))
    late = channels.reconcile(observed(going, plane=None, missing="no plane"))
    assert reached.on_plane is not None
    assert [item.kind for item in reached.on_plane.delete] == ["ConfigMap", "Secret"]
    assert (soon.remove_finalizer, soon.requeue_after is not None) == ("", True)
    assert late.remove_finalizer == CHANNEL_FINALIZER
    assert [event.warning for event in late.events] == [True]
