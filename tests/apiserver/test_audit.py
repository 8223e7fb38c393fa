"""Every call that changes something leaves a line, and the line tells no secrets."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from choreo_local import clock
from choreo_local.apiserver.audit import AuditLog
from tests.apiserver.harness import TOKEN, Api, serve, token_of
from tests.services import harness

pytestmark = pytest.mark.asyncio(loop_scope="module")

_PROJECTS = "/api/v1/namespaces/default/projects"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs") / "audit.jsonl"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(file: Path) -> AsyncIterator[Api]:
    async with (
        harness.control_plane("core") as platform,
        serve(platform, audit=AuditLog(file)) as found,
    ):
        yield found


@pytest.fixture
def said(file: Path) -> Callable[[], list[dict[str, Any]]]:
    """The lines since the test began."""
    before = len(file.read_text().splitlines()) if file.exists() else 0

    def read() -> list[dict[str, Any]]:
        lines = file.read_text().splitlines() if file.exists() else []
        return [json.loads(line) for line in lines[before:]]

    return read


async def test_who_did_what_and_what_came_of_it(
    api: Api, said: Callable[[], list[dict[str, Any]]]
) -> None:
    await api.must("POST", _PROJECTS, {"metadata": {"name": "noted"}})
    await api.call("POST", _PROJECTS, {"metadata": {"name": "noted"}})
    await api.must("DELETE", f"{_PROJECTS}/noted")
    lines = said()
    assert [(line["action"], line["result"]) for line in lines] == [
        ("project:create", "success"),
        ("project:create", "failure"),
        ("project:delete", "success"),
    ]
    last = lines[-1]
    assert last["actor"]["id"] == "owner"
    assert last["category"] == "resource"
    assert last["resource"]["name"] == "noted"
    assert last["resource"]["scope"] == "ns/default/project/noted"
    assert last["metadata"]["status"] == 204
    assert last["source_ip"] == "127.0.0.1"


async def test_refusals_are_noted_with_what_was_asked_for(
    api: Api, said: Callable[[], list[dict[str, Any]]]
) -> None:
    body = {"metadata": {"name": "theirs"}}
    await api.call("POST", _PROJECTS, body, token=token_of("nobodies"))
    await api.call("POST", _PROJECTS, body, token=None)
    refused, unknown = said()
    assert (refused["result"], refused["action"]) == ("denied", "project:create")
    assert refused["actor"]["entitlements"] == ["groups:nobodies"]
    assert (unknown["result"], unknown["actor"]["type"]) == ("denied", "anonymous")


async def test_reading_and_asking_are_not_noted(
    api: Api, said: Callable[[], list[dict[str, Any]]]
) -> None:
    await api.must("GET", _PROJECTS)
    await api.call("POST", "/api/v1/authz/evaluates", [])
    assert said() == []


async def test_no_token_and_no_body_is_in_a_line(
    api: Api, file: Path, said: Callable[[], list[dict[str, Any]]]
) -> None:
    path = "/api/v1alpha1/namespaces/default/secrets"
    await api.call("POST", path, {"secretName": "s", "data": {"password": "hush-hush"}})
    await api.call("POST", f"{_PROJECTS}/{'x' * 5000}", {})
    assert len(said()) == 2
    text = file.read_text()
    assert "hush-hush" not in text
    assert TOKEN not in text
    assert max(map(len, text.splitlines())) < 2000


async def test_an_answer_names_its_line(api: Api, said: Callable[[], list[dict[str, Any]]]) -> None:
    _, _, headers = await api.call("DELETE", f"{_PROJECTS}/ghost")
    assert headers["X-Request-ID"] == said()[0]["request_id"]


async def test_a_full_file_is_kept_and_a_new_one_begun(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    log = AuditLog(path, limit_bytes=100, kept=2)
    for number in range(40):
        log.append({"n": number, "filler": "f" * 20})
    log.close()
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["audit.jsonl", "audit.jsonl.1", "audit.jsonl.2"]
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in files)
    newest = [json.loads(line)["n"] for line in path.read_text().splitlines()]
    older = [json.loads(line)["n"] for line in files[1].read_text().splitlines()]
    assert newest[-1] == 39
    assert older[-1] + 1 == newest[0]


async def test_what_was_written_before_a_restart_stays(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    for number in range(2):
        log = AuditLog(path)
        log.append({"n": number})
        log.close()
    assert [json.loads(line)["n"] for line in path.read_text().splitlines()] == [0, 1]


async def test_event_ids_sort_by_time() -> None:
    found = [clock.new_event_id() for _ in range(3)]
    assert len(set(found)) == 3
    assert all(identity[14] == "7" and identity[19] in "89ab" for identity in found)
    assert found[0][:8] == found[2][:8]
