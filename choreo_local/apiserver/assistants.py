"""`/mcp`: who calls is found out here, as for every path; what answers is somebody else's app."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from choreo_local.apiserver import problems, security
from choreo_local.errors import ChoreoError, UnauthorizedError
from choreo_local.identity.provider import Provider

PATH = "/mcp"
_SCOPES = "openid profile email"
_RESOURCE = "/.well-known/oauth-protected-resource"


def route(app: ASGIApp) -> Route:
    """The route of an app for assistants, which is only asked by whoever is known."""
    return Route(PATH, endpoint=_Authenticated(app))


class _Authenticated:
    """Answers whoever is not known, and pages of other origins; passes the others on."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        answer = await _refusal(request)
        await (answer or self._app)(scope, receive, send)


async def _refusal(request: Request) -> Response | None:
    if not _is_own(request.headers.get("origin", ""), request.headers.get("host", "")):
        return problems.text_response("requests of other origins are not served", status=403)
    try:
        await security.authenticated(request)
    except UnauthorizedError as error:
        answer = problems.answer(error, path=PATH)
        answer.headers["WWW-Authenticate"] = _challenge(request)
        return answer
    except ChoreoError as error:
        return problems.answer(error, path=PATH)
    return None


def _is_own(origin: str, host: str) -> bool:
    """Whether a request comes from no page, or from one of this very server."""
    return not origin or urlsplit(origin).netloc == host


def _challenge(request: Request) -> str:
    provider: Provider | None = request.app.state.identity
    where = f'resource_metadata="{provider.url}{_RESOURCE}", ' if provider is not None else ""
    return f'Bearer {where}scope="{_SCOPES}"'
