"""Every operation of the API, for every default role: allowed and denied, as the table says.

`operations.csv` lists the operations with the action that each asks for; the roles are those of the
bundle `authz`. So the expectation never comes from the code that is tested.
"""

from __future__ import annotations

import csv
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import pytest_asyncio
from fastapi.routing import APIRoute

from choreo_local.allinone import bundles
from choreo_local.apiserver import guarded, openapi, security
from choreo_local.apiserver.app import create_app
from choreo_local.authz.disabled import Disabled
from choreo_local.services.assembly import assemble
from tests.apiserver.harness import TOKEN, Api, serve, token_of
from tests.authz.objects import binding
from tests.services import harness

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]

_TABLE = Path(__file__).with_name("operations.csv")
_NOBODY = "nobody"
_FORBIDDEN = {
    "error": "You do not have permission to perform this operation",
    "code": "FORBIDDEN",
}
_QUERY = "?version=v1&kind=Pod&name=one&podName=one&environment=development&to=development"
_OF_US = "/choreo/v1/namespaces/acme/components/one"


class Operation(NamedTuple):
    """A row of the table; `order` is L for lists that are filtered."""

    operation: str
    method: str
    path: str
    action: str
    place: str
    attribute: str
    order: str


@cache
def operations() -> Sequence[Operation]:
    """The table."""
    with _TABLE.open(encoding="utf-8", newline="") as file:
        return [Operation(**row) for row in csv.DictReader(file)]


@cache
def roles() -> dict[str, list[str]]:
    """The default roles with their actions, and one who has none."""
    found = {
        manifest["metadata"]["name"]: manifest["spec"]["actions"]
        for manifest in bundles.load("authz").manifests({})
        if manifest["kind"] == "ClusterAuthzRole"
    }
    return found | {_NOBODY: []}


@cache
def _described() -> frozenset[tuple[str, str]]:
    """Path and verb of every operation that the API describes."""
    return frozenset(
        (each.path, each.method.upper()) for each in openapi.operations(signs_in=False)
    )


def _served(operation: Operation) -> bool:
    return (operation.path, operation.method) in _described()


def _cases() -> Iterator[Any]:
    for operation in operations():
        if _served(operation) and ":" in operation.action:
            for role in roles():
                yield pytest.param(operation, role, id=f"{operation.operation}-{role}")


def _may(role: str, action: str) -> bool:
    """The rule of roles, in its plainest words."""
    kind = action.partition(":")[0]
    return not {action, f"{kind}:*", "*"}.isdisjoint(roles()[role])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def guarded_api() -> AsyncIterator[Api]:
    """An API with one object of each kind that belongs to something; a group for each role."""
    async with harness.control_plane("core") as platform, serve(platform) as api:
        await platform.apply(*_objects())
        for role in roles():
            if role != _NOBODY:
                await platform.apply(binding(f"by-{role}", role, group=_group(role)))
        await api.follow()
        yield api


def _group(role: str) -> str:
    return f"test-{role}"


def _objects() -> list[dict[str, Any]]:
    owner = {"projectName": "one"}
    of_component, of_resource = owner | {"componentName": "one"}, owner | {"resourceName": "one"}
    specs: dict[str, dict[str, Any]] = {
        "Project": {
            "deploymentPipelineRef": {"name": "default"},
            "type": {"kind": "ClusterProjectType", "name": "default"},
        },
        "Component": {
            "owner": owner,
            "componentType": {"kind": "ComponentType", "name": "deployment/service"},
        },
        "Workload": {"owner": of_component, "container": {"image": "choreo.local/one:1.0"}},
        "ReleaseBinding": {"owner": of_component, "environment": "development"},
        "ProjectReleaseBinding": {"owner": owner, "environment": "development"},
        "Resource": {"owner": owner, "type": {"kind": "ResourceType", "name": "postgres"}},
        "ResourceReleaseBinding": {"owner": of_resource, "environment": "development"},
        "WorkflowRun": {"workflow": {"kind": "Workflow", "name": "build"}},
    }
    namespace = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "acme", "labels": {"openchoreo.dev/control-plane": "true"}},
    }
    return [
        namespace,
        *(
            {
                "apiVersion": "openchoreo.dev/v1alpha1",
                "kind": kind,
                "metadata": {"name": "one", "namespace": "acme"},
                "spec": spec,
            }
            for kind, spec in specs.items()
        ),
    ]


def _path(operation: Operation, name: str) -> str:
    filled = operation.path.replace("{namespaceName}", "acme")
    if "{namespaceName}" in operation.path and operation.path.endswith("{namespaceName}"):
        filled = operation.path.replace("{namespaceName}", "acme" if name == "one" else name)
    return re.sub(r"{\w+}", name, filled) + _QUERY


@pytest.mark.parametrize(("operation", "role"), list(_cases()))
async def test_roles_decide_about_operations(
    guarded_api: Api, operation: Operation, role: str
) -> None:
    is_allowed = _may(role, operation.action)
    # Who is allowed to must not take away what the next one asks for.
    changes = operation.method in {"PUT", "DELETE"}
    name = "ghost" if is_allowed and changes else "one"
    has_body = operation.method in {"POST", "PUT"}
    body = {"metadata": {"name": "new"}, "spec": {}} if has_body else None
    status, content, headers = await guarded_api.call(
        operation.method, _path(operation, name), body, token=token_of(_group(role))
    )
    if is_allowed:
        assert status not in {401, 403}, content
    elif operation.order == "L":
        assert (status, content["items"]) == (200, [])
    else:
        assert (status, content) == (403, _FORBIDDEN)
        missing = headers["choreo-missing-permission"]
        assert missing.startswith(f"{operation.action} "), missing


