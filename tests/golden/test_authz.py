"""Recorded policies, decisions and profiles of upstream's authorization, one test a case.

Files of any name are taken, by what they hold: suites (objects → policies, decisions, profiles),
captured decisions (policies → decision), and the catalogue of actions.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from choreo_local.authz import actions, policies
from choreo_local.authz.enforcer import Enforcer
from choreo_local.authz.policies import Grant, Policy, Role
from choreo_local.authz.types import Hierarchy, Request, Subject
from choreo_local.errors import BadRequestError
from tests.golden import differences, load, recorded

Case = dict[str, Any]


@cache
def _content(path: Path) -> Any:
    return load(path)


@cache
def _enforcer(path: Path) -> Enforcer:
    enforcer = Enforcer()
    for obj in _content(path)["objects"]:
        enforcer.put(obj)
    return enforcer


def _suites() -> Iterator[Path]:
    yield from (path for path in recorded("authz") if "suite" in _content(path))


def _requests() -> Iterator[Any]:
    for path in _suites():
        for case in _content(path)["requests"]:
            yield pytest.param(path, case, id=case["id"])


def _profiles() -> Iterator[Any]:
    for path in _suites():
        for case in _content(path)["profiles"]:
            yield pytest.param(path, case, id=case["id"])


def _captured() -> Iterator[Any]:
    for path in recorded("authz"):
        for case in _content(path).get("cases", ()):
            yield pytest.param(case, id=case["id"])


def _catalogues() -> Iterator[Any]:
    for path in recorded("authz"):
        if "allActions" in _content(path):
            yield pytest.param(path, id=path.stem)


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in _suites()])
def test_objects_become_the_policies_of_upstream(path: Path) -> None:
    content = _content(path)
    roles = [obj for obj in content["objects"] if policies.is_role(obj)]
    bindings = [obj for obj in content["objects"] if not policies.is_role(obj)]
    given_grants = [grant for obj in roles for grant in policies.grants(obj)]
    given = [policy for obj in bindings for policy in policies.policies(obj)]
    wanted = content["policies"]
    assert sorted(map(list, given_grants)) == sorted(wanted["g"] or [])
    assert sorted(map(_plain, given)) == sorted(map(_plain, wanted["p"] or []))


def _plain(policy: Any) -> list[str]:
    """A policy whose conditions are written in one way."""
    *fields, condition, binding = policy
    return [*fields, json.dumps(json.loads(condition), sort_keys=True), binding]


@pytest.mark.parametrize(("path", "case"), list(_requests()))
def test_decides_as_upstream(path: Path, case: Case) -> None:
    _check(case, _enforcer(path))


@pytest.mark.parametrize("case", list(_captured()))
def test_decides_as_upstream_in_its_own_tests(case: Case) -> None:
    enforcer = Enforcer()
    found = [Grant(*grant) for grant in case["policies"]["g"] or ()]
    for role in {Role(grant.role, grant.role_namespace) for grant in found}:
        of_role = [grant for grant in found if Role(grant.role, grant.role_namespace) == role]
        enforcer.set_role(role, of_role)
    enforcer.set_policies("all", [Policy(*policy) for policy in case["policies"]["p"] or ()])
    _check(case, enforcer)


def _check(case: Case, enforcer: Enforcer) -> None:
    reason = differences("authz").get(case["id"])
    given = _answer(case["request"], enforcer)
    wanted = {"decision": case["decision"], "error": case["error"]}
    if case["error"] is not None:
        wanted["error"] = case["error"].removeprefix("invalid request: ")
    if given != wanted and reason is not None:
        pytest.skip(f"differs: {reason}")
    assert given == wanted


def _answer(request: Mapping[str, Any], enforcer: Enforcer) -> Case:
    resource = request["resource"]
    try:
        decision = enforcer.decide(
            Request(
                subject=_subject(request.get("subject_context")),
                action=request["action"],
                hierarchy=Hierarchy(**resource["hierarchy"]),
                type=resource["type"],
                id=resource.get("id") or "",
                attributes=(request.get("context") or {}).get("resource") or {},
            )
        )
    except BadRequestError as error:
        return {
            "decision": {"decision": False},
            "error": error.message.removeprefix("invalid request: "),
        }
    return {
        "decision": {"context": {"reason": decision.reason}, "decision": decision.allowed},
        "error": None,
    }


def _subject(content: Mapping[str, Any] | None) -> Subject | None:
    if content is None:
        return None
    return Subject(
        type=content["type"],
        claim=content["entitlement_claim"],
        values=tuple(content["entitlement_values"] or ()),
    )


@pytest.mark.parametrize(("path", "case"), list(_profiles()))
def test_profiles_are_those_of_upstream(path: Path, case: Case) -> None:
    request = case["request"]
    subject = _subject(request["subject_context"])
    assert subject is not None
    given = _enforcer(path).profile(subject, Hierarchy(**request["scope"]))
    reason = differences("authz").get(case["id"])
    if _sorted(given) != _sorted(case["capabilities"]) and reason is not None:
        pytest.skip(f"differs: {reason}")
    assert _sorted(given) == _sorted(case["capabilities"])


def _sorted(capabilities: Mapping[str, Any]) -> Any:
    """Lists in one order; upstream's have none."""

    def entries(found: list[Any]) -> list[str]:
        for entry in found:
            if "constraints" in entry:
                texts = sorted(entry["constraints"]["expressions"])
                entry["constraints"]["expressions"] = texts
        return sorted(json.dumps(entry, sort_keys=True) for entry in found)

    return {
        action: {effect: entries(found) for effect, found in there.items()}
        for action, there in capabilities.items()
    }


@pytest.mark.parametrize("path", list(_catalogues()))
def test_the_catalogue_is_that_of_upstream(path: Path) -> None:
    content = _content(path)
    scopes = {entry["Name"]: entry["LowestScope"] for entry in content["allActions"]}
    assert {name: action.lowest_scope for name, action in actions.ALL.items()} == scopes
    seen = {
        name: [f"resource.{action.attribute}"]
        for name, action in actions.ALL.items()
        if action.attribute
    }
    assert seen == content["conditionAttributesByAction"]
    assert list(actions.ALL) == [entry["Name"] for entry in content["concretePublicActions"]]


def test_the_recordings_are_there() -> None:
    if not recorded("authz"):
        pytest.skip("recordings are not here; set CHOREO_GOLDENS")
    assert len(list(_requests())) + len(list(_profiles())) > 100
