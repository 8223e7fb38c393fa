"""The exception tree of the platform.

Every error knows what a front end needs: the HTTP status, the Kubernetes reason and the exit
code of the command. REST, kube API and CLI each have one place that turns these into words.

    ChoreoError
    ├── UsageError                 the command line or a configuration file is wrong
    ├── RefusedError               we could, but must not: confirmation missing, newer state, …
    ├── WaitTimeoutError           what was awaited did not happen in time
    ├── PreflightError             this machine lacks something; `remedy` says how to get it
    ├── UnreachableError           nothing answers at an address
    └── ApiError                   an answer of an HTTP API in the Kubernetes vocabulary
        ├── BadRequestError        400 BadRequest
        ├── UnauthorizedError      401 Unauthorized
        ├── ForbiddenError         403 Forbidden
        ├── NotFoundError          404 NotFound
        ├── MethodNotAllowedError  405 MethodNotAllowed
        ├── NotAcceptableError     406 NotAcceptable
        ├── ConflictError          409 Conflict
        │   └── AlreadyExistsError 409 AlreadyExists
        ├── ExpiredError           410 Expired
        ├── TooLargeError          413 RequestEntityTooLarge
        ├── UnsupportedMediaTypeError 415 UnsupportedMediaType
        ├── InvalidError           422 Invalid
        ├── TooManyRequestsError   429 TooManyRequests
        ├── InternalError          500 InternalError
        ├── ServiceUnavailableError 503 ServiceUnavailable
        └── TimeoutApiError        504 Timeout
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


class ChoreoError(Exception):
    """Root of everything we raise on purpose.

    Attributes:
        message: one line, `cannot <do what>: <detail>`.
        remedy: what to do next, when we know it.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class UsageError(ChoreoError):
    """The command line or a configuration file is wrong."""

    exit_code = 2


class RefusedError(ChoreoError):
    """The operation is possible but must not be done as things stand."""

    exit_code = 3


class WaitTimeoutError(ChoreoError):
    """What was awaited did not happen in time."""

    exit_code = 4


class PreflightError(ChoreoError):
    """This machine lacks something that the operation needs."""


class UnreachableError(ChoreoError):
    """Nothing answers at an address that should."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason of an invalid object, as in `Status.details.causes`."""

    reason: str
    message: str
    field: str = ""


class ApiError(ChoreoError):
    """A failure in the vocabulary of the Kubernetes API.

    Attributes:
        code: HTTP status.
        reason: machine-readable reason of the Status, may be empty.
        causes: details of an invalid object or of an apply conflict.
        details: further members of `Status.details` (name, group, kind, uid, retryAfterSeconds).
    """

    code: ClassVar[int] = 500
    default_reason: ClassVar[str] = ""

    def __init__(
        self,
        message: str,
        *,
        remedy: str = "",
        reason: str | None = None,
        causes: Sequence[Cause] = (),
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.reason = self.default_reason if reason is None else reason
        self.causes = tuple(causes)
        self.details = dict(details or {})


class BadRequestError(ApiError):
    """The request cannot be understood."""

    code = 400
    default_reason = "BadRequest"


class UnauthorizedError(ApiError):
    """The caller is not known."""

    code = 401
    default_reason = "Unauthorized"


class ForbiddenError(ApiError):
    """The caller is known but not allowed."""

    code = 403
    default_reason = "Forbidden"
    exit_code = 3


class NotFoundError(ApiError):
    """The named object or path does not exist."""

    code = 404
    default_reason = "NotFound"


class MethodNotAllowedError(ApiError):
    """The path exists but not for this verb."""

    code = 405
    default_reason = "MethodNotAllowed"


class NotAcceptableError(ApiError):
    """None of the representations asked for can be served."""

    code = 406
    default_reason = "NotAcceptable"


class ConflictError(ApiError):
    """The object changed meanwhile, or somebody else owns the field."""

    code = 409
    default_reason = "Conflict"


class AlreadyExistsError(ConflictError):
    """An object of that name exists."""

    default_reason = "AlreadyExists"


class ExpiredError(ApiError):
    """A resource version or continue token is too old; list again."""

    code = 410
    default_reason = "Expired"


class TooLargeError(ApiError):
    """The request body exceeds the limit."""

    code = 413
    default_reason = "RequestEntityTooLarge"


class UnsupportedMediaTypeError(ApiError):
    """The request body has a format that is not accepted here."""

    code = 415
    default_reason = "UnsupportedMediaType"


class InvalidError(ApiError):
    """The object violates its schema or a validation rule; `causes` says where."""

    code = 422
    default_reason = "Invalid"


class TooManyRequestsError(ApiError):
    """Try again later, e.g. an eviction that a disruption budget blocks."""

    code = 429
    default_reason = "TooManyRequests"


class InternalError(ApiError):
    """The server failed."""

    code = 500
    default_reason = "InternalError"


class ServiceUnavailableError(ApiError):
    """A part that the request needs does not answer at the moment."""

    code = 503
    default_reason = "ServiceUnavailable"


class TimeoutApiError(ApiError):
    """The server gave up waiting."""

    code = 504
    default_reason = "Timeout"
    exit_code = 4


BY_CODE: Mapping[int, type[ApiError]] = {
    cls.code: cls
    for cls in (
        BadRequestError,
        UnauthorizedError,
        ForbiddenError,
        NotFoundError,
        MethodNotAllowedError,
        NotAcceptableError,
        ConflictError,
        ExpiredError,
        TooLargeError,
        UnsupportedMediaTypeError,
        InvalidError,
        TooManyRequestsError,
        InternalError,
        ServiceUnavailableError,
        TimeoutApiError,
    )
}
