"""Refusals of the kube API, worded as clients of Kubernetes know them, and their Status bodies."""

from __future__ import annotations

from typing import Any

import orjson

from choreo_local.apimachinery import fielderrors
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.embedded.kubeapi.messages import Response
from choreo_local.errors import (
    AlreadyExistsError,
    ApiError,
    BadRequestError,
    Cause,
    ConflictError,
    ExpiredError,
    ForbiddenError,
    InternalError,
    MethodNotAllowedError,
    NotFoundError,
    UnsupportedMediaTypeError,
)

# An answer that is not about an object has `details: {}`, other errors have no details at all. An
# empty name stands for the former: it is left out of the body, but makes the details present.
GENERIC = {"name": ""}

MODIFIED = (
    "the object has been modified; please apply your changes to the latest version and try again"
)


class ExpiredPageError(ExpiredError):
    """The rest of a list is no longer known as it was when the list began.

    Attributes:
        token: with which to go on nevertheless.
    """

    def __init__(self, message: str, token: str) -> None:
        super().__init__(message)
        self.token = token


def expired_page(token: str) -> ExpiredError:
    """The refusal of a page that is asked for too late."""
    return ExpiredPageError(
        "The provided continue parameter is too old to display a consistent list result. You can"
        " start a new list without the continue parameter, or use the continue token in this"
        " response to retrieve the remainder of the results. Continuing with the provided token"
        " results in an inconsistent list - objects that were created, modified, or deleted"
        " between the time the first chunk was returned and now may show up in the list.",
        token,
    )


def expired_list() -> ExpiredError:
    """The refusal of a list of a revision that is no longer known."""
    return ExpiredError("The resourceVersion for the provided list is too old.")


def to_status(error: ApiError) -> dict[str, Any]:
    """The Status of a failure."""
    token = error.token if isinstance(error, ExpiredPageError) else ""
    status: dict[str, Any] = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {"continue": token} if token else {},
        "status": "Failure",
        "message": error.message,
    }
    if error.reason:
        status["reason"] = error.reason
    if error.details or error.causes:
        details = {key: value for key, value in error.details.items() if value}
        if error.causes:
            details["causes"] = [
                {
                    key: value
                    for key, value in (
                        ("reason", cause.reason),
                        ("message", cause.message),
                        ("field", cause.field),
                    )
                    if value
                }
                for cause in error.causes
            ]
        status["details"] = details
    status["code"] = error.code
    return status


def to_response(error: ApiError) -> Response:
    """The answer for a failure."""
    response = Response(error.code, orjson.dumps(to_status(error)) + b"\n")
    seconds = error.details.get("retryAfterSeconds")
    if seconds:
        response.headers.append(("Retry-After", str(seconds)))
    return response


def identify(kind: ResourceKind, name: str) -> dict[str, str]:
    """The details that say which object an error is about."""
    return {"name": name, "group": kind.group, "kind": kind.plural}


def quote(name: str) -> str:
    """A name as Go's `%q` prints it."""
    if name.isprintable() and '"' not in name and "\\" not in name:
        return f'"{name}"'
    escapes = {"\n": "\\n", "\t": "\\t", "\r": "\\r", '"': '\\"', "\\": "\\\\"}
    shown = (
        escapes.get(char, char if char.isprintable() else f"\\x{ord(char):02x}")
        if ord(char) < 0x80
        else char
        for char in name
    )
    return f'"{"".join(shown)}"'


def not_found(kind: ResourceKind, name: str) -> NotFoundError:
    """The object does not exist."""
    message = f"{kind.group_resource} {quote(name)} not found"
    return NotFoundError(message, details=identify(kind, name))


class PlainNotFoundError(NotFoundError):
    """No such path: the answer is plain text."""


def plain_not_found() -> NotFoundError:
    """No such path."""
    return PlainNotFoundError("404 page not found")


def unknown_resource() -> NotFoundError:
    """No such group, version, resource or subresource."""
    return NotFoundError("the server could not find the requested resource", details=GENERIC)


def method_not_allowed() -> MethodNotAllowedError:
    """The resource does not have this verb."""
    return MethodNotAllowedError(
        "the server does not allow this method on the requested resource", details=GENERIC
    )


def already_exists(kind: ResourceKind, name: str, *, going: bool = False) -> AlreadyExistsError:
    """The name is taken, perhaps by an object under deletion."""
    message = f'{kind.group_resource} "{name}" already exists'
    if going:
        message = f"object is being deleted: {message}"
    return AlreadyExistsError(message, details=identify(kind, name))


def conflict(kind: ResourceKind, name: str, why: str = MODIFIED) -> ConflictError:
    """The object is not in the state that the writer expected."""
    message = f'Operation cannot be fulfilled on {kind.group_resource} "{name}": {why}'
    return ConflictError(message, details=identify(kind, name))


def forbidden(kind: ResourceKind, name: str, why: str) -> ForbiddenError:
    """Admission refuses the object."""
    quoted = f' "{name}"' if name else ""
    message = f"{kind.group_resource}{quoted} is forbidden: {why}"
    return ForbiddenError(message, details=identify(kind, name))


def terminating_definition(kind: ResourceKind, name: str) -> ForbiddenError:
    """The definition of a custom resource is being deleted."""
    return forbidden(
        kind, name, "create not allowed while custom resource definition is terminating"
    )


def revision_required(kind: ResourceKind, name: str) -> ApiError:
    """An update of a custom resource must say which revision it replaces."""
    cause = fielderrors.invalid_value(
        "metadata.resourceVersion", 0, "must be specified for an update"
    )
    return fielderrors.invalid(kind.plural, name, [cause], group=kind.group)


def internal(why: str) -> InternalError:
    """Something inside failed; the text is for the operator of the server."""
    return InternalError(f"Internal error occurred: {why}", causes=[Cause("", why)])


def plain_internal(message: str) -> InternalError:
    """A failure that upstream reports without a reason."""
    return InternalError(message, reason="")


def bad_request(message: str) -> BadRequestError:
    """The request cannot be understood."""
    return BadRequestError(message)


def unknown_body_format(*accepted: str) -> UnsupportedMediaTypeError:
    """The body has a content type that cannot be read here."""
    return UnsupportedMediaTypeError(
        "the body of the request was in an unknown format - accepted media types include: "
        + ", ".join(accepted)
    )
