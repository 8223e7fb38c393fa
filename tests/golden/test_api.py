"""The recorded conversation with upstream's API server, replayed against ours over HTTP.

One control plane without controllers answers all requests in their order, for each builds on the
ones before; then every recorded answer is a test. What controllers write (`status`) is compared
elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from functools import cache
from typing import Any

import pytest
import pytest_asyncio

from choreo_local.allinone.assistants import LateAssistants
from choreo_local.identity.keys import SigningKeys
from tests.apiserver.harness import Api, serve
from tests.golden import GOLDENS, differences, load
from tests.golden.callers import Callers
from tests.golden.preparation import Preparation
from tests.services import harness

_RECORDING = GOLDENS / "api" / "sequence.json"
_CURSOR = "<cursor>"
_ADMIN = "<admin token>"
_SHOWN_HEADERS = ("Allow", "WWW-Authenticate")
_TIMES = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_UID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_FOREIGN = re.compile(r"app\.kubernetes\.io/|helm\.sh/|kubectl\.kubernetes\.io/")
_DAY = re.compile(r"-20\d{6}-")

_DEFAULT_NAMESPACE = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {"name": "default", "labels": {"openchoreo.dev/control-plane": "true"}},
}

# Status, body and some of the headers.
Answer = tuple[int, Any, dict[str, str]]


@cache
def _sequence() -> list[dict[str, Any]]:
    if not _RECORDING.exists():
        return []
    entries: list[dict[str, Any]] = load(_RECORDING)["sequence"]
    return entries


def _checked() -> Iterator[Any]:
    for entry in _sequence():
        if entry["check"] and not entry.get("unstable"):
            request = entry["request"]
            title = f"{entry['id']}-{request['method']} {request['path'][:60]}"
            yield pytest.param(entry, id=title)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def answers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[int, Answer]]:
    """Our answers to the whole conversation, by id of the request."""
    callers = Callers(SigningKeys(tmp_path_factory.mktemp("keys")))
    preparation = Preparation(_sequence())
    async with (
        harness.control_plane("core") as platform,
        serve(platform, provider=callers.provider, assistants=LateAssistants()) as guarded,
        serve(platform, authorization=False, authenticate=_anybody) as open_to_all,
    ):
        await platform.apply(_DEFAULT_NAMESPACE)
        found: dict[int, Answer] = {}
        cursor = ""
        for entry in _sequence():
            await platform.apply(*preparation.before(entry))
            api = guarded if entry["server"] == "on" else open_to_all
            found[entry["id"]] = await _ask(api, entry, callers, cursor)
            content = found[entry["id"]][1]
            if isinstance(content, dict) and isinstance(content.get("pagination"), dict):
                cursor = content["pagination"].get("nextCursor", "") or cursor
        yield found


def _anybody(token: str | None) -> None:
    """Nobody is recognised where security is off."""
    del token


async def _ask(api: Api, entry: dict[str, Any], callers: Callers, cursor: str) -> Answer:
    request = entry["request"]
    raw = request.get("rawBody")
    given = request.get("headers", {})
    status, content, headers = await api.call(
        request["method"],
        request["path"].replace(_CURSOR, cursor),
        request.get("body"),
        data=None if raw is None else raw.encode(),
        token=callers.token(entry["auth"]),
        headers={name: _filled(value, callers) for name, value in given.items()},
    )
    return status, content, _shown(headers, api.url)


def _filled(value: str, callers: Callers) -> str:
    return value.replace(_ADMIN, callers.token("admin") or "")


def _shown(headers: Mapping[str, str], url: str = "") -> dict[str, str]:
    server = url.partition("://")[2] or "<server>"
    return {
        name: headers[name].replace(server, "<server>")
        for name in _SHOWN_HEADERS
        if name in headers
    }


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.timeout(120)
@pytest.mark.parametrize("entry", list(_checked()))
async def test_answers_as_upstream(entry: dict[str, Any], answers: dict[int, Answer]) -> None:
    status, content, headers = answers[entry["id"]]
    expected = entry["response"]
    reason = differences("api").get(str(entry["id"]))
    wanted = (
        expected["status"],
        _normal(expected.get("json", expected.get("text", ""))),
        _shown(expected["headers"]),
    )
    given = (status, _normal(content), headers)
    if reason is not None:
        assert given != wanted, "this is listed as a difference, but is none"
        pytest.skip(f"differs: {reason}")
    assert given == wanted


def _normal(value: Any) -> Any:
    """Without what differs between two runs, and without what controllers write."""
    if isinstance(value, dict):
        return {
            key: _CURSOR if key == "nextCursor" else _normal(item)
            for key, item in value.items()
            if not _is_hidden(key, value)
        }
    if isinstance(value, list):
        return [_normal(item) for item in value]
    if not isinstance(value, str):
        return value
    text = _DAY.sub("-<yyyymmdd>-", _UID.sub("<uid>", _TIMES.sub("<time>", value)))
    return text


def _is_hidden(key: str, value: dict[str, Any]) -> bool:
    """What controllers, Helm and kubectl wrote, and our words."""
    is_status = key == "status" and "kind" in value
    is_word = key == "description" and ("actions" in value or "key" in value)
    is_foreign = key in {"labels", "annotations"} and all(map(_FOREIGN.match, value[key] or ()))
    return is_status or is_word or is_foreign or _FOREIGN.match(key) is not None


def test_the_conversation_is_there() -> None:
    if not _sequence():
        pytest.skip("recordings are not here; set CHOREO_GOLDENS")
    assert len(_sequence()) > 1000
