"""Answers to the AdmissionReviews of an API server; pure.

Public: `detailed(review, answer)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from choreo_local.errors import ApiError

from . import reading, registry


def detailed(review: Mapping[str, Any], answer: Mapping[str, Any]) -> dict[str, Any]:
    """A refusing answer with what a program reads: the reason, and each field's cause.

    Args:
        review: the AdmissionReview that was sent.
        answer: of a framework that knows no more than a message and a code.
    """
    response = answer.get("response")
    if not isinstance(response, Mapping) or response.get("allowed"):
        return dict(answer)
    error = _refusal(reading.member(review, "request"))
    if error is None:
        return dict(answer)
    status = {
        **(response.get("status") or {}),
        "reason": error.reason,
        "details": {
            **error.details,
            "causes": [
                {"reason": cause.reason, "message": cause.message, "field": cause.field}
                for cause in error.causes
            ],
        },
    }
    return {**answer, "response": {**response, "status": status}}


def _refusal(request: Any) -> ApiError | None:
    """Why the object of a request is refused; None when it is not, or not by a validator."""
    kind = reading.text(reading.member(request, "kind", "kind"))
    obj = reading.member(request, "object")
    if not isinstance(obj, dict):
        return None
    operation = reading.text(reading.member(request, "operation"))
    try:
        found = registry.review(operation, kind, obj, reading.member(request, "oldObject"))
    except ApiError as error:
        return error
    return registry.refusal(kind, obj, found.causes) if found.causes else None
