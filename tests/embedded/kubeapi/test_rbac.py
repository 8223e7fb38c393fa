"""Rules of roles: what they allow, and what one set lacks of another."""

from __future__ import annotations

from choreo_local.embedded.kubeapi import rbac
from choreo_local.embedded.kubeapi.messages import User
from choreo_local.embedded.kubeapi.rbac import Action

READER = {"apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["get", "list"]}


def test_a_rule_covers_its_verbs_groups_and_resources() -> None:
    assert rbac.allows(READER, Action("get", "", "pods", name="p"))
    assert rbac.allows(READER, Action("get", "", "pods", "log"))
    assert not rbac.allows(READER, Action("delete", "", "pods"))
    assert not rbac.allows(READER, Action("get", "apps", "pods"))
    assert not rbac.allows(READER, Action("get", "", "pods", "exec"))


def test_resource_names_narrow_a_rule() -> None:
    rule = {**READER, "resourceNames": ["p"]}

    assert rbac.allows(rule, Action("get", "", "pods", name="p"))
    assert not rbac.allows(rule, Action("get", "", "pods", name="q"))
    assert not rbac.allows(rule, Action("list", "", "pods"))


def test_a_subresource_of_everything_can_be_allowed() -> None:
    rule = {"apiGroups": ["*"], "resources": ["*/scale"], "verbs": ["get"]}

    assert rbac.allows(rule, Action("get", "apps", "deployments", "scale"))
    assert not rbac.allows(rule, Action("get", "apps", "deployments"))


def test_paths_match_exactly_or_by_prefix() -> None:
    rule = {"nonResourceURLs": ["/metrics", "/logs/*"], "verbs": ["get"]}

    assert rbac.allows(rule, Action("get", path="/metrics"))
    assert rbac.allows(rule, Action("get", path="/logs/x"))
    assert not rbac.allows(rule, Action("get", path="/metrics/x"))


def test_a_service_account_is_a_subject_of_its_own() -> None:
    user = User("system:serviceaccount:ns:name", ("group",))

    assert ("ServiceAccount", "ns/name") in rbac.subject_keys(user)
    assert rbac.key_of_subject({"kind": "ServiceAccount", "name": "name"}, "ns") == (
        "ServiceAccount",
        "ns/name",
    )


def test_what_somebody_lacks_is_listed_rule_by_rule() -> None:
    wanted = [{"apiGroups": [""], "resources": ["pods", "secrets"], "verbs": ["get", "delete"]}]

    missing = rbac.compact(rbac.uncovered([READER], wanted))

    assert [(rule["resources"], rule["verbs"]) for rule in missing] == [
        (["pods"], ["delete"]),
        (["secrets"], ["get", "delete"]),
    ]
    assert rbac.print_rule(missing[0]) == '{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}'


def test_who_has_everything_lacks_nothing() -> None:
    everything = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}

    assert rbac.uncovered([everything], [READER]) == []
