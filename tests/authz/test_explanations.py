from __future__ import annotations

from typing import Any

from choreo_local.authz.disabled import REASON, Disabled
from choreo_local.authz.enforcer import Enforcer
from choreo_local.authz.types import Explanation, Hierarchy, Request
from tests.authz.objects import binding, role, user

CART = Hierarchy("a", "shop", "cart")


def explained(
    *objects: dict[str, Any], action: str = "component:delete", **seen: str
) -> Explanation:
    known = Enforcer()
    for obj in objects:
        known.put(obj)
    return known.explain(Request(user("dev"), action, CART, attributes=seen))


def test_a_denial_names_the_missing_action_and_its_scope() -> None:
    found = explained()
    assert not found.decision.allowed
    assert found.action == "component:delete"
    assert found.scope == "ns/a/project/shop/component/cart"
    assert "missing component:delete on ns/a/project/shop/component/cart" in found.summary
    assert "namespace a, project shop, component cart" in found.summary
    assert "groups:dev" in found.summary
    assert "component:delete" in found.remedy


def test_a_binding_elsewhere_is_named() -> None:
    (detail,) = explained(
        role("r", "component:*"), binding("b", "r", scope={"namespace": "b"})
    ).details
    assert detail == 'binding "b" for groups:dev allows it, but only in namespace b'


def test_a_role_that_lacks_the_action_is_named() -> None:
    (detail,) = explained(role("r", "component:view"), binding("b", "r")).details
    expected = "reaches there, but its role r does not hold component:delete"
    assert detail == f'binding "b" for groups:dev {expected}'


def test_a_role_that_does_not_exist_is_named() -> None:
    (detail,) = explained(binding("b", "ghost")).details
    assert detail.endswith("its role ghost does not exist")


def test_a_denying_binding_is_named() -> None:
    found = explained(
        role("r", "component:*"), binding("yes", "r"), binding("no", "r", effect="deny")
    )
    denial = 'binding "no" for groups:dev denies it in the whole installation'
    assert denial in found.details


def test_a_condition_that_does_not_hold_is_shown() -> None:
    conditions = [
        {"actions": ["releasebinding:create"], "expression": "resource.environment == 'a/dev'"}
    ]
    found = explained(
        role("r", "*"),
        binding("b", "r", conditions=conditions),
        action="releasebinding:create",
        environment="a/production",
    )
    assert found.details == (
        (
            "binding \"b\" for groups:dev allows it where resource.environment == 'a/dev', "
            "which is not so here"
        ),
    )


def test_many_near_misses_are_counted_and_not_all_listed() -> None:
    bindings = [binding(f"b{number}", "ghost") for number in range(50)]
    details = explained(*bindings).details
    assert len(details) == 21
    assert details[-1] == "and 30 more"


def test_a_permission_says_what_gave_it() -> None:
    found = explained(role("r", "*"), binding("b", "r"))
    assert found.decision.allowed
    assert "entitlement value 'dev'" in found.summary
    assert found.remedy == ""


def test_without_authorization_everything_is_allowed_even_to_nobody() -> None:
    disabled = Disabled()
    request = Request(None, "component:delete", CART)
    assert disabled.decide(request).allowed
    assert disabled.decide(request).reason == REASON
    assert disabled.covers(None, "component:delete", Hierarchy())
    assert disabled.explain(request).decision.allowed
    assert disabled.profile(user("dev"), CART) == {"*": {"allowed": [{"path": "*"}], "denied": []}}
