"""Domain errors to answers, in one place; and the plain-text answers of paths that do not exist."""

from __future__ import annotations

import logging
import urllib.parse
from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from choreo_local.api.rest import ErrorCode, TokenErrorCode
from choreo_local.apiclient.failures import MISSING_PERMISSION
from choreo_local.apiserver import verbs
from choreo_local.errors import (
    ApiError,
    ChoreoError,
    ForbiddenError,
    PreflightError,
    RefusedError,
    UnauthorizedError,
    UnreachableError,
    UsageError,
    WaitTimeoutError,
)

logger = logging.getLogger(__name__)

OURS: Final = "/choreo/"
_NOSNIFF: Final = {"X-Content-Type-Options": "nosniff"}
_INTERNAL: Final = "Internal server error"

# HTTP status of errors that are not answers of an API themselves; the first class that fits.
_STATUS: Final[tuple[tuple[type[ChoreoError], int], ...]] = (
    (RefusedError, 409),
    (UsageError, 400),
    (WaitTimeoutError, 504),
    (UnreachableError, 503),
    (PreflightError, 503),
)
_CODES: Final[Mapping[int, ErrorCode]] = {
    400: ErrorCode.BAD_REQUEST,
    403: ErrorCode.FORBIDDEN,
    404: ErrorCode.NOT_FOUND,
    409: ErrorCode.CONFLICT,
    422: ErrorCode.UNPROCESSABLE_CONTENT,
    501: ErrorCode.NOT_IMPLEMENTED,
}


class PlainTextError(Exception):
    """A request that is refused before it reaches a use case: answered in plain text."""

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


def status_of(error: ChoreoError) -> int:
    """The HTTP status of an error."""
    if isinstance(error, UnauthorizedError):
        # Not the caller but we are unknown to somebody behind us.
        return 500
    if isinstance(error, ApiError):
        return error.code
    return next((status for cls, status in _STATUS if isinstance(error, cls)), 500)


def answer(error: ChoreoError, *, path: str) -> Response:
    """The answer to a request to `path` that failed."""
    if isinstance(error, UnauthorizedError) and error.reason in set(TokenErrorCode):
        return json_response({"error": error.reason, "message": error.message}, status=401)
    status = status_of(error)
    response = _answer(error, status, path)
    response.headers.update(missing(error))
    return response


def missing(error: ChoreoError) -> dict[str, str]:
    """The header that says which permission was missing; bodies are upstream's, which do not."""
    if not isinstance(error, ForbiddenError) or "action" not in error.details:
        return {}
    text = f"{error.details['action']} {error.details['scope']}"
    return {MISSING_PERMISSION: urllib.parse.quote(text, safe="/:* ")}


def _answer(error: ChoreoError, status: int, path: str) -> Response:
    if path.startswith(OURS):
        return json_response(_our_body(error, status), status=status)
    if isinstance(error, ApiError) and error.reason in set(ErrorCode):
        # Said with a code of this API, so its text is for the caller whatever the status.
        return json_response({"error": error.message, "code": error.reason}, status=status)
    code = _CODES.get(status)
    if code is None:
        logger.error("Request failed path=%s error=%s", path, error.message, exc_info=error)
        return json_response({"error": _INTERNAL, "code": ErrorCode.INTERNAL_ERROR}, status=500)
    return json_response({"error": error.message, "code": code}, status=status)


def _our_body(error: ChoreoError, status: int) -> dict[str, Any]:
    body: dict[str, Any] = {
        "error": error.message,
        "code": _CODES.get(status, ErrorCode.INTERNAL_ERROR),
    }
    reason = error.reason if isinstance(error, ApiError) else ""
    if isinstance(error, RefusedError):
        reason = "Refused"
    if reason:
        body["reason"] = reason
    if error.remedy:
        body["remedy"] = error.remedy
    if isinstance(error, ApiError) and error.causes:
        body["causes"] = [
            {"field": cause.field, "message": cause.message, "reason": cause.reason}
            for cause in error.causes
        ]
    return body


def json_response(content: Any, *, status: int = 200) -> Response:
    """An answer in JSON."""
    return Response(orjson.dumps(content), status_code=status, media_type="application/json")


def text_response(text: str, *, status: int, headers: Mapping[str, str] | None = None) -> Response:
    """A refusal in plain text, as the server of upstream writes it."""
    return PlainTextResponse(
        f"{text}\n", status_code=status, headers={**_NOSNIFF, **(headers or {})}
    )


# Exception handlers of the app.


async def on_domain_error(request: Request, error: Exception) -> Response:
    """What a use case raised."""
    assert isinstance(error, ChoreoError)
    return answer(error, path=request.url.path)


async def on_plain_error(request: Request, error: Exception) -> Response:
    """A request that could not be read."""
    assert isinstance(error, PlainTextError)
    if request.url.path.startswith(OURS):
        code = _CODES.get(error.status, ErrorCode.BAD_REQUEST)
        return json_response({"error": error.message, "code": code}, status=error.status)
    return text_response(error.message, status=error.status)


async def on_http_error(request: Request, error: Exception) -> Response:
    """An unknown path, or a verb that a path does not have."""
    assert isinstance(error, HTTPException)
    if error.status_code in {404, 405}:
        known = verbs.of_path(request.scope["path"])
        if known and request.method not in known:
            return method_not_allowed(known)
    if error.status_code == 404:
        return text_response("404 page not found", status=404)
    if error.status_code == 405:
        return method_not_allowed((error.headers or {}).get("Allow", "").split(", "))
    return text_response(error.detail, status=error.status_code)


async def on_failure(request: Request, error: Exception) -> Response:
    """Anything that nobody foresaw; the server logs it."""
    del request, error
    return json_response({"error": _INTERNAL, "code": ErrorCode.INTERNAL_ERROR}, status=500)


def method_not_allowed(allowed: Iterable[str]) -> Response:
    """The verbs that a path does have."""
    headers = {"Allow": ", ".join(sorted(allowed))}
    return text_response("Method Not Allowed", status=405, headers=headers)
