"""Bodies of the OpenChoreo REST API that its server and its client share: errors, lists, metadata.

The bodies of objects are those of `v1alpha1`, with `ApiMetadata` in place of the full metadata.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from pydantic import Field

from choreo_local.api.schema import Model

DEFAULT_LIMIT: Final = 20
MAX_LIMIT: Final = 100
# What the API shows and accepts of an object's metadata; the rest stays inside.
METADATA_FIELDS: Final = (
    "name",
    "namespace",
    "uid",
    "labels",
    "annotations",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)


class ErrorCode(StrEnum):
    """`code` of an error body."""

    BAD_REQUEST = "BAD_REQUEST"
    UNAUTHORIZED = "UNAUTHORIZED"
    FORBIDDEN = "FORBIDDEN"
    NOT_FOUND = "NOT_FOUND"
    CONFLICT = "CONFLICT"
    UNPROCESSABLE_CONTENT = "UNPROCESSABLE_CONTENT"
    INTERNAL_ERROR = "INTERNAL_ERROR"
    NOT_IMPLEMENTED = "NOT_IMPLEMENTED"
    UNKNOWN_GIT_PROVIDER = "UNKNOWN_GIT_PROVIDER"


HTTP_STATUS: Mapping[ErrorCode, int] = MappingProxyType(
    {
        ErrorCode.BAD_REQUEST: 400,
        ErrorCode.UNAUTHORIZED: 401,
        ErrorCode.FORBIDDEN: 403,
        ErrorCode.NOT_FOUND: 404,
        ErrorCode.CONFLICT: 409,
        ErrorCode.UNPROCESSABLE_CONTENT: 422,
        ErrorCode.INTERNAL_ERROR: 500,
        ErrorCode.NOT_IMPLEMENTED: 501,
        ErrorCode.UNKNOWN_GIT_PROVIDER: 400,
    }
)


class TokenErrorCode(StrEnum):
    """`error` of the body that answers a request whose token does not do."""

    MISSING_TOKEN = "MISSING_TOKEN"
    INVALID_TOKEN = "INVALID_TOKEN"
    INVALID_CLAIMS = "INVALID_CLAIMS"
    INTERNAL_ERROR = "INTERNAL_ERROR"
    AUTHORIZATION_FAILED = "AUTHORIZATION_FAILED"


class FieldProblem(Model):
    """What is wrong with one field of a request."""

    field: str | None = Field(None, description="Path of the field.")
    message: str | None = Field(None, description="What is wrong with it.")


class ErrorResponse(Model):
    """The body of every failed request that reached the API."""

    error: str = Field(description="What failed, for a person.")
    code: ErrorCode = Field(description="What failed, for a program.")
    details: list[FieldProblem] | None = Field(None, description="Problems of single fields.")


class TokenErrorResponse(Model):
    """The body of a request that was stopped before it reached the API."""

    error: TokenErrorCode = Field(description="What failed, for a program.")
    message: str = Field(description="What failed, for a person.")


class Pagination(Model):
    """Where a list goes on."""

    next_cursor: str | None = Field(
        None, description="Value of `cursor` for the next page; absent on the last one."
    )
    remaining_count: int | None = Field(
        None, description="About how many items follow, where that is known."
    )


class ListResponse(Model):
    """A page of objects."""

    items: list[dict[str, Any]] = Field(
        default_factory=list, description="The objects of this page."
    )
    pagination: Pagination = Field(
        default_factory=Pagination, description="Where the list goes on."
    )


class ApiMetadata(Model):
    """What the API shows of an object's metadata."""

    name: str = Field(description="Name of the object.")
    namespace: str | None = Field(None, description="Namespace of the object.")
    uid: str | None = Field(None, description="Identity of the object, never used again.")
    labels: dict[str, str] | None = Field(None, description="Labels.")
    annotations: dict[str, str] | None = Field(None, description="Annotations.")
    creation_timestamp: str | None = Field(None, description="When it was created.")
    deletion_timestamp: str | None = Field(None, description="When its deletion was asked for.")
    deletion_grace_period_seconds: int | None = Field(
        None, description="How long the deletion may take."
    )


def page_size(limit: int | None) -> int:
    """The number of items a page has; what is asked for beyond the bounds is not refused."""
    return DEFAULT_LIMIT if limit is None else min(max(limit, 1), MAX_LIMIT)


def shown_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The part of an object's metadata that the API shows."""
    return {key: metadata[key] for key in METADATA_FIELDS if key in metadata}
