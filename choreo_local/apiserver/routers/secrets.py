"""Secrets and git secrets: kept on a plane and in its secret store."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from choreo_local.apiserver import bodies, guarded, paging, problems, security
from choreo_local.authz.types import Hierarchy
from choreo_local.services.assembly import Services
from choreo_local.services.gitsecrets import NewGitSecret
from choreo_local.services.secrets import NewSecret

# Field of `NewGitSecret` → member of the body.
_GIT_SECRET = {
    "name": "secretName",
    "type": "secretType",
    "plane_kind": "workflowPlaneKind",
    "plane_name": "workflowPlaneName",
    "username": "username",
    "token": "token",
    "ssh_key": "sshKey",
    "ssh_key_id": "sshKeyId",
}
router = APIRouter(prefix="/api/v1alpha1/namespaces/{namespace}")


async def list_secrets(request: Request, namespace: str) -> Response:
    """Some secrets of a namespace; none for whom they are not."""
    if not security.access(request).allows("secret:view", Hierarchy(namespace)):
        return problems.json_response({"items": [], "pagination": {}})
    page = await _services(request).secrets.page(
        namespace,
        limit=paging.integer(request, "limit"),
        cursor=request.query_params.get("cursor", ""),
    )
    pagination = {"nextCursor": page.cursor} if page.cursor else {}
    return problems.json_response({"items": page.items, "pagination": pagination})


async def create_secret(request: Request, namespace: str) -> Response:
    """Store a new secret."""
    body = await bodies.members(
        request,
        "CreateSecretRequest",
        {"secretName": str, "secretType": str, "targetPlane": dict, "data": dict, "labels": dict},
    )
    new = NewSecret(
        name=body.get("secretName", ""),
        type=body.get("secretType", ""),
        plane=body.get("targetPlane", {}),
        data=body.get("data", {}),
        labels=body.get("labels", {}),
    )
    created = await _services(request).secrets.create(namespace, new)
    return problems.json_response(created, status=201)


async def get_secret(request: Request, namespace: str, name: str) -> Response:
    """One secret."""
    return problems.json_response(await _services(request).secrets.get(namespace, name))


async def update_secret(request: Request, namespace: str, name: str) -> Response:
    """Replace the values and labels of a secret."""
    body = await bodies.members(request, "UpdateSecretRequest", {"data": dict, "labels": dict})
    updated = await _services(request).secrets.update(
        namespace, name, data=body.get("data", {}), given=body.get("labels", {})
    )
    return problems.json_response(updated)


async def delete_secret(request: Request, namespace: str, name: str) -> Response:
    """Remove a secret wherever it is kept."""
    await _services(request).secrets.delete(namespace, name)
    return Response(status_code=204)


async def list_git_secrets(request: Request, namespace: str) -> Response:
    """All git secrets of a namespace; none for whom they are not."""
    if not security.access(request).allows("secretreference:view", Hierarchy(namespace)):
        return problems.json_response({"items": [], "totalCount": 0})
    found = await _services(request).git_secrets.list(namespace)
    return problems.json_response({"items": found, "totalCount": len(found)})


async def create_git_secret(request: Request, namespace: str) -> Response:
    """Store credentials for repositories."""
    body = await bodies.members(
        request, "CreateGitSecretRequest", dict.fromkeys(_GIT_SECRET.values(), str)
    )
    given = {field: body.get(name, "") for field, name in _GIT_SECRET.items()}
    new = NewGitSecret(**given)
    created = await _services(request).git_secrets.create(namespace, new)
    return problems.json_response(created, status=201)


async def delete_git_secret(request: Request, namespace: str, name: str) -> Response:
    """Remove credentials wherever they are kept."""
    await _services(request).git_secrets.delete(namespace, name)
    return Response(status_code=204)


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


router.add_api_route("/secrets", list_secrets, methods=["GET"], response_model=None)
router.add_api_route("/gitsecrets", list_git_secrets, methods=["GET"], response_model=None)
for _path, _method, _endpoint, _action in (
    ("/secrets", "POST", create_secret, "secret:create"),
    ("/secrets/{name}", "GET", get_secret, "secret:view"),
    ("/secrets/{name}", "PUT", update_secret, "secret:update"),
    ("/secrets/{name}", "DELETE", delete_secret, "secret:delete"),
    ("/gitsecrets", "POST", create_git_secret, "secretreference:create"),
    ("/gitsecrets/{name}", "DELETE", delete_git_secret, "secretreference:delete"),
):
    router.add_api_route(
        _path,
        _endpoint,
        methods=[_method],
        response_model=None,
        dependencies=[guarded.in_namespace(_action)],
    )
