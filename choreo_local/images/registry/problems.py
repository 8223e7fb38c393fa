"""Errors in the words of the distribution specification. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from choreo_local.errors import ChoreoError

# code → HTTP status
STATUS: Mapping[str, int] = {
    "BLOB_UNKNOWN": 404,
    "BLOB_UPLOAD_INVALID": 416,
    "BLOB_UPLOAD_UNKNOWN": 404,
    "DENIED": 403,
    "DIGEST_INVALID": 400,
    "MANIFEST_BLOB_UNKNOWN": 400,
    "MANIFEST_INVALID": 400,
    "MANIFEST_UNKNOWN": 404,
    "NAME_INVALID": 400,
    "NAME_UNKNOWN": 404,
    "PAGINATION_NUMBER_INVALID": 400,
    "SIZE_INVALID": 413,
    "TAG_INVALID": 400,
    "TOOMANYREQUESTS": 429,
    "UNKNOWN": 500,
    "UNSUPPORTED": 405,
}


class RegistryProblem(ChoreoError):
    """A request that is refused.

    Attributes:
        code: of the specification.
        status: of the HTTP answer.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        detail: Any = None,
        status: int = 0,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = status or STATUS[code]
        self.detail = detail
        self.headers = dict(headers or {})

    def body(self) -> dict[str, Any]:
        """The answer."""
        entry = {"code": self.code, "message": self.message, "detail": self.detail}
        return {"errors": [{key: value for key, value in entry.items() if value is not None}]}
