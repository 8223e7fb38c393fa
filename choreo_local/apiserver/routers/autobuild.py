"""What git providers call when somebody has pushed; no token, but a signature."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from choreo_local.apiserver import bodies, problems
from choreo_local.services.assembly import Services

router = APIRouter()
_LIMIT_BYTES = 1024 * 1024


async def on_push(request: Request) -> Response:
    """Start the builds that a push concerns."""
    services: Services = request.app.state.services
    body = await bodies.raw(request, limit=_LIMIT_BYTES)
    headers = {name.lower(): value for name, value in request.headers.items()}
    return problems.json_response(await services.auto_build.on_push(headers, body))


router.add_api_route("/api/v1alpha1/autobuild", on_push, methods=["POST"], response_model=None)
