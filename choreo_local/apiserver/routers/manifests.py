"""`/choreo/v1/…/{plural}/{name}/{apply,events}`: for objects of every kind, beyond upstream's API.

`apply` changes only the fields that a manifest has, and can be tried without storing anything.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from choreo_local.apiserver import bodies, problems, security
from choreo_local.apiserver.routers.objects import kind_of
from choreo_local.errors import BadRequestError
from choreo_local.services import guards
from choreo_local.services.assembly import Services

router = APIRouter()


async def apply(request: Request) -> Response:
    """Make the object, or change it."""
    kind, namespace = kind_of(request)
    body = await bodies.json_object(request, kind.kind)
    if (body.get("metadata") or {}).get("name") != request.path_params["name"]:
        raise BadRequestError("metadata.name in body does not match path")
    services: Services = request.app.state.services
    applied = await services.applying.apply(
        security.access(request),
        kind,
        body,
        namespace,
        dry_run=_is_trial(request),
    )
    return problems.json_response({"result": applied.result, "object": applied.obj})


def _is_trial(request: Request) -> bool:
    # Whoever asks for a trial in other words must not have the object stored.
    given = request.query_params.get("dryRun", "false")
    if given not in {"true", "false"}:
        raise BadRequestError("dryRun must be true or false")
    return given == "true"


async def events(request: Request) -> Response:
    """The events about the object, to whoever may see it."""
    kind, namespace = kind_of(request)
    found = await security.access(request).check_stored(
        guards.action(kind, "view"), kind, request.path_params["name"], namespace
    )
    services: Services = request.app.state.services
    return problems.json_response({"events": await services.events.of(found)})


for _root in ("/choreo/v1", "/choreo/v1/namespaces/{namespace}"):
    _path = f"{_root}/{{plural}}/{{name}}"
    router.add_api_route(f"{_path}/apply", apply, methods=["POST"], response_model=None)
    router.add_api_route(f"{_path}/events", events, methods=["GET"], response_model=None)
