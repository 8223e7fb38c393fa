"""Cursors of lists: where the cluster's list goes on, and how much of that page was shown; pure."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass

from choreo_local.errors import InternalError


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a list.

    Attributes:
        token: the cluster's own token of the page, "" for the first one.
        skip: how many of its items were shown already.
    """

    token: str = ""
    skip: int = 0


START = Cursor()


def encode(cursor: Cursor) -> str:
    """The text that clients send back."""
    text = json.dumps({"c": cursor.token, "s": cursor.skip}, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(text: str) -> Cursor:
    """The place that a client's text means.

    Raises InternalError, as upstream answers a text that it did not make itself.
    """
    if not text:
        return START
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        content = json.loads(data)
        token, skip = content["c"], content["s"]
    except (binascii.Error, ValueError, TypeError, KeyError, RecursionError) as error:
        raise InternalError("the cursor is not one of this API") from error
    if not isinstance(token, str) or not isinstance(skip, int) or skip < 0:
        raise InternalError("the cursor is not one of this API")
    return Cursor(token, skip)
