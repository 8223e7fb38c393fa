"""What belongs to others is never listed, counted, or told apart from what does not exist."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from choreo_local.apiclient.client import ApiClient
from choreo_local.apiclient.types import BoardReplaced, RowsChanged
from tests.apiserver.harness import Api, serve, token_of
from tests.authz.objects import binding, role
from tests.services import harness

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]

_SHOP = "/api/v1/namespaces/shop"
# A developer of the project `cart` of the namespace `shop`, which has another project: `bank`.
_TOKEN = token_of("cart-developers")
_STRANGER = token_of("strangers")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tenants() -> AsyncIterator[Api]:
    """Two projects of a namespace; to one of them somebody has rights."""
    async with harness.control_plane("core") as platform, serve(platform) as api:
        await platform.apply(*_objects())
        scope = {"namespace": "shop", "project": "cart"}
        await platform.apply(
            binding("cart-developers", "developer", group="cart-developers", scope=scope)
        )
        await api.follow()
        yield api


def _objects() -> list[dict[str, Any]]:
    namespace = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "shop", "labels": {"openchoreo.dev/control-plane": "true"}},
    }
    found = [namespace]
    for project in ("bank", "cart"):
        found.append(
            _object(
                "Project",
                project,
                {
                    "deploymentPipelineRef": {"name": "default"},
                    "type": {"kind": "ClusterProjectType", "name": "default"},
                },
            )
        )
        for number in range(4):
            found += _component(project, f"{project}-{number}")
    return found


def _component(project: str, name: str) -> list[dict[str, Any]]:
    owner = {"projectName": project}
    return [
        _object(
            "Component",
            name,
            {
                "owner": owner,
                "componentType": {"kind": "ComponentType", "name": "deployment/service"},
            },
        ),
        _object(
            "ReleaseBinding",
            f"{name}-development",
            {"owner": owner | {"componentName": name}, "environment": "development"},
        ),
    ]


def _object(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "openchoreo.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "shop"},
        "spec": spec,
    }


async def _names(api: Api, path: str, token: str = _TOKEN) -> list[str]:
    """The names of a list, read in pages as small as can be."""
    names, cursor = [], ""
    while True:
        mark = "&" if "?" in path else "?"
        query = f"{mark}limit=1" + (f"&cursor={cursor}" if cursor else "")
        status, content, _ = await api.call("GET", path + query, token=token)
        assert status == 200, content
        names += [item["metadata"]["name"] for item in content["items"]]
        cursor = content["pagination"].get("nextCursor", "")
        if not cursor:
            return names


async def test_lists_hold_what_the_caller_may_see(tenants: Api) -> None:
    expected = [f"cart-{number}" for number in range(4)]
    assert await _names(tenants, f"{_SHOP}/components") == expected
    assert await _names(tenants, f"{_SHOP}/projects") == ["cart"]
    bindings = [f"{name}-development" for name in expected]
    assert await _names(tenants, f"{_SHOP}/releasebindings") == bindings
    assert await _names(tenants, f"{_SHOP}/components", _STRANGER) == []
    assert await _names(tenants, "/api/v1/namespaces") == []


async def test_the_last_page_does_not_hint_at_more(tenants: Api) -> None:
    # After the developer's four come none, but for a stranger's eyes there would be.
    path = f"{_SHOP}/components?limit=4"
    _, content, _ = await tenants.call("GET", path, token=_TOKEN)
    assert content["pagination"] == {}
    _, content, _ = await tenants.call("GET", f"{_SHOP}/components?limit=1", token=_STRANGER)
    assert content == {"items": [], "pagination": {}}


async def test_cursors_of_others_do_not_serve(tenants: Api) -> None:
    _, content, _ = await tenants.call("GET", f"{_SHOP}/components?limit=1")
    readable = content["pagination"]["nextCursor"]
    path = f"{_SHOP}/components?limit=1&cursor={readable}"
    status, content, _ = await tenants.call("GET", path, token=_TOKEN)
    assert status == 400
    assert "items" not in content


@pytest.mark.parametrize("token", [_TOKEN, _STRANGER], ids=["developer", "stranger"])
@pytest.mark.parametrize(
    ("method", "kind", "below"),
    [
        ("GET", "components", ""),
        ("PUT", "components", ""),
        ("DELETE", "components", ""),
        ("GET", "components", "/schema"),
        ("POST", "components", "/generate-release"),
        ("GET", "releasebindings", ""),
        ("PUT", "releasebindings", ""),
        ("DELETE", "releasebindings", ""),
        ("GET", "releasebindings", "/k8sresources/tree"),
        ("GET", "projects", ""),
        ("DELETE", "projects", ""),
    ],
)
async def test_what_belongs_to_others_answers_like_what_is_missing(
    tenants: Api, method: str, kind: str, below: str, token: str
) -> None:
    theirs = {"projects": "bank", "components": "bank-0", "releasebindings": "bank-0-development"}
    body: dict[str, Any] | None = (
        {"metadata": {}, "spec": {}} if method in {"PUT", "POST"} else None
    )
    answers = []
    for name in (theirs[kind], "ghost"):
        path = f"{_SHOP}/{kind}/{name}{below}"
        status, content, headers = await tenants.call(method, path, body, token=token)
        missing = headers["choreo-missing-permission"].replace(name, "NAME")
        answers.append((status, content, missing))
    assert answers[0] == answers[1]
    assert answers[0][0] == 403


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "why?environment=development"),
        ("GET", "details?environment=development"),
        ("GET", "url?environment=development"),
        ("GET", "logs?environment=development"),
        ("GET", "promotion?to=development"),
        ("POST", "undeploy?environment=development"),
    ],
)
async def test_our_own_paths_do_not_tell_either(tenants: Api, method: str, path: str) -> None:
    answers = []
    for name in ("bank-0", "ghost"):
        url = f"/choreo/v1/namespaces/shop/components/{name}/{path}"
        status, content, _ = await tenants.call(method, url, token=_TOKEN)
        answers.append((status, content))
    assert answers[0] == answers[1]
    assert answers[0][0] == 403


async def test_a_filter_does_not_tell_which_projects_there_are(tenants: Api) -> None:
    for project in ("bank", "ghost"):
        path = f"{_SHOP}/components?project={project}"
        status, content, _ = await tenants.call("GET", path, token=_TOKEN)
        assert (status, content) == (200, {"items": [], "pagination": {}})
    status, _, _ = await tenants.call("GET", f"{_SHOP}/components?project=ghost")
    assert status == 404


async def test_who_may_see_everything_is_told_what_is_missing(tenants: Api) -> None:
    status, content, _ = await tenants.call("GET", f"{_SHOP}/components/ghost")
    assert (status, content["error"]) == (404, "Component not found")


async def test_nothing_is_made_in_the_name_of_others(tenants: Api) -> None:
    spec = _component("bank", "x")[0]["spec"]
    body = {"metadata": {"name": "intruder"}, "spec": spec}
    status, _, _ = await tenants.call("POST", f"{_SHOP}/components", body, token=_TOKEN)
    assert status == 403
    body["spec"] = spec | {"owner": {"projectName": "cart"}}
    status, _, _ = await tenants.call("POST", f"{_SHOP}/components", body, token=_TOKEN)
    assert status == 201


async def test_nothing_is_moved_to_others_nor_taken_from_them(tenants: Api) -> None:
    mine = await tenants.must("GET", f"{_SHOP}/releasebindings/cart-1-development")
    mine["spec"]["owner"] = {"projectName": "bank", "componentName": "bank-1"}
    path = f"{_SHOP}/releasebindings/cart-1-development"
    status, _, _ = await tenants.call("PUT", path, mine, token=_TOKEN)
    assert status == 403
    theirs = await tenants.must("GET", f"{_SHOP}/releasebindings/bank-1-development")
    theirs["spec"]["owner"] = {"projectName": "cart", "componentName": "cart-1"}
    path = f"{_SHOP}/releasebindings/bank-1-development"
    status, _, _ = await tenants.call("PUT", path, theirs, token=_TOKEN)
    assert status == 403
    body = {"metadata": {}, "spec": {"owner": {"projectName": "cart"}}}
    status, _, _ = await tenants.call("PUT", f"{_SHOP}/components/bank-1", body, token=_TOKEN)
    assert status == 403


async def test_boards_show_the_caller_s_rows(tenants: Api) -> None:
    async with ApiClient(tenants.url, _TOKEN) as client:
        board = await client.board("shop")
    assert {row.project for row in board.rows} == {"cart"}
    async with ApiClient(tenants.url, _STRANGER) as client:
        board = await client.board("shop")
    assert board.rows == ()
    assert board.environments == ()


async def test_boards_hide_cells_whose_bindings_may_not_be_viewed(tenants: Api) -> None:
    await _grant(tenants, "viewers", "component:view", "environment:view")
    async with ApiClient(tenants.url, token_of("viewers")) as client:
        board = await client.board("shop", project="cart")
    assert board.rows
    cells = [cell for row in board.rows for cell in row.cells]
    assert cells
    assert all(cell.binding == "" and cell.state == "empty" for cell in cells)
    owner = await tenants.client.board("shop", project="cart")
    assert any(cell.binding for row in owner.rows for cell in row.cells)


async def test_conditions_on_environments_count_everywhere(tenants: Api) -> None:
    expression = "resource.environment == 'shop/development'"
    conditions = [{"actions": ["releasebinding:*"], "expression": expression}]
    await _grant(tenants, "testers", "releasebinding:*", conditions=conditions)
    token = token_of("testers")
    spec = {"owner": {"projectName": "cart", "componentName": "cart-2"}}
    for environment, expected in (("production", 403), ("development", 201)):
        body = {
            "metadata": {"name": f"cart-2-{environment}-too"},
            "spec": spec | {"environment": environment},
        }
        status, content, _ = await tenants.call(
            "POST", f"{_SHOP}/releasebindings", body, token=token
        )
        assert status == expected, content
    path = f"{_SHOP}/releasebindings/cart-2-development-too"
    moved = {"metadata": {}, "spec": spec | {"environment": "production"}}
    status, _, _ = await tenants.call("PUT", path, moved, token=token)
    assert status == 403
    names = await _names(tenants, f"{_SHOP}/releasebindings", token)
    assert "cart-2-development-too" in names


async def test_rights_that_are_taken_away_are_gone(tenants: Api) -> None:
    await _grant(tenants, "guests", "component:view")
    path, token = f"{_SHOP}/components/cart-1", token_of("guests")
    assert (await tenants.call("GET", path, token=token))[0] == 200
    await tenants.call("DELETE", "/api/v1/clusterauthzrolebindings/by-guests")
    await tenants.follow()
    assert (await tenants.call("GET", path, token=token))[0] == 403


async def _grant(api: Api, group: str, *actions: str, **mapping: Any) -> None:
    for obj in (
        role(f"for-{group}", *actions),
        binding(f"by-{group}", f"for-{group}", group=group, **mapping),
    ):
        plural = f"{obj['kind'].lower()}s"
        await api.must("POST", f"/api/v1/{plural}", obj)
    await api.follow()


async def test_a_board_that_is_watched_loses_what_was_taken_away(tenants: Api) -> None:
    await _grant(tenants, "watchers", "component:view", "releasebinding:view", "environment:view")
    async with ApiClient(tenants.url, token_of("watchers")) as client:
        events = client.watch_board("shop", project="cart")
        first = await anext(events)
        assert isinstance(first, BoardReplaced)
        shown = {row.component for row in first.board.rows}
        assert "cart-3" in shown
        await tenants.call("DELETE", "/api/v1/clusterauthzrolebindings/by-watchers")
        await tenants.follow()
        component = await tenants.must("GET", f"{_SHOP}/components/cart-3")
        component["metadata"]["annotations"] = {"openchoreo.dev/display-name": "Secret"}
        await tenants.must("PUT", f"{_SHOP}/components/cart-3", component)
        # Rows that others change meanwhile go one after the other, too.
        async for event in events:
            if isinstance(event, RowsChanged):
                assert event.rows == ()
                if "cart-3" in event.removed:
                    break
