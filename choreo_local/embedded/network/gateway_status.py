"""What the statuses of gateway classes, Gateways and routes must say. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from choreo_local import clock
from choreo_local.embedded.network import hostnames
from choreo_local.embedded.network.attachment import Parent
from choreo_local.embedded.network.datapath import Refusals
from choreo_local.embedded.network.listeners import Listener
from choreo_local.embedded.network.references import GROUP, Manifest, Problem

_PARTIAL = "PartiallyInvalid"
_Conditions = list[dict[str, Any]]


def class_status(class_: Manifest, now: datetime) -> dict[str, Any]:
    """GatewayClass: ours are accepted as they are."""
    before = class_.get("status") or {}
    accepted = condition(class_, "Accepted", None, "Accepted", "the controller runs here")
    return {**before, "conditions": merged(before.get("conditions"), [accepted], now)}


def gateway_status(
    gateway: Manifest,
    found: Sequence[Listener],
    *,
    addresses: Sequence[str],
    failure: Callable[[int], str],
    refused: Mapping[tuple[int, str], str] | None = None,
    now: datetime,
) -> dict[str, Any]:
    """Gateway: its listeners, and whether they are served.

    `failure` tells why a port is not, `refused` why a server name of a port is not.
    """
    for each in found:
        _refuse(each, refused or {})
    before = gateway.get("status") or {}
    listed = {each["name"]: each for each in before.get("listeners") or ()}
    failures = [failure(each.port) for each in found if each.works]
    wrong = [each.name for each in found if each.refused or each.conflict]
    accepted = condition(gateway, "Accepted", None, "Accepted", "")
    if wrong:
        names = ", ".join(sorted(wrong))
        accepted = condition(
            gateway, "Accepted", None, "ListenersNotValid", f"listeners not served: {names}"
        )
    fault = next((each for each in failures if each), "")
    unusable = not any(each.works for each in found)
    fault = fault or _address_fault(gateway, addresses)
    problem = Problem("AddressNotUsable", fault) if fault else None
    if unusable:
        problem = Problem("Invalid", "no listener can be served")
    programmed = condition(gateway, "Programmed", problem, "Programmed", "")
    return {
        **before,
        "addresses": [{"type": "IPAddress", "value": each} for each in addresses],
        "conditions": merged(before.get("conditions"), [accepted, programmed], now),
        "listeners": [_listener(each, listed.get(each.name) or {}, failure, now) for each in found],
    }


def _address_fault(gateway: Manifest, addresses: Sequence[str]) -> str:
    """Which of the addresses that a Gateway asks for it does not get."""
    asked = [each.get("value") or "" for each in gateway["spec"].get("addresses") or ()]
    strange = sorted({each for each in asked if each and each not in addresses})
    if not strange:
        return ""
    return f"served on {', '.join(addresses)} alone, not on {', '.join(strange)}"


def _refuse(listener: Listener, refused: Mapping[tuple[int, str], str]) -> None:
    """Take from a listener the certificates that are refused."""
    words = refused.get((listener.port, listener.hostname or hostnames.ANY))
    if words and listener.certificates:
        listener.certificates = ()
        message = f"the certificate is refused: {words}"
        listener.unresolved = Problem("InvalidCertificateRef", message)


def _listener(
    listener: Listener, before: Manifest, failure: Callable[[int], str], now: datetime
) -> dict[str, Any]:
    gateway = listener.gateway
    fault = failure(listener.port) if listener.works else ""
    unserved = listener.refused or listener.conflict
    if not unserved and not listener.works:
        unserved = Problem("Invalid", "a reference of the listener cannot be used")
    if not unserved and fault:
        unserved = Problem("Pending", fault)
    programmed = unserved and Problem("Invalid", unserved.message)
    accepted = listener.refused or (listener.conflict and Problem("PortUnavailable", ""))
    conflict = condition(gateway, "Conflicted", None, "NoConflicts", "")
    if listener.conflict:
        conflict |= {"reason": listener.conflict.reason, "message": listener.conflict.message}
    conflict["status"] = "True" if listener.conflict else "False"
    conditions = [
        condition(gateway, "Accepted", accepted, "Accepted", ""),
        conflict,
        condition(gateway, "ResolvedRefs", listener.unresolved, "ResolvedRefs", ""),
        condition(gateway, "Programmed", programmed, "Programmed", ""),
    ]
    return {
        "name": listener.name,
        "attachedRoutes": len(listener.attached),
        "supportedKinds": [{"group": GROUP, "kind": kind} for kind in listener.kinds],
        "conditions": merged(before.get("conditions"), conditions, now),
    }


def route_status(
    route: Manifest,
    parents: Sequence[Parent],
    *,
    controller_name: str,
    refused: Mapping[int, str] | None = None,
    now: datetime,
) -> dict[str, Any]:
    """A route's parents; those of other controllers stay as they are.

    `refused` says which of its rules are not served, by number, and why.
    """
    before = route.get("status") or {}
    listed: list[Mapping[str, Any]] = list(before.get("parents") or ())
    others = [each for each in listed if each.get("controllerName") != controller_name]
    rules: Sequence[Mapping[str, Any]] = route["spec"].get("rules") or ()
    ours = [each for each in listed if each.get("controllerName") == controller_name]
    partial = refused_rules(refused or {})
    entries = []
    for parent in parents:
        same = [each for each in ours if each["parentRef"] == parent.reference]
        old = same[0] if same else {}
        problem = parent.refused or _all_refused(rules, refused or {})
        note = f"not carried out here: {', '.join(parent.notes)}" if parent.notes else ""
        accepted = condition(route, "Accepted", problem, "Accepted", note)
        resolved = condition(route, "ResolvedRefs", parent.unresolved, "ResolvedRefs", "")
        entries.append(
            {
                "parentRef": dict(parent.reference),
                "controllerName": controller_name,
                "conditions": _of_parent(old, accepted, resolved, partial, now),
            }
        )
    return {**before, "parents": [*others, *entries]}


def _of_parent(
    old: Manifest,
    accepted: dict[str, Any],
    resolved: dict[str, Any],
    partial: Problem | None,
    now: datetime,
) -> _Conditions:
    """The conditions of a parent; that some rules are left out is only told while it is so."""
    kept = [each for each in old.get("conditions") or () if each["type"] != _PARTIAL]
    known = [each for each in old.get("conditions") or () if each["type"] == _PARTIAL]
    fresh = [accepted, resolved]
    if partial and accepted["status"] == "True":
        kept += known
        fresh.append(
            {
                "type": _PARTIAL,
                "status": "True",
                "observedGeneration": accepted["observedGeneration"],
                "reason": partial.reason,
                "message": partial.message,
            }
        )
    return merged(kept, fresh, now)


def _all_refused(rules: Sequence[Manifest], refused: Mapping[int, str]) -> Problem | None:
    if not refused or len(refused) < max(len(rules), 1):
        return None
    return Problem("UnsupportedValue", f"Envoy refuses it: {refused[min(refused)]}")


def refused_rules(refused: Mapping[int, str]) -> Problem | None:
    """What is said of a route some of whose rules are left out."""
    if not refused:
        return None
    # Users of the specification look for these first words.
    listed = "; ".join(f"rule {number}: {refused[number]}" for number in sorted(refused))
    return Problem("UnsupportedValue", f"Dropped Rule, as Envoy refuses it: {listed}")


def refused_of(route: Manifest, parents: Iterable[Parent], refusals: Refusals) -> dict[int, str]:
    """The rules of a route that are not served, and why."""
    metadata = route["metadata"]
    prefix = "/".join((route["kind"], metadata["namespace"], metadata["name"], ""))
    found: dict[int, str] = {}
    for name, words in refusals.routes.items():
        if name.startswith(prefix):
            found.setdefault(int(name.removeprefix(prefix).split("/")[0]), words)
    if route["kind"] == "TLSRoute" and (words := _refused_names(parents, refusals)):
        found[0] = words
    return found


def _refused_names(parents: Iterable[Parent], refusals: Refusals) -> str:
    """Why a server name of a TLSRoute is not served; the data path knows them by nothing else."""
    for parent in parents:
        for listener, names in parent.attached:
            for name in names:
                if words := refusals.hosts.get((listener.port, name)):
                    return words
    return ""


def condition(
    obj: Manifest, type_: str, problem: Problem | None, reason: str, message: str
) -> dict[str, Any]:
    """True with `reason`, or False with the problem's."""
    return {
        "type": type_,
        "status": "False" if problem else "True",
        "observedGeneration": obj["metadata"].get("generation", 1),
        "reason": problem.reason if problem else reason,
        "message": problem.message if problem else message,
    }


def merged(
    before: Sequence[Mapping[str, Any]] | None, fresh: _Conditions, now: datetime
) -> list[dict[str, Any]]:
    """The fresh conditions after those of other authors; times change with the status only."""
    old = {each["type"]: each for each in before or ()}
    types = {each["type"] for each in fresh}
    result = [dict(each) for each in before or () if each["type"] not in types]
    # The default of the CRD: conditions that wait for a controller, which is this one.
    result = [each for each in result if each.get("reason") != "Pending"]
    for each in fresh:
        known = old.get(each["type"])
        same = known is not None and known["status"] == each["status"]
        moment = known.get("lastTransitionTime") if known and same else None
        result.append({**each, "lastTransitionTime": moment or clock.timestamp(now)})
    return result
