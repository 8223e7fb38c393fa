"""Tools as an assistant meets them: through the client of the official SDK, over HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from choreo_local.allinone.assistants import LateAssistants
from choreo_local.apiserver.audit import AuditLog
from choreo_local.authz.types import OWNER
from tests.apiserver.harness import TOKEN, Api, serve, token_of
from tests.authz.objects import binding, role
from tests.services import harness

pytestmark = pytest.mark.timeout(120)

_DEVELOPER, _NOBODY = token_of("developers"), token_of("nobodies")
_IN = {"namespace_name": "default"}


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs") / "audit.jsonl"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(audit: Path) -> AsyncIterator[Api]:
    assistants = LateAssistants()
    async with (
        harness.control_plane("core") as platform,
        serve(platform, assistants=assistants, audit=AuditLog(audit)) as found,
    ):
        yield found
        await assistants.stop()


@asynccontextmanager
async def _assistant(api: Api, token: str = TOKEN, query: str = "") -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
        transport = streamable_http_client(f"{api.url}/mcp{query}", http_client=http)
        async with Client(transport) as client:
            yield client


async def _call(client: Client, tool: str, **arguments: Any) -> Any:
    """The result of a tool, or the text of its failure."""
    found = await client.call_tool(tool, arguments)
    (content,) = found.content
    text: str = content.text  # type: ignore[union-attr]  # our tools answer in text
    if found.is_error:
        return text
    assert json.loads(text) == found.structured_content
    return found.structured_content


async def _refusal(client: Client, tool: str, **arguments: Any) -> str:
    with pytest.raises(MCPError) as caught:
        await client.call_tool(tool, arguments)
    return f"{caught.value.error.code}: {caught.value.error.message}"


@pytest.mark.asyncio(loop_scope="module")
async def test_an_assistant_sees_what_its_person_may_use(api: Api) -> None:
    async with _assistant(api) as client:
        names = [tool.name for tool in (await client.list_tools()).tools]
        assert len(names) == 130
        assert names == sorted(names)
    async with _assistant(api, _DEVELOPER) as client:
        seen = {tool.name for tool in (await client.list_tools()).tools}
        assert {"create_component", "list_projects"} <= seen
        assert not {"create_namespace", "list_authz_roles", "delete_environment"} & seen
    async with _assistant(api, _NOBODY) as client:
        assert (await client.list_tools()).tools == []
    async with _assistant(api, _NOBODY, "?filterByAuthz=false&toolsets=build") as client:
        assert len((await client.list_tools()).tools) == 10


@pytest.mark.asyncio(loop_scope="module")
async def test_an_assistant_builds_something_up_and_takes_it_down(api: Api) -> None:
    async with _assistant(api) as client:
        made = await _call(client, "create_project", **_IN, name="shop", description="Sells")
        assert made == {"name": "shop", "namespace": "default", "action": "created"}
        (found,) = [
            each
            for each in (await _call(client, "list_projects", **_IN))["projects"]
            if each["name"] == "shop"
        ]
        assert found["description"] == "Sells"
        assert found["deploymentPipelineRef"] == "default"
        where = {**_IN, "component_name": "web"}
        await _call(
            client,
            "create_component",
            **_IN,
            project_name="shop",
            name="web",
            component_type="deployment/service",
        )
        patched = await _call(
            client, "patch_component", **where, auto_deploy=False, display_name="Web"
        )
        assert patched["action"] == "patched"
        shown = await _call(client, "get_component", **where)
        assert shown["componentType"] == {
            "kind": "ClusterComponentType",
            "name": "deployment/service",
        }
        assert (shown["displayName"], shown["autoDeploy"]) == ("Web", False)
        spec = {"container": {"image": "nginx:1"}}
        await _call(client, "create_workload", **where, workload_spec=spec)
        (listed,) = (await _call(client, "list_workloads", **where))["workloads"]
        assert (listed["name"], listed["image"]) == ("web-workload", "nginx:1")
        bound = await _call(
            client,
            "create_release_binding",
            **where,
            project_name="shop",
            environment="development",
            release_name="web-1",
        )
        assert bound["name"] == "web-development"
        await _call(
            client,
            "update_release_binding",
            **_IN,
            binding_name="web-development",
            release_state="Undeploy",
        )
        bound = await _call(client, "get_release_binding", **_IN, binding_name="web-development")
        assert (bound["state"], bound["releaseName"]) == ("Undeploy", "web-1")
        for tool, arguments in (
            ("delete_release_binding", {"binding_name": "web-development"}),
            ("delete_workload", {"workload_name": "web-workload"}),
            ("delete_component", {"component_name": "web"}),
            ("delete_project", {"project_name": "shop"}),
        ):
            gone = await _call(client, tool, **_IN, **arguments)
            assert gone["action"] == "deleted", gone
        assert await _call(client, "get_component", **where) == "component not found"


@pytest.mark.asyncio(loop_scope="module")
async def test_types_are_managed_in_both_scopes(api: Api) -> None:
    async with _assistant(api) as client:
        schema = await _call(client, "get_trait_creation_schema")
        assert "creates" in schema["properties"]
        for scope, key in (("namespace", "traits"), ("cluster", "cluster_traits")):
            place = {"scope": scope, **(_IN if scope == "namespace" else {})}
            made = await _call(
                client, "create_trait", **place, name="probe", spec={}, display_name="Probe"
            )
            assert made["action"] == "created"
            assert "probe" in str((await _call(client, "list_traits", **place))[key])
            changed = await _call(
                client, "update_trait", **place, name="probe", spec={"creates": []}
            )
            assert changed["action"] == "updated"
            found = await _call(client, "get_trait", **place, name="probe")
            assert found["displayName"] == "Probe"
            assert await _call(client, "get_trait_schema", **place, name="probe") == {
                "type": "object",
                "properties": {},
            }
            await _call(client, "delete_trait", **place, name="probe")
            assert await _call(client, "get_trait", **place, name="probe") == "trait not found"
        assert "namespace_name is required" in await _call(client, "list_traits")


@pytest.mark.asyncio(loop_scope="module")
async def test_former_names_still_serve_those_who_know_them(api: Api) -> None:
    async with _assistant(api, query="?includeDeprecatedTools=true") as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert len(tools) == 157
        former = tools["create_cluster_trait"]
        assert former.description is not None
        assert former.description.startswith("[DEPRECATED — use create_trait with scope:")
        assert set(former.input_schema["properties"]) == {
            *("name", "display_name", "description", "spec")
        }
        assert former.meta is not None
        assert former.meta["openchoreo.dev/replacement"]["tool"] == "create_trait"
        found = await client.call_tool("list_cluster_traits", {})
        warning = found.content[0].text  # type: ignore[union-attr]  # our tools answer in text
        assert warning.startswith("deprecation_warning: list_cluster_traits is deprecated")
        assert found.structured_content == {"cluster_traits": []}
    async with _assistant(api, _NOBODY) as client:
        refusal = await _refusal(client, "delete_cluster_trait", name="x")
        assert 'missing permission "clustertrait:delete"' in refusal


@pytest.mark.asyncio(loop_scope="module")
async def test_lists_come_in_pages(api: Api) -> None:
    expected = ["page-1", "page-2", "page-3"]
    async with _assistant(api) as client:
        for name in expected:
            await _call(client, "create_project", **_IN, name=name)
        names: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            page = await _call(client, "list_projects", **_IN, limit=1, **cursor)
            names += [each["name"] for each in page["projects"]]
            if "next_cursor" not in page:
                break
            cursor = {"cursor": page["next_cursor"]}
        for name in expected:
            await _call(client, "delete_project", **_IN, project_name=name)
    assert [name for name in names if name.startswith("page-")] == expected


@pytest.mark.parametrize(
    ("tool", "arguments", "expected"),
    [
        ("no_such_tool", {}, '-32602: unknown tool "no_such_tool"'),
        (
            "list_projects",
            {},
            '-32602: invalid params: validating "arguments": validating root: required: '
            'missing properties: ["namespace_name"]',
        ),
        (
            "list_projects",
            {"namespace_name": 5},
            '-32602: invalid params: validating "arguments": validating root: validating '
            '/properties/namespace_name: type: 5 has type "integer", want "string"',
        ),
        ("list_traits", {"scope": "moon"}, "-32602: invalid params"),
        ("evaluate_authz", {"requests": []}, "-32602: invalid params"),
        ("create_deployment_pipeline", {**_IN, "name": "p", "promotion_paths": [{}]}, "-32602"),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_calls_that_make_no_sense_are_refused(
    api: Api, tool: str, arguments: dict[str, Any], expected: str
) -> None:
    async with _assistant(api) as client:
        assert (await _refusal(client, tool, **arguments)).startswith(expected)


@pytest.mark.parametrize(
    ("tool", "arguments", "expected"),
    [
        ("create_project", {"name": "Bad_Name"}, "metadata.name: Invalid value"),
        ("create_project", {"name": ""}, "metadata.name is required"),
        ("get_component", {"component_name": "../x"}, "component not found"),
        ("update_release_binding", {"binding_name": "x", "release_state": "Gone"}, "must be one"),
        (
            "update_release_binding",
            {"binding_name": "x", "workload_overrides": {"container": {"env": [{"valueFrom": 1}]}}},
            "container.env holds",
        ),
        ("patch_component", {"component_name": "x", "traits": [{"name": "t"}]}, "not found"),
        ("get_workflow_run_status", {"run_name": "x"}, "workflow run not found"),
        ("get_resource_tree", {"release_binding_name": "x"}, "release binding not found"),
        ("list_projects", {"cursor": "nonsense"}, "invalid cursor"),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_failures_are_results_that_say_why(
    api: Api, tool: str, arguments: dict[str, Any], expected: str
) -> None:
    async with _assistant(api) as client:
        assert expected in await _call(client, tool, **_IN, **arguments)


@pytest.mark.asyncio(loop_scope="module")
async def test_rights_count_for_tools_as_for_paths(api: Api) -> None:
    scope = {"namespace": "default", "project": "default"}
    for obj in (
        role("looking", "component:view", "component:create", "project:view"),
        binding("lookers", "looking", group="lookers", scope=scope),
    ):
        await api.must("POST", f"/api/v1/{obj['kind'].lower()}s", obj)
    for name in ("default", "z"):
        path = "/api/v1/namespaces/default/projects"
        await api.must("POST", path, {"metadata": {"name": name}})
    await api.follow()
    kind = {"component_type": "deployment/service"}
    async with _assistant(api, token_of("lookers")) as client:
        missing = 'missing permission "component:delete"'
        refusal = await _refusal(client, "delete_component", **_IN, component_name="x")
        assert refusal == f'0: not authorized to call tool "delete_component": {missing}'
        mine = {**_IN, "project_name": "default", "name": "mine", **kind}
        made = await _call(client, "create_component", **mine)
        assert isinstance(made, dict), made
        theirs = {**mine, "project_name": "z"}
        assert "missing permission" in await _refusal(client, "create_component", **theirs)
        for name in ("mine", "ghost"):
            found = await _call(client, "get_component", **_IN, component_name=name)
            assert found["name"] == "mine" if name == "mine" else "permission" in found
        listed = await _call(client, "list_projects", **_IN)
        assert [each["name"] for each in listed["projects"]] == ["default"]
    async with _assistant(api, _NOBODY, "?filterByAuthz=false") as client:
        assert "missing permission" in await _refusal(client, "list_projects", **_IN)


@pytest.mark.asyncio(loop_scope="module")
async def test_changes_are_noted_and_looks_are_not(api: Api, audit: Path) -> None:
    before = len(audit.read_text().splitlines()) if audit.exists() else 0
    async with _assistant(api) as client:
        await _call(client, "list_projects", **_IN)
        await _call(client, "create_namespace", name="noted")
        await _call(client, "create_namespace", name="noted")
    lines = [json.loads(line) for line in audit.read_text().splitlines()[before:]]
    assert [(line["actor"]["id"], line["action"], line["result"]) for line in lines] == [
        (OWNER.id, "namespace:create", "success"),
        (OWNER.id, "namespace:create", "failure"),
    ]


_HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
_PING = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
_ACCEPT = {"Accept": "application/json, text/event-stream"}


@pytest.mark.asyncio(loop_scope="module")
async def test_who_is_not_known_is_told_where_tokens_come_from(api: Api) -> None:
    for token, error in ((None, "MISSING_TOKEN"), ("wrong", "INVALID_TOKEN")):
        status, content, headers = await api.call(
            "POST", "/mcp", _HELLO, token=token, headers=_ACCEPT
        )
        assert (status, content["error"]) == (401, error)
        assert 'scope="openid profile email"' in headers["WWW-Authenticate"]


@pytest.mark.asyncio(loop_scope="module")
async def test_pages_of_other_origins_are_refused(api: Api) -> None:
    for origin in ("https://evil.example", "null", f"{api.url}.evil.example"):
        sent = {**_ACCEPT, "Origin": origin}
        assert (await api.call("POST", "/mcp", _HELLO, headers=sent))[0] == 403
    sent = {**_ACCEPT, "Origin": api.url}
    assert (await api.call("POST", "/mcp", _HELLO, headers=sent))[0] == 200


@pytest.mark.asyncio(loop_scope="module")
async def test_a_session_is_for_whoever_began_it(api: Api) -> None:
    _, _, headers = await api.call("POST", "/mcp", _HELLO, headers=_ACCEPT)
    session = {"Mcp-Session-Id": headers["mcp-session-id"], **_ACCEPT}
    assert (await api.call("POST", "/mcp", _PING, headers=session))[0] == 200
    for token in (_DEVELOPER, _NOBODY):
        assert (await api.call("POST", "/mcp", _PING, token=token, headers=session))[0] == 404
    assert (await api.call("DELETE", "/mcp", headers=session))[0] in {200, 204}
    assert (await api.call("POST", "/mcp", _PING, headers=session))[0] == 404


def test_nobody_waits_for_the_libraries_of_assistants() -> None:
    program = (
        "import sys, choreo_local.allinone.api\n"
        "print([name for name in ('mcp', 'mcp_types', 'choreo_local.mcp') if name in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"
