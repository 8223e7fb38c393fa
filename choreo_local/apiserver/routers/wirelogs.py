"""`…/wirelogs`: what passes between pods; no data plane here records it."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from choreo_local.apiserver import guarded, problems

router = APIRouter()


async def wirelogs(request: Request) -> Response:
    """There are none."""
    del request
    return problems.text_response(
        "wire logs are not recorded: no data plane of this instance looks into connections",
        status=501,
    )


router.add_api_route(
    "/api/v1/namespaces/{namespace}/environments/{environment}/wirelogs",
    wirelogs,
    methods=["GET"],
    response_model=None,
    dependencies=[guarded.in_environment("wirelogs:view")],
)
