"""Who may do what, end to end: anonymous, tokens, roles, impersonation, escalation."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.embedded.kubeapi.app import KubeApiOptions
from choreo_local.embedded.kubeapi.messages import User
from tests.embedded.kubeapi.harness import CONFIG_MAPS, Api, config_map

RBAC = "/apis/rbac.authorization.k8s.io/v1"
ROLES = f"{RBAC}/namespaces/default/roles"
BINDINGS = f"{RBAC}/namespaces/default/rolebindings"


@pytest.fixture
async def api() -> Api:
    return await Api.start(KubeApiOptions(tokens={"secret": User("alice", ("devs",))}))


def as_user(api: Api, name: str, *groups: str) -> Api:
    return Api(api.kube, User(name, (*groups, "system:authenticated")))


async def grant(api: Api, subject: dict[str, Any], *rules: dict[str, Any]) -> None:
    name = f"r{len((await api.must('GET', ROLES))['items'])}"
    await api.must("POST", ROLES, {"metadata": {"name": name}, "rules": list(rules)})
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
    binding = {"metadata": {"name": name}, "roleRef": reference, "subjects": [subject]}
    await api.must("POST", BINDINGS, binding)


ALICE = {"kind": "User", "name": "alice", "apiGroup": "rbac.authorization.k8s.io"}
READ = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]}


async def test_a_stranger_gets_nothing_but_health(api: Api) -> None:
    stranger = Api(api.kube, None)

    assert (await stranger.call("GET", "/healthz"))[0] == 200
    status, body = await stranger.call("GET", CONFIG_MAPS)
    assert status == 403
    assert body["message"].startswith('configmaps is forbidden: User "system:anonymous" cannot')


async def test_an_unknown_token_is_refused_without_a_reason(api: Api) -> None:
    stranger = Api(api.kube, None)

    status, body = await stranger.call("GET", "/version", authorization="Bearer nonsense")

    assert (status, body["message"]) == (401, "Unauthorized")


async def test_a_role_allows_what_it_names_and_no_more(api: Api) -> None:
    alice = as_user(api, "alice")
    assert (await alice.call("GET", CONFIG_MAPS))[0] == 403
    await grant(api, ALICE, READ)

    assert (await alice.call("GET", CONFIG_MAPS))[0] == 200
    assert (await alice.call("POST", CONFIG_MAPS, config_map()))[0] == 403
    assert (await alice.call("GET", "/api/v1/configmaps"))[0] == 403


async def test_a_static_token_stands_for_its_user(api: Api) -> None:
    await grant(api, ALICE, READ)

    stranger = Api(api.kube, None)
    assert (await stranger.call("GET", CONFIG_MAPS, authorization="Bearer secret"))[0] == 200


async def test_a_service_account_token_ends_with_its_account(api: Api) -> None:
    accounts = "/api/v1/namespaces/default/serviceaccounts"
    await api.must("POST", accounts, {"metadata": {"name": "robot"}})
    answered = await api.must("POST", f"{accounts}/robot/token", {"spec": {}})
    token = answered["status"]["token"]
    stranger = Api(api.kube, None)
    review = "/apis/authentication.k8s.io/v1/selfsubjectreviews"

    found = await stranger.must("POST", review, {}, authorization=f"Bearer {token}")
    assert found["status"]["userInfo"]["username"] == "system:serviceaccount:default:robot"
    await api.must("DELETE", f"{accounts}/robot")
    status, _ = await stranger.call("POST", review, {}, authorization=f"Bearer {token}")
    assert status == 401


async def test_nobody_gives_away_more_than_he_has(api: Api) -> None:
    write_roles = {
        "apiGroups": ["rbac.authorization.k8s.io"],
        "resources": ["roles", "rolebindings"],
        "verbs": ["create"],
    }
    await grant(api, ALICE, READ, write_roles)
    alice = as_user(api, "alice")

    allowed = await alice.call("POST", ROLES, {"metadata": {"name": "ok"}, "rules": [READ]})
    secrets = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}
    status, body = await alice.call(
        "POST", ROLES, {"metadata": {"name": "more"}, "rules": [secrets]}
    )

    assert allowed[0] == 201
    assert status == 403
    assert 'Resources:["secrets"]' in body["message"]


async def test_impersonation_needs_permission(api: Api) -> None:
    bob = as_user(api, "bob")

    status, body = await bob.call("GET", CONFIG_MAPS, impersonate_user="alice")
    assert status == 403
    assert "cannot impersonate-on:user-info:list" in body["message"]
    review = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    found = await api.must("POST", review, {}, impersonate_user="alice", impersonate_group="a\nb")
    groups = found["status"]["userInfo"]["groups"]
    assert groups == ["a", "b", "system:authenticated"]


async def test_aggregated_roles_follow_their_parts(api: Api) -> None:
    part = {
        "metadata": {
            "name": "gizmos",
            "labels": {"rbac.authorization.k8s.io/aggregate-to-view": "true"},
        },
        "rules": [{"apiGroups": ["example.com"], "resources": ["gizmos"], "verbs": ["get"]}],
    }
    await api.must("POST", f"{RBAC}/clusterroles", part)

    client = api.client()
    view = await api.must("GET", f"{RBAC}/clusterroles/view")
    if part["rules"][0] not in view["rules"]:  # type: ignore[index]  # a list of dicts
        await client.request_json(
            "PATCH",
            f"{RBAC}/clusterroles/gizmos",
            body={"metadata": {}},
            content_type="application/merge-patch+json",
        )
        view = await api.must("GET", f"{RBAC}/clusterroles/view")
    assert part["rules"][0] in view["rules"]  # type: ignore[index]  # a list of dicts
