"""`spec.podFailurePolicy` of Jobs: what a failed Pod means. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from choreo_local.embedded.controllermanager.plans import Manifest


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to make of a failed Pod; `message` says why the whole Job fails."""

    counts: bool = True
    fails_job: bool = False
    fails_index: bool = False
    message: str = ""


def judge(policy: Mapping[str, Any] | None, pod: Manifest) -> Verdict:
    """The verdict of the first rule that fits."""
    for number, rule in enumerate((policy or {}).get("rules") or ()):
        reason = _exit_codes(rule, pod) or _conditions(rule, pod)
        if not reason:
            continue
        message = f"{reason} matching {rule['action']} rule at index {number}"
        match rule["action"]:
            case "FailJob":
                return Verdict(fails_job=True, message=message)
            case "FailIndex":
                return Verdict(fails_index=True)
            case "Ignore":
                return Verdict(counts=False)
            case _:
                return Verdict()
    return Verdict()


def _name(pod: Manifest) -> str:
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"


def _exit_codes(rule: Mapping[str, Any], pod: Manifest) -> str:
    wanted = rule.get("onExitCodes")
    if not wanted:
        return ""
    status = pod.get("status") or {}
    listed = [
        *(status.get("initContainerStatuses") or ()),
        *(status.get("containerStatuses") or ()),
    ]
    for each in listed:
        ended = (each.get("state") or {}).get("terminated") or {}
        code = ended.get("exitCode", 0)
        if code == 0 or wanted.get("containerName") not in (None, each["name"]):
            continue
        if (code in wanted["values"]) == (wanted["operator"] == "In"):
            return f"Container {each['name']} for pod {_name(pod)} failed with exit code {code}"
    return ""


def _conditions(rule: Mapping[str, Any], pod: Manifest) -> str:
    for wanted in rule.get("onPodConditions") or ():
        for each in (pod.get("status") or {}).get("conditions") or ():
            if each["type"] == wanted["type"] and each["status"] == wanted.get("status", "True"):
                return f"Pod {_name(pod)} has condition {each['type']}"
    return ""
