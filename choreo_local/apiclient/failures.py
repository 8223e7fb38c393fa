"""Answers of our HTTP APIs that are errors, as exceptions; pure."""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any

from choreo_local.errors import (
    BY_CODE,
    AlreadyExistsError,
    Cause,
    ChoreoError,
    InternalError,
    RefusedError,
)

# `reason` of an answer that our own paths give when something is possible but must not be done.
REFUSED = "Refused"
# Header of answers that forbid something: the action and the scope that the caller lacks.
MISSING_PERMISSION = "Choreo-Missing-Permission"
_TOKEN_REMEDY = "Log in again, or take the token of the running instance: choreo env --shell sh"


def from_answer(status: int, body: bytes, *, missing: str = "") -> ChoreoError:
    """The error that a failed answer stands for.

    `missing` is the permission that the answer says was missing: action and scope.
    """
    content = _decoded(body)
    message = str(content.get("error") or "") or _text(body) or f"the API answered {status}"
    remedy = str(content.get("remedy") or "")
    if status == 401:
        message = str(content.get("message") or message)
        remedy = remedy or _TOKEN_REMEDY
    if missing:
        action, _, scope = urllib.parse.unquote(missing).partition(" ")
        message = f"{message}: missing {action} on {scope}"
        remedy = remedy or f"See why: choreo auth why-denied {action}"
    reason = str(content.get("reason") or "")
    if reason == REFUSED:
        return RefusedError(message, remedy=remedy)
    cls = BY_CODE.get(status, InternalError)
    if status == 409 and (reason == "AlreadyExists" or message.endswith("already exists")):
        cls = AlreadyExistsError
    return cls(message, remedy=remedy, reason=reason or None, causes=_causes(content))


def _decoded(body: bytes) -> Mapping[str, Any]:
    try:
        content = json.loads(body)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _text(body: bytes) -> str:
    return body[:500].decode(errors="replace").strip()


def _causes(content: Mapping[str, Any]) -> list[Cause]:
    entries = content.get("causes") or content.get("details") or ()
    if not isinstance(entries, Sequence):
        return []
    return [
        Cause(
            reason=str(entry.get("reason") or ""),
            message=str(entry.get("message") or ""),
            field=str(entry.get("field") or ""),
        )
        for entry in entries
        if isinstance(entry, dict)
    ]
