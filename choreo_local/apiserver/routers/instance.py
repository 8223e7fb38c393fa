"""The instance itself: planes, capabilities, URLs, memory."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from choreo_local.apiserver import problems

router = APIRouter(prefix="/choreo/v1")


async def status(request: Request) -> Response:
    """What `choreo status` shows."""
    return problems.json_response(await request.app.state.status())


router.add_api_route("/status", status, methods=["GET", "HEAD"], response_model=None)
