"""Problems of single fields, worded as kube-apiserver words them.

Schema validation makes them, the kube API's own checks of builtin kinds do too, and `invalid`
turns a list of them into the 422 answer.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from choreo_local.apimachinery import gotext
from choreo_local.apimachinery.gotext import quote as quote
from choreo_local.errors import Cause, InvalidError

INVALID = "FieldValueInvalid"
REQUIRED = "FieldValueRequired"
TYPE_INVALID = "FieldValueTypeInvalid"
NOT_SUPPORTED = "FieldValueNotSupported"
DUPLICATE = "FieldValueDuplicate"
FORBIDDEN = "FieldValueForbidden"
NOT_FOUND = "FieldValueNotFound"
TOO_LONG = "FieldValueTooLong"
TOO_MANY = "FieldValueTooMany"
INTERNAL = "InternalError"


@dataclass(frozen=True, slots=True)
class FieldError(Cause):
    """A cause that remembers what it was made of.

    Attributes:
        value: the offending value; OMITTED where it is not printed.
        detail: the sentence after the value.
    """

    value: Any = None
    detail: str = ""


class Omitted(enum.Enum):
    """The type of `OMITTED`, the value that is not printed."""

    OMITTED = "omitted"


OMITTED: Final = Omitted.OMITTED


def shown(value: Any) -> str:
    """A value as kube-apiserver prints it: texts quoted, structures as compact JSON."""
    match value:
        case str():
            return quote(value)
        case bool() | int() | float():
            return gotext.plain(value)
        case _:
            return gotext.to_json(value)


def invalid_value(field: str, value: Any, detail: str) -> FieldError:
    """The value is of the right type but not acceptable."""
    return _with_value(INVALID, "Invalid value", field, value, detail)


def type_invalid(field: str, value: Any, detail: str) -> FieldError:
    """The value is of the wrong type."""
    return _with_value(TYPE_INVALID, "Invalid value", field, value, detail)


def duplicate(field: str, value: Any) -> FieldError:
    """The value must be unique and is not."""
    return _with_value(DUPLICATE, "Duplicate value", field, value, "")


def not_found(field: str, value: Any) -> FieldError:
    """What the value refers to does not exist."""
    return _with_value(NOT_FOUND, "Not found", field, value, "")


def not_supported(field: str, value: Any, supported: Iterable[str]) -> FieldError:
    """The value is not one of a list; the list is printed in the order given."""
    quoted = [quote(one) for one in supported]
    detail = "supported values: " + ", ".join(quoted) if quoted else ""
    return _with_value(NOT_SUPPORTED, "Unsupported value", field, value, detail)


def required(field: str, detail: str = "") -> FieldError:
    """A value is needed."""
    return FieldError(REQUIRED, _join("Required value", detail), field, None, detail)


def forbidden(field: str, detail: str) -> FieldError:
    """A value must not be given."""
    return FieldError(FORBIDDEN, _join("Forbidden", detail), field, None, detail)


def too_long(field: str, max_bytes: int) -> FieldError:
    """The text is longer than allowed; it is not repeated."""
    detail = f"may not be more than {max_bytes} bytes" if max_bytes >= 0 else "value is too long"
    return FieldError(TOO_LONG, _join("Too long", detail), field, None, detail)


def too_many(field: str, actual: int, max_items: int) -> FieldError:
    """The list has more items than allowed."""
    detail = f"must have at most {max_items} item{'' if max_items == 1 else 's'}"
    if max_items < 0:
        detail = "has too many items"
    return FieldError(TOO_MANY, f"Too many: {actual}: {detail}", field, actual, detail)


def invalid(kind: str, name: str, errors: Sequence[Cause], *, group: str = "") -> InvalidError:
    """The 422 answer for an object with these problems."""
    texts = list(dict.fromkeys(f"{error.field}: {error.message}" for error in errors))
    summary = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    qualified = f"{kind}.{group}" if group else kind
    details = {"name": name, "group": group, "kind": kind}
    return InvalidError(
        f'{qualified} "{name}" is invalid: {summary}',
        causes=errors,
        details={key: value for key, value in details.items() if value},
    )


def _with_value(reason: str, title: str, field: str, value: Any, detail: str) -> FieldError:
    text = title if value is OMITTED else f"{title}: {shown(value)}"
    return FieldError(reason, _join(text, detail), field, value, detail)


def _join(text: str, detail: str) -> str:
    return f"{text}: {detail}" if detail else text
