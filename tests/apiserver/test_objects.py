"""Every kind through the generic router, over HTTP against the real kube API."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.api import registry
from choreo_local.errors import AlreadyExistsError, NotFoundError
from choreo_local.services import kinds
from tests.apiserver.harness import Api

pytestmark = pytest.mark.asyncio(loop_scope="module")

_NAMESPACE = "/api/v1/namespaces/default"


def _project(name: str, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": spec}


async def test_a_project_is_created_with_what_it_leaves_out(api: Api) -> None:
    created = await api.must("POST", f"{_NAMESPACE}/projects", _project("filled"))
    assert created["kind"] == "Project"
    assert created["spec"]["deploymentPipelineRef"] == {
        "kind": "DeploymentPipeline",
        "name": "default",
    }
    assert created["spec"]["type"] == {"kind": "ClusterProjectType", "name": "default"}
    assert created["status"] == {}
    assert set(created["metadata"]) == {"name", "namespace", "uid", "creationTimestamp"}


async def test_a_name_that_is_taken_is_a_conflict(api: Api) -> None:
    await api.must("POST", f"{_NAMESPACE}/projects", _project("twice"))
    status, body, _ = await api.call("POST", f"{_NAMESPACE}/projects", _project("twice"))
    assert (status, body) == (409, {"error": "Project already exists", "code": "CONFLICT"})


async def test_an_update_replaces_spec_labels_and_annotations_only(api: Api) -> None:
    first = _project("changed")
    first["metadata"] |= {"labels": {"team": "red"}, "annotations": {"a": "1"}}
    first = await api.must("POST", f"{_NAMESPACE}/projects", first)
    second = _project("other-name", **first["spec"] | {"deploymentPipelineRef": {"name": "slow"}})
    second["metadata"]["labels"] = {"team": "blue"}
    updated = await api.must("PUT", f"{_NAMESPACE}/projects/changed", second)
    assert updated["metadata"]["name"] == "changed"
    assert updated["metadata"]["labels"] == {"team": "blue"}
    assert "annotations" not in updated["metadata"]
    assert updated["spec"]["deploymentPipelineRef"]["name"] == "slow"


async def test_lists_come_in_pages_that_neither_repeat_nor_leave_out(api: Api) -> None:
    for number in range(5):
        body = _project(f"paged-{number}")
        body["metadata"]["labels"] = {"paged": "yes"}
        await api.must("POST", f"{_NAMESPACE}/projects", body)
    seen, cursor = [], ""
    while True:
        query = f"?limit=2&labelSelector=paged%3Dyes&cursor={cursor}"
        page = await api.must("GET", f"{_NAMESPACE}/projects{query}")
        seen += [item["metadata"]["name"] for item in page["items"]]
        assert len(page["items"]) <= 2
        cursor = page["pagination"].get("nextCursor", "")
        if not cursor:
            break
    assert seen == [f"paged-{number}" for number in range(5)]


async def test_filtered_lists_fill_their_pages(api: Api) -> None:
    for project in ("even", "odd"):
        await api.must("POST", f"{_NAMESPACE}/projects", _project(project))
    for number in range(7):
        await api.must("POST", f"{_NAMESPACE}/components", _component(number))
    found = await api.client.list(registry.COMPONENT, "default", filters={"project": "odd"})
    assert [item["metadata"]["name"] for item in found] == ["c1", "c3", "c5"]
    page = await api.must("GET", f"{_NAMESPACE}/components?project=even&limit=3")
    assert [item["metadata"]["name"] for item in page["items"]] == ["c0", "c2", "c4"]
    rest = await api.must(
        "GET",
        f"{_NAMESPACE}/components?project=even&cursor={page['pagination']['nextCursor']}",
    )
    assert [item["metadata"]["name"] for item in rest["items"]] == ["c6"]


def _component(number: int) -> dict[str, Any]:
    return {
        "metadata": {"name": f"c{number}"},
        "spec": {
            "owner": {"projectName": "odd" if number % 2 else "even"},
            "componentType": {"kind": "ClusterComponentType", "name": "deployment/service"},
        },
    }


async def test_owner_labels_are_forced_and_owners_must_exist(api: Api) -> None:
    await api.must("POST", f"{_NAMESPACE}/projects", _project("owner"))
    body = _component(0)
    body["metadata"]["name"] = "owned"
    body["spec"]["owner"]["projectName"] = "owner"
    created = await api.must("POST", f"{_NAMESPACE}/components", body)
    assert created["metadata"]["labels"] == {"openchoreo.dev/project": "owner"}
    body["spec"]["owner"]["projectName"] = "ghost"
    body["metadata"]["name"] = "orphan"
    status, answer, _ = await api.call("POST", f"{_NAMESPACE}/components", body)
    assert (status, answer["error"]) == (400, "Referenced project not found")
    status, answer, _ = await api.call("PUT", f"{_NAMESPACE}/components/owned", body)
    assert (status, answer["error"]) == (400, "spec.owner.projectName is immutable")


async def test_a_refusal_of_the_schema_names_field_and_reason(api: Api) -> None:
    body = {"metadata": {"name": "bad"}, "spec": {"promotionPaths": [{"x": 1}]}}
    status, answer, _ = await api.call("POST", f"{_NAMESPACE}/deploymentpipelines", body)
    assert status == 422
    assert "spec.promotionPaths[0].sourceEnvironmentRef: Required value" in answer["error"]
    resource_type = {"metadata": {"name": "Bad_Name"}, "spec": {"resources": []}}
    status, answer, _ = await api.call("POST", f"{_NAMESPACE}/resourcetypes", resource_type)
    assert (status, answer["code"]) == (400, "BAD_REQUEST")


async def test_namespaces_without_our_label_do_not_exist_here(api: Api) -> None:
    status, answer, _ = await api.call("GET", "/api/v1/namespaces/kube-system")
    assert (status, answer["error"]) == (404, "Namespace not found")
    created = await api.must("POST", "/api/v1/namespaces", {"metadata": {"name": "acme"}})
    assert created["metadata"]["labels"]["openchoreo.dev/control-plane"] == "true"
    listed = await api.must("GET", "/api/v1/namespaces")
    assert "kube-system" not in [item["metadata"]["name"] for item in listed["items"]]


async def test_releases_cannot_be_changed(api: Api) -> None:
    status, _, headers = await api.call("PUT", f"{_NAMESPACE}/componentreleases/r", {})
    assert status == 405
    assert headers["Allow"] == "DELETE, GET, HEAD"


@pytest.mark.parametrize("kind", sorted(kinds.BY_KIND))
async def test_every_kind_is_listed_and_says_what_it_lacks(api: Api, kind: str) -> None:
    served = kinds.BY_KIND[kind]
    namespace = "default" if served.resource.namespaced else None
    found = await api.client.list(served.resource, namespace)
    assert isinstance(found, list)
    with pytest.raises(NotFoundError, match=rf"^{served.label} not found$"):
        await api.client.get(served.resource, "absent", namespace)


@pytest.mark.parametrize(
    "name", ["a%3Fb", "a%23b", "..%2Fprojects", "%2e%2e", "a%25b", "x" * 300], ids=repr
)
async def test_a_name_never_leads_elsewhere(api: Api, name: str) -> None:
    for path in (f"{_NAMESPACE}/projects/{name}", f"/api/v1/namespaces/{name}/projects/p"):
        status, answer, _ = await api.call("GET", path)
        assert status == 404, answer


@pytest.mark.parametrize(
    ("query", "status", "text"),
    [
        (
            "limit=abc",
            400,
            "Invalid format for parameter limit: error binding string parameter: "
            'strconv.ParseInt: parsing "abc": invalid syntax\n',
        ),
        ("labelSelector=a%20in%20(", 400, "invalid label selector: unable to parse requirement"),
        ("cursor=nonsense", 400, "invalid cursor: it is too old or not one of this API"),
        ("cursor=eyJjIjoxfQ", 400, "invalid cursor: it is too old or not one of this API"),
    ],
)
async def test_a_query_that_makes_no_sense_is_refused(
    api: Api, query: str, status: int, text: str
) -> None:
    found, body, _ = await api.call("GET", f"{_NAMESPACE}/projects?{query}")
    assert found == status
    assert text in (body if isinstance(body, str) else body["error"])


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "can't decode JSON body: EOF\n"),
        (b"[]", "can't decode JSON body: json: cannot unmarshal array into Go value of type gen."),
        (
            b'{"spec":"x"}',
            "can't decode JSON body: json: cannot unmarshal string into Go struct field "
            "Project.spec of type gen.ProjectSpec\n",
        ),
        (b"{nonsense", "can't decode JSON body: "),
        (b"null", "metadata.name is required"),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(api: Api, data: bytes, text: str) -> None:
    status, body, _ = await api.call("POST", f"{_NAMESPACE}/projects", data=data)
    assert status == 400
    assert text in (body if isinstance(body, str) else body["error"])


_ODD: list[dict[str, Any]] = [
    {"metadata": {"name": 5}},
    {"metadata": {"name": "odd", "labels": "abc"}},
    {"metadata": {"name": "odd", "labels": {"a": 1}}},
    {"metadata": {"name": "odd", "annotations": ["a", "b"]}},
    {"metadata": {"name": "odd", "namespace": {}}},
    {"metadata": {"name": "odd"}, "spec": {"owner": "x"}},
    {"metadata": {"name": "odd"}, "spec": {"owner": {"projectName": []}}},
    {"metadata": {"name": "odd"}, "spec": {"owner": {"projectName": "a/b?c"}}},
    {"metadata": {"name": "odd"}, "spec": {"dataPlaneRef": []}},
    {"metadata": {"name": "odd"}, "spec": {"dataPlaneRef": {"kind": {}, "name": 5}}},
    {"metadata": {"name": "odd"}, "spec": {"type": 5, "environment": []}},
    {"metadata": {"name": "od\u0000d"}},
]


@pytest.mark.parametrize("body", _ODD, ids=str)
@pytest.mark.parametrize(
    "plural", ["projects", "components", "environments", "releasebindings", "workloads"]
)
async def test_no_body_makes_the_server_fail(api: Api, plural: str, body: dict[str, Any]) -> None:
    status, answer, _ = await api.call("POST", f"{_NAMESPACE}/{plural}", body)
    if status < 300:
        await api.must("DELETE", f"{_NAMESPACE}/{plural}/{answer['metadata']['name']}")
    else:
        assert 400 <= status < 500, answer


async def test_the_client_creates_changes_and_deletes(api: Api) -> None:
    body = {"metadata": {"name": "typed", "namespace": "default"}, "spec": {}}
    created = await api.client.create(registry.PROJECT, body)
    with pytest.raises(AlreadyExistsError):
        await api.client.create(registry.PROJECT, body)
    created["spec"]["deploymentPipelineRef"]["name"] = "other"
    updated = await api.client.update(registry.PROJECT, created)
    assert updated["spec"]["deploymentPipelineRef"]["name"] == "other"
    await api.client.delete(registry.PROJECT, "typed", "default")
    with pytest.raises(NotFoundError, match="Project not found"):
        await api.client.get(registry.PROJECT, "typed", "default")
