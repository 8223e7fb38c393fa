"""The recorded conversation with upstream's API server, replayed against ours over HTTP.

One control plane without controllers answers all requests in their order, for each builds on the
ones before; then every recorded answer is a test. What controllers write (`status`) is compared
elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from functools import cache
from typing import Any

import pytest
import pytest_asyncio
import yaml

from choreo_local.apiserver import openapi
from tests.apiserver.harness import Api, serve, token_of
from tests.golden import GOLDENS, differences, fixture, load
from tests.services import harness

_RECORDING = GOLDENS / "api" / "sequence.json"
_CURSOR = "<cursor>"
# Needs what other parts bring: controllers that finalize, identity.
_OTHER_GROUPS = frozenset({"deletes", "authentication"})
_OTHER_PATHS = re.compile(r"^/\.well-known/|^/exec/")
_TOKENS = {
    "admin": token_of("admins"),
    "svc": token_of("service_mcp_client", claim="sub"),
    "developer": token_of("developers"),
    "pe": token_of("platform-engineers"),
    "sre": token_of("sres"),
    "nobody": token_of("nobodies"),
    "multi": token_of("developers", "admins"),
    "none": None,
}
_TIMES = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_UID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DAY = re.compile(r"-20\d{6}-")

_DEFAULT_NAMESPACE = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {"name": "default", "labels": {"openchoreo.dev/control-plane": "true"}},
}

Answer = tuple[int, Any, str]


@cache
def _sequence() -> list[dict[str, Any]]:
    if not _RECORDING.exists():
        return []
    entries: list[dict[str, Any]] = load(_RECORDING)["sequence"]
    return [entry for entry in entries if entry["server"] == "on"]


def _is_ours(entry: dict[str, Any]) -> bool:
    path = str(entry["request"]["path"]).partition("?")[0]
    return entry["group"] not in _OTHER_GROUPS and _OTHER_PATHS.search(path) is None


def _checked() -> Iterator[Any]:
    for entry in _sequence():
        is_plain = entry["auth"] in _TOKENS and not entry.get("unstable")
        if entry["check"] and is_plain and _is_ours(entry) and "headers" not in entry["request"]:
            request = entry["request"]
            title = f"{entry['id']}-{request['method']} {request['path'][:60]}"
            yield pytest.param(entry, id=title)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def answers() -> AsyncIterator[dict[int, Answer]]:
    """Our answers to the whole conversation, by id of the request."""
    async with harness.control_plane("core") as platform, serve(platform) as api:
        await platform.apply(_DEFAULT_NAMESPACE)
        found: dict[int, Answer] = {}
        cursor = ""
        for entry in _sequence():
            if not _is_ours(entry) or entry["auth"] not in _TOKENS:
                continue
            found[entry["id"]] = await _ask(api, entry, cursor)
            content = found[entry["id"]][1]
            if isinstance(content, dict) and isinstance(content.get("pagination"), dict):
                cursor = content["pagination"].get("nextCursor", "") or cursor
        yield found


async def _ask(api: Api, entry: dict[str, Any], cursor: str) -> Answer:
    request = entry["request"]
    raw = request.get("rawBody")
    status, content, headers = await api.call(
        request["method"],
        request["path"].replace(_CURSOR, cursor),
        request.get("body"),
        data=None if raw is None else raw.encode(),
        token=_TOKENS[entry["auth"]],
    )
    return status, content, headers.get("Allow", "")


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.timeout(120)
@pytest.mark.parametrize("entry", list(_checked()))
async def test_answers_as_upstream(entry: dict[str, Any], answers: dict[int, Answer]) -> None:
    status, content, allow = answers[entry["id"]]
    expected = entry["response"]
    reason = differences("api").get(str(entry["id"]))
    wanted = (
        expected["status"],
        _normal(expected.get("json", expected.get("text", ""))),
        expected["headers"].get("Allow", ""),
    )
    given = (status, _normal(content), allow)
    if given != wanted and reason is not None:
        pytest.skip(f"differs: {reason}")
    assert given == wanted


def _normal(value: Any) -> Any:
    """Without what differs between two runs, and without what controllers write."""
    if isinstance(value, dict):
        return {
            key: _CURSOR if key == "nextCursor" else _normal(item)
            for key, item in value.items()
            if not _is_status(key, value)
        }
    if isinstance(value, list):
        return [_normal(item) for item in value]
    if not isinstance(value, str):
        return value
    text = _DAY.sub("-<yyyymmdd>-", _UID.sub("<uid>", _TIMES.sub("<time>", value)))
    return text


def _is_status(key: str, value: dict[str, Any]) -> bool:
    return key == "status" and "kind" in value


def test_the_conversation_is_there() -> None:
    if not _sequence():
        pytest.skip("recordings are not here; set CHOREO_GOLDENS")
    assert len(_sequence()) > 1000


def test_our_description_names_operations_as_upstream_does() -> None:
    content = yaml.safe_load(fixture("openapi/openchoreo-api.yaml").read_text(encoding="utf-8"))
    theirs, ours = _operations(content), _operations(openapi.document("1.0"))
    shared = {key: name for key, name in ours.items() if not key[0].startswith("/choreo/")}
    assert {key: theirs.get(key) for key in shared} == shared
    assert len(shared) == 213


def _operations(document: dict[str, Any]) -> dict[tuple[str, str], str]:
    return {
        (path, method): operation["operationId"]
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in {"get", "put", "post", "delete"}
    }
