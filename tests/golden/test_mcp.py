"""Recorded conversations with upstream's server for assistants, repeated with ours.

What a call says of objects is compared where the recording shows none: the platform of these tests
holds other objects than the recorded one. `tests/mcp/test_shapes.py` has what is said of them.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from functools import cache
from typing import Any

import pytest
import pytest_asyncio

from choreo_local.allinone.assistants import LateAssistants
from tests.apiserver.harness import Api, serve, token_of
from tests.golden import GOLDENS, differences, load
from tests.services import harness

pytestmark = pytest.mark.timeout(120)

_GROUPS = {"admin": "admins", "nobody": "nobodies"}
# How a rule is written is ours to choose; the tests of CRDs compare what it refuses.
_RULES = "x-kubernetes-validations"
_ACCEPT = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}


@cache
def _cases() -> tuple[dict[str, Any], ...]:
    files = (GOLDENS / "mcp" / f"{name}.json" for name in ("protocol", "calls"))
    return tuple(case for file in files if file.exists() for case in load(file)["cases"])


def _compared() -> Iterator[Any]:
    for case in _cases():
        if not _shows_objects(case):
            call = case["request"].get("params", {}).get("name", "")
            yield pytest.param(case, id=f"{case['id']} {case['request']['method']} {call}")


def _shows_objects(case: Mapping[str, Any]) -> bool:
    content = ((case.get("response") or {}).get("result") or {}).get("structuredContent") or {}
    tool = case["request"].get("params", {}).get("name", "")
    is_schema = tool.endswith("_creation_schema") or tool in {"create_project"}
    return bool(content) and not is_schema and any(content.values())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api() -> AsyncIterator[Api]:
    assistants = LateAssistants()
    async with (
        harness.control_plane("core") as platform,
        serve(platform, assistants=assistants) as found,
    ):
        await found.must(
            "POST", "/api/v1/namespaces/default/projects", {"metadata": {"name": "default"}}
        )
        yield found
        await assistants.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sessions(api: Api) -> dict[str, str]:
    """Who asks → the session that they began."""
    hello = next(each for each in _cases() if each["request"]["method"] == "initialize")
    return {who: await _begun(api, who, hello["request"]) for who in _GROUPS}


async def _begun(api: Api, who: str, hello: dict[str, Any]) -> str:
    _, _, headers = await _send(api, who, hello, {})
    return headers["mcp-session-id"]


async def _send(
    api: Api, who: str, request: dict[str, Any], headers: dict[str, str]
) -> tuple[int, str, dict[str, str]]:
    body = {**request} if request["method"].startswith("notifications/") else {**request, "id": 1}
    token = token_of(_GROUPS[who])
    return await api.call("POST", "/mcp", body, token=token, headers={**_ACCEPT, **headers})


def test_the_recordings_are_whole() -> None:
    if not (GOLDENS / "mcp").exists():
        pytest.skip("recordings of assistants are not here; set CHOREO_GOLDENS")
    assert len(list(_compared())) >= 30


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("case", list(_compared()))
async def test_answers_as_upstream(
    api: Api, sessions: dict[str, str], case: dict[str, Any]
) -> None:
    is_first = case["request"]["method"] == "initialize"
    session = {} if is_first else {"Mcp-Session-Id": sessions[case["auth"]]}
    status, text, _ = await _send(api, case["auth"], case["request"], session)
    given = (status, _normal(_message(text)))
    wanted = (case["status"], _normal(case.get("response")))
    if case["id"] in differences("mcp"):
        assert given != wanted, "this is listed as a difference, but is none"
        pytest.skip(f"differs: {differences('mcp')[case['id']]}")
    assert given == wanted


def _message(text: Any) -> Any:
    """The one message of a stream of events."""
    lines = text.splitlines() if isinstance(text, str) else ()
    data = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
    return json.loads(data[-1]) if data else None


def _normal(message: Any) -> Any:
    """An answer without what is ours to choose: words about tools and fields, and their order."""
    if not isinstance(message, dict):
        return None
    result = dict(message.get("result") or {})
    result.pop("content", None) if not result.get("isError") else None
    result.pop("isError", None) if not result.get("isError") else None
    if "tools" in result:
        result["tools"] = {tool["name"]: _sorted(tool["inputSchema"]) for tool in result["tools"]}
    if "structuredContent" in result:
        result["structuredContent"] = _bare(result["structuredContent"])
    return {"result": result, "error": message.get("error")}


def _sorted(schema: dict[str, Any]) -> dict[str, Any]:
    return {**schema, "required": sorted(schema.get("required", ()))}


def _bare(node: Any) -> Any:
    if isinstance(node, dict):
        return {
            key: _bare(value)
            for key, value in node.items()
            if key != _RULES and not (key == "description" and isinstance(value, str))
        }
    return [_bare(each) for each in node] if isinstance(node, list) else node
