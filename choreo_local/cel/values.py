"""How values of expressions look in Python: in variables, in functions of callers, in results.

| type | in Python |
| --- | --- |
| int, uint | `int` in the range of 64 bits, `Uint` |
| double | `float` (callers convert: JSON numbers are doubles, also the whole ones) |
| bool, string, bytes, null | `bool`, `str`, `bytes`, `None` |
| list, map | `list`, `dict`; a key that is a bool is a `BoolKey`, as Python takes `True` for `1` |
| timestamp, duration | `Timestamp`, `Duration`: whole nanoseconds |
| optional | `Optional` |
| type | `TypeValue` |
| anything else | an object with a class attribute `cel_type`, its type's name |

Lists and maps are never changed once made: results may share parts with the variables.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, ClassVar

from choreo_local.cel.errors import EvaluationError
from choreo_local.cel.text import plain_double_text, short_double_text

INT_MIN = -(2**63)
INT_MAX = 2**63 - 1
UINT_MAX = 2**64 - 1

NANOSECONDS = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# 0001-01-01T00:00:00Z and 9999-12-31T23:59:59.999999999Z.
TIMESTAMP_MIN = -62_135_596_800 * NANOSECONDS
TIMESTAMP_MAX = 253_402_300_800 * NANOSECONDS - 1


class Uint(int):
    """An unsigned integer; counts and compares as an `int`, but its type is another."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"{int(self)}u"


class BoolKey(Enum):
    """A bool as the key of a map."""

    FALSE = False
    TRUE = True


@dataclass(frozen=True, slots=True, order=True)
class Timestamp:
    """A point in time, in nanoseconds since 1970."""

    cel_type: ClassVar[str] = "google.protobuf.Timestamp"
    nanoseconds: int

    @classmethod
    def checked(cls, nanoseconds: int) -> Timestamp:
        """A timestamp in the years 1 to 9999."""
        if not TIMESTAMP_MIN <= nanoseconds <= TIMESTAMP_MAX:
            raise EvaluationError("timestamp overflow")
        return cls(nanoseconds)

    def moment(self) -> datetime:
        """To the microsecond."""
        return _EPOCH + timedelta(microseconds=self.nanoseconds // 1000)

    def __str__(self) -> str:
        moment = self.moment()
        fraction = f"{self.nanoseconds % NANOSECONDS:09d}".rstrip("0")
        dot = "." if fraction else ""
        return f"{moment.year:04d}-{moment:%m-%dT%H:%M:%S}{dot}{fraction}Z"


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    """A length of time, in nanoseconds."""

    cel_type: ClassVar[str] = "google.protobuf.Duration"
    nanoseconds: int

    @classmethod
    def checked(cls, nanoseconds: int) -> Duration:
        """A duration whose nanoseconds fit 64 bits."""
        if not INT_MIN <= nanoseconds <= INT_MAX:
            raise EvaluationError("duration overflow")
        return cls(nanoseconds)

    def __str__(self) -> str:
        # By way of a double, as elsewhere: digits beyond it are lost.
        seconds, rest = divmod(abs(self.nanoseconds), NANOSECONDS)
        length = seconds + rest / NANOSECONDS
        return f"{plain_double_text(-length if self.nanoseconds < 0 else length)}s"


@dataclass(frozen=True, slots=True)
class TypeValue:
    """The type of a value, itself a value."""

    cel_type: ClassVar[str] = "type"
    name: str


class Optional:
    """A value that may be absent; `NONE` is the absent one."""

    __slots__ = ("_content", "present")
    cel_type: ClassVar[str] = "optional_type"

    def __init__(self, content: Any, *, present: bool = True) -> None:
        self._content = content
        self.present = present

    @property
    def value(self) -> Any:
        """The content; an absent one has none."""
        if not self.present:
            raise EvaluationError("optional.none() dereference")
        return self._content

    def __repr__(self) -> str:
        return f"optional.of({self._content!r})" if self.present else "optional.none()"


NONE = Optional(None, present=False)

_NAMES: dict[type, str] = {
    int: "int",
    Uint: "uint",
    float: "double",
    bool: "bool",
    str: "string",
    bytes: "bytes",
    type(None): "null_type",
    list: "list",
    dict: "map",
    BoolKey: "bool",
}


def type_name(value: Any) -> str:
    """The name of a value's type, as `type(value)` gives it and as messages show it."""
    known = _NAMES.get(type(value))
    if known is not None:
        return known
    named = getattr(value, "cel_type", None)
    if isinstance(named, str):
        return named
    for base, name in _NAMES.items():
        if isinstance(value, base):
            return name
    return type(value).__name__


def as_key(value: Any) -> Any:
    """A value as a key of a `dict`."""
    if value is True:
        return BoolKey.TRUE
    if value is False:
        return BoolKey.FALSE
    return value


def from_key(key: Any) -> Any:
    """The value that a key of a `dict` stands for."""
    return key.value if type(key) is BoolKey else key


def keys(mapping: dict[Any, Any]) -> list[Any]:
    """The keys of a map as values."""
    return [key.value if type(key) is BoolKey else key for key in mapping]


def shown(value: Any) -> str:
    """A value inside a message."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, float):
        return short_double_text(value)
    if isinstance(value, int):
        return str(int(value))
    return type_name(value)
