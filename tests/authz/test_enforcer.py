from __future__ import annotations

from typing import Any

import pytest

from choreo_local.authz.enforcer import NO_POLICY, Enforcer
from choreo_local.authz.types import OWNER, Hierarchy, Request, Subject
from choreo_local.errors import BadRequestError
from tests.authz.objects import binding, role, user

SHOP = Hierarchy("a", "shop")
CART = Hierarchy("a", "shop", "cart")


def enforcer(*objects: dict[str, Any]) -> Enforcer:
    made = Enforcer()
    for obj in objects:
        made.put(obj)
    return made


def allows(
    known: Enforcer, action: str, where: Hierarchy, subject: Subject | None = None, **seen: str
) -> bool:
    asked = Request(subject or user("dev"), action, where, attributes=seen)
    return known.decide(asked).allowed


def test_nothing_is_allowed_without_policies() -> None:
    decision = Enforcer().decide(Request(user("dev"), "component:view", CART))
    assert (decision.allowed, decision.reason) == (False, NO_POLICY)


def test_no_object_gives_to_the_owner_or_takes_away() -> None:
    lockout = binding("b", "r", group="true", effect="deny")
    lockout["spec"]["entitlement"]["claim"] = OWNER.claim
    known = enforcer(role("r", "*"), lockout)
    for where in (Hierarchy(), SHOP, CART):
        assert allows(known, "component:delete", where, OWNER)
        assert known.covers(OWNER, "component:delete", where)
    known.drop(lockout)
    assert allows(known, "clusterauthzrole:create", Hierarchy(), OWNER)
    others = Subject("user", OWNER.claim, ("false",))
    assert not allows(known, "component:delete", CART, others)


def test_a_binding_reaches_its_scope_and_all_below_it() -> None:
    known = enforcer(role("r", "component:view"), binding("b", "r", scope={"namespace": "a"}))
    assert allows(known, "component:view", CART)
    assert not allows(known, "component:view", Hierarchy("b", "shop", "cart"))
    assert not allows(known, "component:view", Hierarchy())


def test_a_namespace_that_begins_alike_is_another_one() -> None:
    known = enforcer(role("r", "*"), binding("b", "r", scope={"namespace": "a"}))
    assert not allows(known, "component:view", Hierarchy("ab", "shop"))


@pytest.mark.parametrize("order", [1, -1])
def test_a_binding_counts_from_when_its_role_is_there_too(order: int) -> None:
    known = enforcer(*[role("r", "component:view"), binding("b", "r")][::order])
    assert allows(known, "component:view", CART)


def test_a_role_of_a_namespace_is_not_the_cluster_role_of_its_name() -> None:
    known = enforcer(
        role("r", "component:view", namespace="a"),
        role("r", "component:delete"),
        binding("b", "r", namespace="a", role_namespace="a"),
    )
    assert allows(known, "component:view", CART)
    assert not allows(known, "component:delete", CART)


def test_changes_count_at_once() -> None:
    known = enforcer(role("r", "component:view"), binding("b", "r"))
    known.put(role("r", "component:delete"))
    assert not allows(known, "component:view", CART)
    assert allows(known, "component:delete", CART)
    known.put(binding("b", "r", scope={"namespace": "b"}))
    assert not allows(known, "component:delete", CART)
    known.drop(binding("b", "r"))
    assert not allows(known, "component:delete", Hierarchy("b"))


def test_one_of_two_equal_bindings_may_go() -> None:
    known = enforcer(role("r", "component:view"), binding("b", "r"), binding("c", "r"))
    known.drop(binding("b", "r"))
    assert allows(known, "component:view", CART)
    known.drop(binding("c", "r"))
    assert not allows(known, "component:view", CART)


def test_a_binding_without_its_role_allows_nothing() -> None:
    known = enforcer(role("r", "component:view"), binding("b", "r"))
    known.drop(role("r"))
    assert not allows(known, "component:view", CART)


def test_a_denial_goes_before_a_permission_of_the_same_group_only() -> None:
    known = enforcer(
        role("r", "component:*"),
        binding("yes", "r"),
        binding("no", "r", effect="deny", scope={"namespace": "a", "project": "shop"}),
        binding("others", "r", group="ops"),
    )
    assert not allows(known, "component:view", CART)
    assert allows(known, "component:view", Hierarchy("a", "web"))
    assert allows(known, "component:view", CART, user("dev", "ops"))


