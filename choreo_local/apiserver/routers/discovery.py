"""What needs no token: is it alive, which version is it, what can it do."""

from __future__ import annotations

import platform
from functools import cache

import orjson
from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from choreo_local import __version__
from choreo_local.apiserver import openapi, pages, problems, reference

router = APIRouter()
_GET = ["GET", "HEAD"]


async def health(request: Request) -> Response:
    """The process answers."""
    del request
    return Response("OK", media_type=None, headers={"Content-Type": "text/plain"})


async def ready(request: Request) -> Response:
    """Requests can be served."""
    del request
    return Response("Ready", media_type=None, headers={"Content-Type": "text/plain"})


async def version(request: Request) -> Response:
    """Which server this is; the members are those that clients of upstream read."""
    del request
    return problems.json_response(
        {
            "name": "choreo",
            "version": __version__,
            "gitRevision": "",
            "buildTime": "",
            "goOS": platform.system().lower(),
            "goArch": platform.machine(),
            "goVersion": f"python{platform.python_version()}",
        }
    )


async def openapi_document(request: Request) -> Response:
    """The description of the API."""
    return Response(_description(signs_in=_signs_in(request)), media_type="application/json")


async def docs(request: Request) -> Response:
    """The same for people."""
    return HTMLResponse(_page(signs_in=_signs_in(request)), headers=pages.HEADERS)


def _signs_in(request: Request) -> bool:
    return request.app.state.identity is not None


# It takes a moment to make, and never changes.
@cache
def _description(*, signs_in: bool) -> bytes:
    return orjson.dumps(openapi.document(__version__, signs_in=signs_in))


@cache
def _page(*, signs_in: bool) -> str:
    return reference.page(orjson.loads(_description(signs_in=signs_in)))


for _path, _endpoint in (
    ("/health", health),
    ("/ready", ready),
    ("/version", version),
    ("/openapi.json", openapi_document),
    ("/docs", docs),
):
    router.add_api_route(_path, _endpoint, methods=_GET, response_model=None)
