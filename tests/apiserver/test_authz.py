"""Questions about permissions, over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from choreo_local.authz.types import OWNER
from choreo_local.services.permissions import MOST_QUESTIONS
from tests.apiserver.harness import TOKEN, Api, serve, token_of
from tests.authz.objects import binding
from tests.services import harness

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]

_EVALUATES = "/api/v1/authz/evaluates"
_EXPLANATION = "/choreo/v1/authz/explanation"
_DEVELOPER = token_of("developers")


def _question(action: str = "component:view", **more: Any) -> dict[str, Any]:
    hierarchy = {"namespace": "shop"}
    return {"resource": {"type": "component", "hierarchy": hierarchy}, "action": action, **more}


async def test_all_actions_are_listed_by_name(api: Api) -> None:
    found = await api.must("GET", "/api/v1/authz/actions")
    names = [entry["name"] for entry in found]
    assert len(names) == 159
    assert names == sorted(names)
    (described,) = [entry for entry in found if entry["name"] == "component:exec"]
    assert described["lowestScope"] == "component"
    assert [entry["key"] for entry in described["conditions"]] == ["resource.environment"]


async def test_questions_are_about_the_caller_unless_they_name_somebody(api: Api) -> None:
    about = {"type": "user", "entitlement_claim": "groups", "entitlement_values": ["nobodies"]}
    questions = [_question(), _question(subject_context=about), _question("namespace:create")]
    status, answers, _ = await api.call("POST", _EVALUATES, questions, token=_DEVELOPER)
    assert status == 200
    assert [answer["decision"] for answer in answers] == [True, False, False]
    assert "entitlement value 'developers'" in answers[0]["context"]["reason"]
    assert answers[1]["context"]["reason"] == "no matching policies found"


@pytest.mark.parametrize(
    "body",
    [
        [],
        [{}],
        [{"action": "component:view"}],
        [{"resource": {"type": "component"}}],
        [{"resource": {"type": "component"}, "action": 5}],
        [{"resource": [], "action": "component:view"}],
        [{"resource": {"type": "component", "hierarchy": "x"}, "action": "component:view"}],
        [_question(subject_context={"entitlement_values": [5]})],
        [_question(subject_context={"entitlement_values": ["a"]})],
        [_question()] * (MOST_QUESTIONS + 1),
        {"requests": []},
        ["x"],
    ],
)
async def test_questions_that_are_none_are_refused(api: Api, body: Any) -> None:
    status, _, _ = await api.call("POST", _EVALUATES, body)
    assert status == 400


async def test_a_profile_says_who_and_what(api: Api) -> None:
    status, found, _ = await api.call("GET", "/api/v1/authz/profile", token=_DEVELOPER)
    assert status == 200
    assert found["user"] == {
        "type": "user",
        "entitlement_claim": "groups",
        "entitlement_values": ["developers"],
    }
    assert found["capabilities"]["component:create"] == {"allowed": [{"path": "*"}], "denied": []}
    assert "namespace:create" not in found["capabilities"]
    assert found["evaluatedAt"]


@pytest.mark.parametrize("query", ["component=c&namespace=n", "project=p", "resource=r"])
async def test_a_scope_needs_its_upper_levels(api: Api, query: str) -> None:
    status, _, _ = await api.call("GET", f"/api/v1/authz/profile?{query}")
    assert status == 400


async def test_the_types_of_callers_are_listed_in_their_order(api: Api) -> None:
    found = await api.must("GET", "/api/v1/authn/subject-types")
    assert [(entry["priority"], entry["type"]) for entry in found] == [
        (1, "user"),
        (2, "service_account"),
    ]
    (mechanism,) = found[0]["authMechanisms"]
    assert (mechanism["type"], mechanism["entitlement"]["claim"]) == ("jwt", "groups")


async def test_the_owner_cannot_be_locked_out_by_roles_and_bindings(api: Api) -> None:
    lockout = binding("lockout", "admin", group="true", effect="deny")
    lockout["spec"]["entitlement"]["claim"] = OWNER.claim
    await api.must("POST", "/api/v1/clusterauthzrolebindings", lockout)
    await api.follow()
    found = await api.must("GET", f"{_EXPLANATION}?action=clusterauthzrole:delete")
    assert found["allowed"]
    await api.must("DELETE", "/api/v1/clusterauthzrolebindings/lockout")


async def test_a_denial_is_explained(api: Api) -> None:
    path = f"{_EXPLANATION}?action=namespace:create&namespace=shop"
    status, found, _ = await api.call("GET", path, token=_DEVELOPER)
    assert status == 200
    assert not found["allowed"]
    assert (found["action"], found["scope"]) == ("namespace:create", "ns/shop")
    assert any("developer-binding" in detail for detail in found["details"])


async def test_only_who_sees_all_bindings_may_ask_about_others(api: Api) -> None:
    path = f"{_EXPLANATION}?action=component:view&namespace=shop&as=groups:sres"
    status, found, _ = await api.call("GET", path)
    assert (status, found["allowed"]) == (200, True)
    status, _, _ = await api.call("GET", path, token=_DEVELOPER)
    assert status == 403


@pytest.mark.parametrize("query", ["", "?action=component:view&as=developers"])
async def test_a_question_that_cannot_be_read_is_refused(api: Api, query: str) -> None:
    status, _, _ = await api.call("GET", f"{_EXPLANATION}{query}")
    assert status == 400


@pytest.mark.parametrize("name", ["x%0d%0aSet-Cookie:%20a=b", "%E2%98%83", "a%20b"])
async def test_the_header_of_a_denial_holds_any_name(api: Api, name: str) -> None:
    status, _, headers = await api.call("GET", f"/api/v1/namespaces/{name}", token=token_of("x"))
    assert status == 403
    assert headers["choreo-missing-permission"].startswith("namespace:view ns/")
    assert "set-cookie" not in headers


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def open_api() -> AsyncIterator[Api]:
    """An API without authorization."""
    async with (
        harness.control_plane("core") as platform,
        serve(platform, authorization=False) as api,
    ):
        yield api


@pytest.mark.parametrize("token", [TOKEN, token_of("strangers")])
async def test_without_authorization_everything_is_allowed_but_roles(
    open_api: Api, token: str
) -> None:
    status, _, _ = await open_api.call("GET", "/api/v1/clusterdataplanes", token=token)
    assert status == 200
    for path in ("/api/v1/clusterauthzroles", "/api/v1/authz/actions"):
        status, content, _ = await open_api.call("GET", path, token=token)
        assert (status, content["code"]) == (500, "INTERNAL_ERROR")
    found = await open_api.must("GET", "/api/v1/authz/profile")
    assert found["capabilities"] == {"*": {"allowed": [{"path": "*"}], "denied": []}}
    answers = await open_api.must("POST", _EVALUATES, [_question("namespace:delete")])
    assert answers[0]["decision"] is True
    assert answers[0]["context"]["reason"] == "Authorization disabled - all access granted"
