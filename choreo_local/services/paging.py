"""Cursors of lists: where the cluster's list goes on, and how much of that page was shown.

Who sees a part of a list must not learn from a cursor what else is there: theirs are sealed, and
only sealed ones are taken from them.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from choreo_local.errors import BadRequestError

# Tokens of clusters differ in length by the names in them; this hides most of that.
_SEALED_LENGTH = 512


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


class Form(Protocol):
    """How cursors are written."""

    def encode(self, cursor: Cursor) -> str:
        """The text that clients send back."""
        ...

    def decode(self, text: str) -> Cursor:
        """The place that a client's text means; BadRequestError when it is none of ours."""
        ...


class Plain:
    """Cursors that may be read."""

    def encode(self, cursor: Cursor) -> str:
        """The text that clients send back."""
        return encode(cursor)

    def decode(self, text: str) -> Cursor:
        """The place that a client's text means."""
        return decode(text)


class Sealed:
    """Cursors that say nothing to whom they are given, and that nobody else can make.

    They are good as long as the process lives; after that the list has to be read again.
    """

    def __init__(self) -> None:
        self._cipher = AESSIV(AESSIV.generate_key(256))

    def encode(self, cursor: Cursor) -> str:
        """The text that clients send back; of one length, for places in pages of one kind."""
        padded = encode(cursor).ljust(_SEALED_LENGTH)
        return _to_text(self._cipher.encrypt(padded.encode(), None))

    def decode(self, text: str) -> Cursor:
        """The place that a client's text means."""
        if not text:
            return START
        try:
            return decode(self._cipher.decrypt(_to_bytes(text), None).decode().rstrip())
        except (InvalidTag, ValueError) as error:
            raise unknown() from error


def encode(cursor: Cursor) -> str:
    """The text that clients send back."""
    text = json.dumps({"c": cursor.token, "s": cursor.skip}, separators=(",", ":"))
    return _to_text(text.encode())


def decode(text: str) -> Cursor:
    """The place that a client's text means.

    Raises BadRequestError where it means none.
    """
    if not text:
        return START
    try:
        content = json.loads(_to_bytes(text))
        token, skip = content["c"], content["s"]
    except (binascii.Error, ValueError, TypeError, KeyError, RecursionError) as error:
        raise unknown() from error
    if not isinstance(token, str) or not isinstance(skip, int) or skip < 0:
        raise unknown()
    return Cursor(token, skip)


def unknown() -> BadRequestError:
    """What is answered to a cursor that none of these is, or no longer."""
    return BadRequestError(
        "invalid cursor: it is too old or not one of this API",
        remedy="Read the list from its beginning, without a cursor",
    )


def _to_text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _to_bytes(text: str) -> bytes:
    """Raises ValueError when the text is none of `_to_text`."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
