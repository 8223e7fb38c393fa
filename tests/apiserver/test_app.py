"""Who may ask, from where, and what answers when nothing is there."""

from __future__ import annotations

import re

import pytest

from choreo_local.apiclient.client import ApiClient
from choreo_local.errors import UnauthorizedError, UnreachableError
from tests.apiserver.harness import Api

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize(("path", "text"), [("/health", "OK"), ("/ready", "Ready")])
async def test_health_needs_no_token(api: Api, path: str, text: str) -> None:
    status, body, headers = await api.call("GET", path, token=None)
    assert (status, body, headers["Content-Type"]) == (200, text, "text/plain")
    status, body, _ = await api.call("HEAD", path, token=None)
    assert (status, body) == (200, "")


async def test_version_names_the_server(api: Api) -> None:
    assert (await api.client.version())["name"] == "choreo"


@pytest.mark.parametrize("path", ["/api/v1/namespaces", "/choreo/v1/status"])
@pytest.mark.parametrize(
    ("token", "error"),
    [(None, "MISSING_TOKEN"), ("wrong", "INVALID_TOKEN"), ("ü", "INVALID_TOKEN")],
)
async def test_a_token_is_needed_elsewhere(
    api: Api, path: str, token: str | None, error: str
) -> None:
    status, body, _ = await api.call("GET", path, token=token)
    assert (status, body["error"]) == (401, error)
    assert set(body) == {"error", "message"}


async def test_the_client_says_that_its_token_is_wrong(api: Api) -> None:
    async with ApiClient(api.url, "wrong") as client:
        with pytest.raises(UnauthorizedError, match="invalid or expired token"):
            await client.status()


@pytest.mark.parametrize(
    ("method", "path", "status", "text"),
    [
        ("GET", "/nope", 404, "404 page not found\n"),
        ("GET", "/", 404, "404 page not found\n"),
        ("GET", "/health/", 404, "404 page not found\n"),
        ("GET", "/api/v1/nopes", 404, "404 page not found\n"),
        ("GET", "/api/v1/projects", 404, "404 page not found\n"),
        ("GET", "/api/v1/namespaces/default/clustertraits", 404, "404 page not found\n"),
        ("POST", "/health", 405, "Method Not Allowed\n"),
        ("PATCH", "/api/v1/namespaces", 405, "Method Not Allowed\n"),
    ],
)
async def test_what_does_not_exist_is_said_in_plain_text(
    api: Api, method: str, path: str, status: int, text: str
) -> None:
    found, body, headers = await api.call(method, path)
    assert (found, body) == (status, text)
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8080", 200),
        ("127.0.0.1", 200),
        ("[::1]:8080", 200),
        ("api.openchoreo.localhost", 200),
        ("evil.example", 403),
        ("localhost.evil.example", 403),
        ("evillocalhost", 403),
    ],
)
async def test_only_names_of_this_machine_are_served(api: Api, host: str, status: int) -> None:
    found, _, _ = await api.call("GET", "/health", host=host)
    assert found == status


async def test_status_comes_from_the_composition_root(api: Api) -> None:
    status = await api.client.status()
    assert (status.instance, status.state, status.memory.total_bytes) == ("test", "ready", 5)
    assert status.planes[0].connected is True


async def test_nothing_that_answers_is_said_with_a_remedy() -> None:
    async with ApiClient("http://127.0.0.1:9") as client:
        with pytest.raises(UnreachableError) as caught:
            await client.status()
    assert "choreo status" in caught.value.remedy


async def test_the_description_of_the_api_needs_no_token(api: Api) -> None:
    status, document, _ = await api.call("GET", "/openapi.json", token=None)
    assert (status, document["openapi"]) == (200, "3.0.3")
    for path, item in document["paths"].items():
        declared = {entry["name"] for entry in item.get("parameters", ()) if entry["in"] == "path"}
        assert declared == set(re.findall(r"{(\w+)}", path)), path


async def test_every_described_path_exists(api: Api) -> None:
    _, document, _ = await api.call("GET", "/openapi.json")
    for path, item in document["paths"].items():
        for method in set(item) & {"get", "put", "post", "delete"}:
            concrete = re.sub(r"{\w+}", "absent", path)
            _, body, _ = await api.call(method.upper(), concrete)
            assert body not in ("404 page not found\n", "Method Not Allowed\n"), (method, path)
