"""The board, once or followed."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from choreo_local.apiclient import wire
from choreo_local.apiserver import paging, problems, security
from choreo_local.apiserver.streaming import LinesResponse
from choreo_local.services.assembly import Services
from choreo_local.services.boardsight import Sight

router = APIRouter(prefix="/choreo/v1/namespaces/{namespace}")


async def board(request: Request, namespace: str) -> Response:
    """Components × environments."""
    boards = _services(request).boards
    project = request.query_params.get("project") or None
    sight = Sight(security.access(request), namespace)
    if paging.flag(request, "watch"):
        await boards.ready()
        return LinesResponse(boards.watch(namespace, project, sight=sight))
    found = await boards.board(namespace, project, sight=sight)
    return problems.json_response(wire.to_json(found))


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


router.add_api_route("/board", board, methods=["GET"], response_model=None)