def test_conditions_narrow_the_actions_they_name() -> None:
    condition = {
        "actions": ["releasebinding:*"],
        "expression": "resource.environment == 'a/development'",
    }
    known = enforcer(
        role("r", "releasebinding:*", "component:view"), binding("b", "r", conditions=[condition])
    )
    assert allows(known, "releasebinding:create", CART, environment="a/development")
    assert not allows(known, "releasebinding:create", CART, environment="a/production")
    assert not allows(known, "releasebinding:create", CART)
    assert allows(known, "component:view", CART)


@pytest.mark.parametrize(
    "expression", ["resource.nope == 'x'", "1 +", "'text'", "nobody.knows", "resource"]
)
def test_a_condition_without_answer_counts_against_the_caller(expression: str) -> None:
    conditions = [{"actions": ["releasebinding:view"], "expression": expression}]
    permitting = enforcer(role("r", "*"), binding("b", "r", conditions=conditions))
    assert not allows(permitting, "releasebinding:view", CART, environment="a/dev")
    denying = enforcer(
        role("r", "*"),
        binding("b", "r"),
        binding("no", "r", effect="deny", conditions=conditions),
    )
    assert not allows(denying, "releasebinding:view", CART, environment="a/dev")


def test_a_condition_that_takes_too_long_counts_against_the_caller() -> None:
    long = "[1,2,3,4,5,6,7,8,9,10]"
    loops = f"{long}.all(a, {long}.all(b, {long}.all(c, {long}.all(d, {long}.all(e, a > 0)))))"
    conditions = [{"actions": ["*"], "expression": loops}]
    known = enforcer(role("r", "*"), binding("b", "r", conditions=conditions))
    assert not allows(known, "releasebinding:view", CART)


def test_a_claim_without_values_entitles_to_nothing() -> None:
    known = enforcer(role("r", "*"), binding("b", "r"))
    assert not allows(known, "component:view", CART, Subject("user", "groups"))


def test_the_claim_is_part_of_who_somebody_is() -> None:
    known = enforcer(role("r", "*"), binding("b", "r"))
    assert not allows(known, "component:view", CART, Subject("user", "sub", ("dev",)))


def test_a_request_needs_a_subject_and_an_action() -> None:
    with pytest.raises(BadRequestError, match="subject context is required"):
        Enforcer().decide(Request(None, "component:view"))
    with pytest.raises(BadRequestError, match="action is required"):
        Enforcer().decide(Request(user("dev"), ""))


def covers(known: Enforcer, action: str, where: Hierarchy) -> bool:
    return known.covers(user("dev"), action, where)


def test_a_permission_above_covers_everything_below() -> None:
    known = enforcer(role("r", "component:*"), binding("b", "r", scope={"namespace": "a"}))
    assert covers(known, "component:view", Hierarchy("a"))
    assert covers(known, "component:view", SHOP)
    assert not covers(known, "component:view", Hierarchy())
    assert not covers(known, "project:view", SHOP)


def test_a_denial_somewhere_below_leaves_no_cover_above() -> None:
    known = enforcer(
        role("r", "*"),
        role("no", "component:view"),
        binding("b", "r"),
        binding("no", "no", effect="deny", scope={"namespace": "a", "project": "shop"}),
    )
    assert not covers(known, "component:view", Hierarchy("a"))
    assert covers(known, "component:view", Hierarchy("b"))
    assert covers(known, "component:delete", Hierarchy("a"))


def test_a_condition_leaves_no_cover_for_its_actions() -> None:
    conditions = [{"actions": ["releasebinding:view"], "expression": "true"}]
    known = enforcer(role("r", "*"), binding("b", "r", conditions=conditions))
    assert not covers(known, "releasebinding:view", SHOP)
    assert covers(known, "component:view", SHOP)


def test_nobody_is_covered() -> None:
    assert not Enforcer().covers(None, "component:view", SHOP)


@pytest.mark.parametrize("count", [3000])
def test_many_bindings_leave_few_policies_to_look_at(count: int) -> None:
    known = enforcer(role("r", "component:view"))
    for number in range(count):
        scope = {"namespace": f"n{number % 50}", "project": f"p{number}"}
        known.put(binding(f"b{number}", "r", scope=scope))
        known.put(binding(f"all{number}", "r", scope={"namespace": "all"}))
    assert len(known.policies_for(user("dev"), "component:view", Hierarchy("n7", "p7"))) == 1
    assert len(known.policies_for(user("dev"), "component:view", Hierarchy("all", "p7"))) == 1
