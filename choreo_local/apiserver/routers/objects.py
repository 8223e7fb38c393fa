"""Every kind of the API through one router: the table `services.kinds` says what each has.

Few routes for many kinds: a route for each of the 180 operations would cost start-up time and
slow every request down.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from choreo_local.apiserver import bodies, paging, problems, security
from choreo_local.services import guards, kinds
from choreo_local.services.assembly import Services
from choreo_local.services.kinds import Rule, ServedKind

router = APIRouter()
_VERBS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH")


async def collection(request: Request) -> Response:
    """List or create."""
    kind, namespace = kind_of(request)
    objects = security.objects(request)
    if request.method in {"GET", "HEAD"}:
        page = await objects.page(
            kind,
            namespace,
            limit=paging.integer(request, "limit"),
            cursor=request.query_params.get("cursor", ""),
            label_selector=request.query_params.get("labelSelector", ""),
            filters={name: request.query_params.get(name, "") for name in kind.filters},
        )
        pagination = {"nextCursor": page.cursor} if page.cursor else {}
        return problems.json_response({"items": page.items, "pagination": pagination})
    if request.method == "POST":
        body = await bodies.json_object(request, kind.kind)
        created = await objects.create(kind, body, namespace)
        return problems.json_response(created, status=201)
    raise HTTPException(405)


async def single(request: Request) -> Response:
    """Get, replace or delete."""
    kind, namespace = kind_of(request)
    name = request.path_params["name"]
    objects = security.objects(request)
    if request.method in {"GET", "HEAD"}:
        return problems.json_response(await objects.get(kind, name, namespace))
    if request.method == "DELETE":
        await objects.delete(kind, name, namespace)
        return Response(status_code=204)
    if request.method == "PUT" and Rule.IMMUTABLE not in kind.rules:
        body = await bodies.json_object(request, kind.kind)
        return problems.json_response(await objects.update(kind, name, body, namespace))
    raise HTTPException(405)


async def schema(request: Request) -> Response:
    """The parameters that a type takes."""
    kind, namespace = kind_of(request)
    if Rule.SCHEMA not in kind.rules:
        raise HTTPException(404)
    name = request.path_params["name"]
    security.access(request).check(
        guards.action(kind, "view"), guards.by_path(kind, name, namespace)
    )
    found = await _services(request).components.type_schema(kind, name, namespace)
    return problems.json_response(found)


async def known(request: Request) -> None:
    """The dependency that goes before all others: what the API does not have is told to anybody."""
    kind_of(request)


def kind_of(request: Request) -> tuple[ServedKind, str | None]:
    """The kind and namespace of a path; 404 when the API has no such path."""
    namespace = request.path_params.get("namespace")
    kind = kinds.BY_PLURAL.get(request.path_params["plural"])
    if kind is None or kind.resource.namespaced is not (namespace is not None):
        raise HTTPException(404)
    return kind, namespace


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


def _add(path: str, endpoint: Callable[..., Awaitable[Response]], *methods: str) -> None:
    router.add_api_route(path, endpoint, methods=list(methods), response_model=None)


for _root in ("/api/v1", "/api/v1/namespaces/{namespace}"):
    _add(f"{_root}/{{plural}}", collection, *_VERBS)
    _add(f"{_root}/{{plural}}/{{name}}", single, *_VERBS)
    _add(f"{_root}/{{plural}}/{{name}}/schema", schema, "GET", "HEAD")
