"""`metav1.Status` to errors and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from choreo_local.errors import (
    BY_CODE,
    AlreadyExistsError,
    ApiError,
    Cause,
    ConflictError,
    InternalError,
)


def from_error(error: ApiError) -> dict[str, Any]:
    """The Status object that a server answers for `error`."""
    details: dict[str, Any] = dict(error.details)
    if error.causes:
        details["causes"] = [_cause_to_dict(cause) for cause in error.causes]
    status: dict[str, Any] = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": error.message,
    }
    if error.reason:
        status["reason"] = error.reason
    if details:
        status["details"] = details
    status["code"] = error.code
    return status


def to_error(status: Mapping[str, Any], *, code: int = 0) -> ApiError:
    """The error that a Status object (or any other failed answer) stands for.

    Args:
        status: the decoded body; need not be complete.
        code: HTTP status, used when the body does not say one.
    """
    code = int(status.get("code") or code or 500)
    reason = str(status.get("reason") or "")
    details = dict(status.get("details") or {})
    causes = [_cause_from_dict(cause) for cause in details.pop("causes", None) or ()]
    message = str(status.get("message") or f"the server answered {code}")
    cls = _error_class(code, reason)
    return cls(message, reason=reason or None, causes=causes, details=details)


def _error_class(code: int, reason: str) -> type[ApiError]:
    if code == ConflictError.code and reason == AlreadyExistsError.default_reason:
        return AlreadyExistsError
    return BY_CODE.get(code, InternalError)


def _cause_to_dict(cause: Cause) -> dict[str, str]:
    entry = {"reason": cause.reason, "message": cause.message}
    if cause.field:
        entry["field"] = cause.field
    return entry


def _cause_from_dict(entry: Mapping[str, Any]) -> Cause:
    return Cause(
        reason=str(entry.get("reason") or ""),
        message=str(entry.get("message") or ""),
        field=str(entry.get("field") or ""),
    )
