"""Values as text, the way the recorded pipeline prints them.

Interpolated strings, patch filters, resource hashes and error messages all depend on it. Used by
template, patches, hashing, validations and workflow.
"""

from __future__ import annotations

import base64
import json
import math
from typing import Any

from choreo_local.apimachinery import gotext
from choreo_local.cel import text
from choreo_local.cel.values import Uint

from .errors import RenderError
from .values import NullValue, Omit

_TYPE_NAMES: dict[type, str] = {
    type(None): "<nil>",
    bool: "bool",
    int: "int64",
    Uint: "uint64",
    float: "float64",
    str: "string",
    bytes: "[]uint8",
    NullValue: "structpb.NullValue",
    Omit: "*template.omitValue",
}

# Escaped in JSON text so that it can stand in a script element or in JavaScript source.
_ESCAPES = str.maketrans(
    {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
)


def type_name(value: Any) -> str:
    """The name of a value's type in error messages, e.g. `float64` or `[]interface {}`."""
    if isinstance(value, dict):
        return "map[string]interface {}"
    if isinstance(value, list):
        return "[]interface {}"
    return _TYPE_NAMES.get(type(value), type(value).__name__)


def number_text(value: float) -> str:
    """A double in its shortest form: `8080`, `0.5`, from 1e+06 and below 1e-04 with exponent."""
    if value.is_integer() and abs(value) < 1e6:
        return str(int(value)) if value or math.copysign(1, value) > 0 else "-0"
    return text.short_double_text(value)


def interpolated(value: Any) -> str:
    """A value inside a longer string: text and numbers plain, everything else as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return number_text(value)
    try:
        return json_text(value)
    except RenderError:
        # Infinities have no JSON form.
        return plain_text(value)


def plain_text(value: Any) -> str:
    """A value as Go's `%v` prints it: `map[a:1 b:[x y]]`, `<nil>`, `true`."""
    if isinstance(value, str):
        return value
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return number_text(value)
    if isinstance(value, NullValue):
        return "NULL_VALUE"
    if isinstance(value, dict):
        return f"map[{' '.join(f'{k}:{plain_text(value[k])}' for k in sorted(value))}]"
    if isinstance(value, list):
        return f"[{' '.join(map(plain_text, value))}]"
    if isinstance(value, Omit):
        return "&{}"
    return str(value)


def json_text(value: Any) -> str:
    """Compact JSON with sorted keys, as the recorded pipeline embeds it into strings."""
    if isinstance(value, dict):
        inner = ",".join(f"{_json_string(k)}:{json_text(value[k])}" for k in sorted(value))
        return f"{{{inner}}}"
    if isinstance(value, list):
        return f"[{','.join(map(json_text, value))}]"
    if isinstance(value, str):
        return _json_string(value)
    if isinstance(value, float):
        return json_number_text(value)
    if value is None or isinstance(value, bool):
        return "null" if value is None else plain_text(value)
    if isinstance(value, int):
        return str(int(value))
    return f'"{base64.b64encode(value).decode()}"' if isinstance(value, bytes) else "{}"


def json_number_text(value: float) -> str:
    """A double in JSON: plain digits from 1e-6 up to 1e21, an exponent beyond.

    Raises:
        RenderError: infinities and NaN have no JSON form.
    """
    if not math.isfinite(value):
        raise RenderError(f"json: unsupported value: {number_text(value)}")
    if value == 0 or 1e-6 <= abs(value) < 1e21:
        return text.plain_double_text(value)
    # An exponent of one digit is written without a leading zero.
    return text.short_double_text(value).replace("e-0", "e-")


def quoted(plain: str) -> str:
    """A text in double quotes with Go's escapes, as `%q` writes it."""
    return gotext.quote(plain)


def _json_string(plain: str) -> str:
    return json.dumps(plain, ensure_ascii=False).translate(_ESCAPES)
