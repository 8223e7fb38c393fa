"""`base64.encode` and `base64.decode`."""

from __future__ import annotations

import base64
import binascii
import re

from choreo_local.cel.declarations import Library
from choreo_local.cel.errors import EvaluationError
from choreo_local.cel.libraries.declaring import functions, size_weight
from choreo_local.cel.types import BYTES, STRING

_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/]")


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _decode(text: str) -> bytes:
    """Padding may be there or not; line ends do not count."""
    body = text.replace("\n", "").replace("\r", "")
    stripped = body.rstrip("=")
    padding = len(body) - len(stripped)
    wrong = _NOT_BASE64.search(stripped)
    if wrong is not None:
        raise _illegal(wrong.start())
    if len(stripped) % 4 == 1 or (padding and (len(body) % 4 or padding > 2)):
        raise _illegal(len(stripped))
    try:
        return base64.b64decode(stripped + "=" * (-len(stripped) % 4))
    except binascii.Error:
        raise _illegal(len(stripped)) from None


def _illegal(position: int) -> EvaluationError:
    return EvaluationError(f"illegal base64 data at input byte {position}")


LIBRARY = Library(
    "encoders",
    functions=(
        functions("base64.decode", ((STRING,), BYTES, _decode), weight=size_weight),
        functions("base64.encode", ((BYTES,), STRING, _encode), weight=size_weight),
    ),
)
