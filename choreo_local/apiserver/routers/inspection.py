"""Look into a component: why, where, details, logs."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from choreo_local.apiclient import wire
from choreo_local.apiserver import guarded, paging, problems
from choreo_local.apiserver.streaming import LinesResponse
from choreo_local.services import logstream
from choreo_local.services.assembly import Services
from choreo_local.services.podlogs import Wanted

router = APIRouter(prefix="/choreo/v1/namespaces/{namespace}/components/{component}")


async def why(request: Request, namespace: str, component: str) -> Response:
    """Why it is not ready."""
    found = await _services(request).inspection.why(
        namespace, component, environment=paging.required(request, "environment")
    )
    return problems.json_response(wire.to_json(found))


async def urls(request: Request, namespace: str, component: str) -> Response:
    """Where it answers."""
    found = await _services(request).inspection.urls(
        namespace,
        component,
        environment=paging.required(request, "environment"),
        endpoint=request.query_params.get("endpoint") or None,
    )
    return problems.json_response({"urls": [wire.to_json(url) for url in found]})


async def details(request: Request, namespace: str, component: str) -> Response:
    """All that is known."""
    found = await _services(request).inspection.details(
        namespace, component, environment=paging.required(request, "environment")
    )
    return problems.json_response(wire.to_json(found))


async def logs(request: Request, namespace: str, component: str) -> Response:
    """What its containers write."""
    since = request.query_params.get("since")
    tail = paging.integer(request, "tail")
    wanted = Wanted(
        tail=None if tail is None else max(tail, 0),
        since_seconds=logstream.seconds(since) if since else None,
        previous=paging.flag(request, "previous"),
        follow=paging.flag(request, "follow"),
    )
    lines = await _services(request).logs.open(
        namespace,
        component,
        environment=paging.required(request, "environment"),
        wanted=wanted,
    )
    return LinesResponse(lines)


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


for _path, _endpoint, _actions in (
    ("/why", why, ("component:view", "releasebinding:view")),
    ("/url", urls, ("releasebinding:view",)),
    ("/details", details, ("component:view", "releasebinding:view")),
    ("/logs", logs, ("logs:view",)),
):
    router.add_api_route(
        _path,
        _endpoint,
        methods=["GET"],
        response_model=None,
        dependencies=[guarded.of_component(*_actions)],
    )
