"""What the statuses of policies must say. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from choreo_local.embedded.network import gateway_status
from choreo_local.embedded.network.policies import Attachment
from choreo_local.embedded.network.references import GROUP, Problem


def policy_status(attachment: Attachment, *, controller_name: str, now: datetime) -> dict[str, Any]:
    """A policy's ancestors, which are the Gateways of its routes; those of others stay."""
    policy = attachment.policy
    before: Mapping[str, Any] = policy.get("status") or {}
    listed: Sequence[Mapping[str, Any]] = before.get("ancestors") or ()
    others = [each for each in listed if each.get("controllerName") != controller_name]
    ours = [each for each in listed if each.get("controllerName") == controller_name]
    entries = []
    for reference in _ancestors(attachment):
        old = next((each for each in ours if each["ancestorRef"] == reference), {})
        conditions = gateway_status.merged(old.get("conditions"), _conditions(attachment), now)
        entries.append(
            {
                "ancestorRef": reference,
                "controllerName": controller_name,
                "conditions": conditions,
            }
        )
    return {**before, "ancestors": [*others, *entries]}


def _ancestors(attachment: Attachment) -> list[dict[str, Any]]:
    """The Gateways; without any the target that lacks, so that the status can say so.

    Targets that Gateways of other controllers serve are theirs to speak of.
    """
    if attachment.gateways:
        return [
            {"group": GROUP, "kind": "Gateway", "namespace": namespace, "name": name}
            for namespace, name in sorted(attachment.gateways)
        ]
    if attachment.missing is None:
        return []
    fields = ("group", "kind", "name", "sectionName")
    return [{each: attachment.missing[each] for each in fields if attachment.missing.get(each)}]


def _conditions(attachment: Attachment) -> list[dict[str, Any]]:
    accepted = _accepted(attachment)
    if attachment.kind != "TrafficPolicy":
        return [accepted]
    where = Problem("Pending", "the target does not exist")
    attached = gateway_status.condition(
        attachment.policy,
        "Attached",
        None if attachment.gateways else where,
        reason="Attached",
        message="attached to its targets",
    )
    return [accepted, attached]


def _accepted(attachment: Attachment) -> dict[str, Any]:
    reading, is_kgateway = attachment.reading, attachment.kind == "TrafficPolicy"
    problem: Problem | None = None
    if reading.refusals:
        reasons = "; ".join(reading.refusals[name] for name in sorted(reading.refusals))
        problem = Problem("Invalid", f"the routes answer 500: {reasons}")
    elif not attachment.gateways and not is_kgateway:
        problem = Problem("TargetNotFound", "the target does not exist")
    elif attachment.hidden_by:
        problem = Problem("Conflicted", f"{attachment.kind} {attachment.hidden_by} is obeyed")
    notes = [f"not carried out here: {', '.join(sorted(reading.ignored))}"] * bool(reading.ignored)
    notes += [reading.problem] * bool(reading.problem)
    return gateway_status.condition(
        attachment.policy,
        "Accepted",
        problem,
        reason="Valid" if is_kgateway else "Accepted",
        message="; ".join(notes) or "the policy is carried out",
    )
