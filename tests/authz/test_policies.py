from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from choreo_local.authz import policies
from choreo_local.authz.enforcer import Enforcer
from choreo_local.authz.policies import Policy
from choreo_local.authz.types import Hierarchy, Request
from tests.authz.objects import binding, role, user

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
_MAPPINGS = st.fixed_dictionaries(
    {},
    optional={
        "roleRef": st.fixed_dictionaries({}, optional={"kind": _JSON, "name": _JSON}) | _JSON,
        "scope": st.fixed_dictionaries({}, optional={"namespace": _JSON, "project": _JSON}) | _JSON,
        "conditions": st.lists(
            st.fixed_dictionaries({}, optional={"actions": _JSON, "expression": _JSON}) | _JSON
        ),
    },
)
_SPECS = st.fixed_dictionaries(
    {"effect": st.sampled_from(["allow", "deny"])},
    optional={
        "entitlement": st.fixed_dictionaries({}, optional={"claim": _JSON, "value": _JSON}) | _JSON,
        "roleMappings": st.lists(_MAPPINGS, max_size=3) | _JSON,
    },
)


@pytest.mark.parametrize(
    ("scope", "path"),
    [
        ({}, "*"),
        ({"namespace": "a"}, "ns/a"),
        ({"namespace": "a", "project": "p"}, "ns/a/project/p"),
        ({"namespace": "a", "project": "p", "component": "c"}, "ns/a/project/p/component/c"),
        ({"namespace": "a", "project": "p", "resource": "r"}, "ns/a/project/p/resource/r"),
    ],
)
def test_the_scope_of_a_cluster_binding_is_its_path(scope: dict[str, str], path: str) -> None:
    (policy,) = policies.policies(binding("b", "r", scope=scope))
    assert policy == Policy("groups:dev", path, "r", "*", "allow", "{}", "b")


def test_a_binding_of_a_namespace_stays_in_it() -> None:
    obj = binding("b", "r", namespace="a", role_namespace="a", scope={"project": "p"})
    (policy,) = policies.policies(obj)
    assert (policy.path, policy.role_namespace) == ("ns/a/project/p", "a")


def test_a_binding_without_effect_has_no_policy() -> None:
    obj = binding("b", "r")
    del obj["spec"]["effect"]
    assert policies.policies(obj) == []


@pytest.mark.parametrize(
    ("path", "above"),
    [
        ("*", ("*",)),
        ("ns/a", ("*", "ns/a")),
        (
            "ns/a/project/p/component/c",
            ("*", "ns/a", "ns/a/project/p", "ns/a/project/p/component/c"),
        ),
    ],
)
def test_a_path_is_reached_from_all_levels_above(path: str, above: tuple[str, ...]) -> None:
    assert policies.lineage(path) == above


@given(_SPECS, _JSON)
@settings(deadline=None)
def test_no_object_keeps_the_others_from_being_heeded(spec: dict[str, Any], actions: Any) -> None:
    known = Enforcer()
    known.put({"kind": "ClusterAuthzRole", "metadata": {"name": "odd"}, "spec": actions})
    known.put({"kind": "ClusterAuthzRole", "metadata": {"name": "x"}, "spec": {"actions": actions}})
    known.put({"kind": "ClusterAuthzRoleBinding", "metadata": {"name": "odd"}, "spec": spec})
    known.put(role("r", "component:view"))
    known.put(binding("b", "r"))
    where = Hierarchy("a", "p")
    request = Request(user("dev"), "component:view", where)
    assert known.decide(request).allowed
    assert known.profile(user("dev"), where)
    known.explain(Request(user("dev"), "component:delete", where))
    known.drop({"kind": "ClusterAuthzRoleBinding", "metadata": {"name": "odd"}, "spec": None})