@pytest.mark.parametrize(
    "kind", ["components", "workloads", "releasebindings", "resources", "workflowruns"]
)
async def test_who_may_sees_the_items_of_lists(guarded_api: Api, kind: str) -> None:
    for role, expected in (("developer", 1), (_NOBODY, 0)):
        path = f"/api/v1/namespaces/acme/{kind}"
        _, content, _ = await guarded_api.call("GET", path, token=token_of(_group(role)))
        assert len(content["items"]) == expected


# Our own paths: method, path below the component, the actions that all must be allowed.
_OURS = (
    ("GET", "/promotion", ("releasebinding:view",)),
    ("POST", "/promotion", ("releasebinding:create", "releasebinding:update")),
    ("GET", "/rollback", ("releasebinding:view",)),
    ("POST", "/rollback", ("releasebinding:update",)),
    ("POST", "/undeploy", ("releasebinding:update",)),
    ("GET", "/why", ("component:view", "releasebinding:view")),
    ("GET", "/url", ("releasebinding:view",)),
    ("GET", "/details", ("component:view", "releasebinding:view")),
    ("GET", "/logs", ("logs:view",)),
)


@pytest.mark.parametrize("role", list(roles()))
@pytest.mark.parametrize(("method", "path", "actions"), _OURS)
async def test_roles_decide_about_our_own_paths(
    guarded_api: Api, method: str, path: str, actions: Sequence[str], role: str
) -> None:
    body = {"to": "development"} if method == "POST" else None
    status, content, _ = await guarded_api.call(
        method, f"{_OF_US}{path}{_QUERY}", body, token=token_of(_group(role))
    )
    lacking = [action for action in actions if not _may(role, action)]
    if not lacking:
        assert status not in {401, 403}, content
    else:
        assert (status, content["reason"]) == (403, "Forbidden")
        assert lacking[0] in content["remedy"]


async def test_only_identity_brings_operations_that_are_not_served_yet() -> None:
    missing = {operation.operation for operation in operations() if not _served(operation)}
    assert missing <= {"getOAuthProtectedResourceMetadata"}
    assert len(operations()) == 214


@pytest.mark.parametrize(
    "operation",
    [pytest.param(each, id=each.operation) for each in operations() if _served(each)],
)
async def test_what_is_not_public_needs_a_token(guarded_api: Api, operation: Operation) -> None:
    body: dict[str, Any] | None = {} if operation.method in {"POST", "PUT"} else None
    status, content, _ = await guarded_api.call(
        operation.method, _path(operation, "one"), body, token=None
    )
    if operation.action == "public":
        assert status != 401 or operation.operation == "handleAutoBuild"
    else:
        assert (status, content["error"]) == (401, "MISSING_TOKEN")


@pytest.mark.parametrize("operation", ["listActions", "getSubjectProfile", "listSubjectTypes"])
async def test_anybody_who_is_recognised_may_ask_what_they_may_do(
    guarded_api: Api, operation: str
) -> None:
    path = next(each.path for each in operations() if each.operation == operation)
    status, _, _ = await guarded_api.call("GET", path, token=token_of("strangers"))
    assert status == 200


# Endpoints that ask for permission by themselves, or need none beyond a token.
_BY_THEMSELVES = {
    "/api/v1/{plural}",
    "/api/v1/{plural}/{name}",
    "/api/v1/{plural}/{name}/schema",
    "/api/v1/namespaces/{namespace}/{plural}",
    "/api/v1/namespaces/{namespace}/{plural}/{name}",
    "/api/v1/namespaces/{namespace}/{plural}/{name}/schema",
    "/api/v1alpha1/namespaces/{namespace}/secrets",
    "/api/v1alpha1/namespaces/{namespace}/gitsecrets",
    "/choreo/v1/{plural}/{name}/apply",
    "/choreo/v1/{plural}/{name}/events",
    "/choreo/v1/namespaces/{namespace}/{plural}/{name}/apply",
    "/choreo/v1/namespaces/{namespace}/{plural}/{name}/events",
    "/choreo/v1/namespaces/{namespace}/board",
    "/choreo/v1/namespaces/{namespace}/components/{component}/promotion",
    "/choreo/v1/status",
    "/choreo/v1/authz/explanation",
    "/api/v1/authz/actions",
    "/api/v1/authz/evaluates",
    "/api/v1/authz/profile",
    "/api/v1/authn/subject-types",
}


async def test_no_route_is_without_a_guard() -> None:
    async with harness.control_plane("core") as platform:
        services = assemble(platform.client, platform.planes)
        app = create_app(
            services=services,
            authenticate=security.owner_token(TOKEN),
            decisions=Disabled(),
            status=lambda: None,  # type: ignore[arg-type, return-value]  # nobody asks
        )
        unguarded = {
            route.path for route in app.routes if isinstance(route, APIRoute) and _is_open(route)
        }
    assert unguarded - _BY_THEMSELVES == set()


def _is_open(route: APIRoute) -> bool:
    """Whether a route needs a token, but asks for no action."""
    calls = [dependency.call for dependency in route.dependant.dependencies]
    is_guarded = any(hasattr(call, guarded.ACTIONS) for call in calls)
    return security.authenticated in calls and not is_guarded
