"""Names that look like paths: nobody gets anywhere with them where their rights do not reach."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import pytest_asyncio
import yarl

from choreo_local.api import registry
from choreo_local.apimachinery.gvk import ResourceKind
from tests.apiserver.harness import TOKEN, Api, token_of
from tests.authz.objects import binding
from tests.builders import API_VERSION

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]

# A developer of the project `cart` of the namespace `default`, in which `bank` is, too.
_TOKEN = token_of("cart-developers")
_NAMESPACE = "/api/v1/namespaces/default"


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def tenants(api: Api) -> None:
    project = {
        "deploymentPipelineRef": {"name": "default"},
        "type": {"kind": "ClusterProjectType", "name": "default"},
    }
    scope = {"namespace": "default", "project": "cart"}
    await api.kube.create(
        _kind("ClusterAuthzRoleBinding"),
        binding("cart-developers", "developer", group="cart-developers", scope=scope),
    )
    type_ = {"kind": "ClusterComponentType", "name": "deployment/service"}
    for name in ("bank", "cart"):
        await api.kube.create(_kind("Project"), _object("Project", name, project))
        component = {"owner": {"projectName": name}, "componentType": type_}
        await api.kube.create(_kind("Component"), _object("Component", f"{name}-1", component))
    await api.follow()


def _kind(name: str) -> ResourceKind:
    return registry.KINDS[name].resource


def _object(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}


async def _raw(api: Api, method: str, path: str, token: str) -> tuple[int, str]:
    """An answer to a path that nobody puts in order on the way."""
    url = yarl.URL(api.url + path, encoded=True)
    headers = {"Authorization": f"Bearer {token}"}
    async with api.session.request(method, url, headers=headers) as response:
        return response.status, await response.text()


_ODD = (
    "cart-1%2f..%2fbank-1",
    "cart-1%2F%2E%2E%2Fbank-1",
    "cart-1%252f..%252fbank-1",
    "..%2fcomponents%2fbank-1",
    "%2e%2e",
    ".",
    "bank-1%00",
    "bank-1%00.cart-1",
    "%00",
    "bank-1%0a",
    "bank-1%20",
    "bank-1.",
    "BANK-1",
    "b%C3%A4nk-1",
    "%ff%fe",
    "bank-1;cart-1",
    "bank-1%3Fx",
    "bank-1%23",
    "bank-1\\cart-1",
    "x" * 5000,
)


@pytest.mark.parametrize("name", _ODD, ids=range(len(_ODD)))
@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_no_name_leads_to_another_object(api: Api, method: str, name: str) -> None:
    for path in (f"{_NAMESPACE}/components/{name}", f"{_NAMESPACE}/components/{name}/schema"):
        for token in (_TOKEN, TOKEN):
            status, text = await _raw(api, method, path, token)
            assert status in {400, 403, 404, 405}, (path, status)
            assert "bank-1" not in text or status in {403, 404}
    assert (await api.call("GET", f"{_NAMESPACE}/components/bank-1"))[0] == 200


@pytest.mark.parametrize(
    "namespace",
    [
        "default%2fproject%2fcart",
        "cart%2f..%2fdefault",
        "default%2fcomponents%2f..",
        "..%2fdefault",
        "default%00",
        "default%20",
        "DEFAULT",
        "kube-system",
        "x" * 3000,
    ],
)
async def test_no_namespace_stands_for_another_one(api: Api, namespace: str) -> None:
    for path in ("components", "components/bank-1", "projects", "components/cart-1"):
        full = f"/api/v1/namespaces/{namespace}/{path}"
        status, text = await _raw(api, "GET", full, _TOKEN)
        assert status in {403, 404} or text == '{"items":[],"pagination":{}}', (status, text)
        status, text = await _raw(api, "GET", full, TOKEN)
        assert status == 404 or text == '{"items":[],"pagination":{}}', (status, text)


@pytest.mark.parametrize(
    "project",
    ["cart/../bank", "cart/component/x", "../bank", "bank\x00", "cart\x00", "", ".", "BANK"],
)
async def test_no_project_in_a_body_stands_for_another_one(api: Api, project: str) -> None:
    spec = {
        "owner": {"projectName": project},
        "componentType": {"kind": "ComponentType", "name": "deployment/service"},
    }
    body = {"metadata": {"name": "intruder"}, "spec": spec}
    for token in (_TOKEN, TOKEN):
        path = f"{_NAMESPACE}/components"
        status, _, _ = await api.call("POST", path, body, token=token)
        assert status in {400, 403, 422}
    assert (await api.call("GET", f"{_NAMESPACE}/components/intruder"))[0] == 404


async def test_a_namespace_in_a_body_does_not_count(api: Api) -> None:
    spec = {
        "owner": {"projectName": "cart"},
        "componentType": {"kind": "ComponentType", "name": "deployment/service"},
    }
    body = {"metadata": {"name": "x", "namespace": "kube-system"}, "spec": spec}
    status, content, _ = await api.call("POST", f"{_NAMESPACE}/components", body)
    assert (status, content["error"]) == (400, "Namespace in body does not match path")
    body["metadata"] = {"name": "../x"}
    assert (await api.call("POST", f"{_NAMESPACE}/components", body))[0] == 422


@pytest.mark.parametrize("query", ["project=cart%00", "project=cart/../bank", "project=bank"])
async def test_no_filter_reaches_further(api: Api, query: str) -> None:
    status, text = await _raw(api, "GET", f"{_NAMESPACE}/components?{query}", _TOKEN)
    assert (status, text) == (200, '{"items":[],"pagination":{}}')


@pytest.mark.parametrize(
    "line",
    [
        b"GET /api/v1/namespaces/default/components/cart-1/../bank-1 HTTP/1.1",
        b"GET //api/v1/namespaces/default/components/bank-1 HTTP/1.1",
        b"GET http://elsewhere.example/api/v1/namespaces/default/components/bank-1 HTTP/1.1",
        b"GET /api/v1/namespaces/default/components/bank-1\x00 HTTP/1.1",
        b"GET /api/v1/namespaces/default/components/bank-1#x HTTP/1.1",
    ],
)
async def test_no_request_line_leads_to_what_is_somebody_else_s(api: Api, line: bytes) -> None:
    host, port = api.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    headers = f"Host: {host}\r\nAuthorization: Bearer {_TOKEN}\r\nConnection: close\r\n\r\n"
    writer.write(line + b"\r\n" + headers.encode())
    answer = await reader.read()
    writer.close()
    assert answer.split(b" ", 2)[1] in {b"400", b"403", b"404"}, answer
    assert b"bank-1" not in answer.partition(b"\r\n\r\n")[2]
