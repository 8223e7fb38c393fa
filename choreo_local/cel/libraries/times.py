"""Timestamps and durations: conversions and getters; a part of the standard library."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from choreo_local.cel.declarations import Function, Overload
from choreo_local.cel.errors import EvaluationError
from choreo_local.cel.types import DURATION, INT, STRING, TIMESTAMP, Type
from choreo_local.cel.values import INT_MAX, NANOSECONDS, Duration, Timestamp

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d{1,2}):(\d\d):(\d\d)(?:[.,](\d+))?(?:(Z)|([+-])(\d\d):(\d\d))",
    re.ASCII,
)
_UNITS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": NANOSECONDS,
    "m": 60 * NANOSECONDS,
    "h": 3600 * NANOSECONDS,
}
_PART = re.compile(r"(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_OFFSET = re.compile(r"([+-]?)(\d{1,2}):(\d{2})", re.ASCII)
# Longer texts are read by no one else, and reading them takes long.
_LONGEST = 100


def timestamp_of_string(text: str) -> Timestamp:
    """`timestamp(string)`, RFC 3339 as Go reads it."""
    match = _RFC3339.fullmatch(text) if len(text) <= _LONGEST else None
    try:
        nanoseconds = None if match is None else _nanoseconds(match)
    except ValueError:
        nanoseconds = None
    if nanoseconds is None:
        raise EvaluationError("type conversion error from 'string' to 'google.protobuf.Timestamp'")
    return Timestamp.checked(nanoseconds)


def _nanoseconds(match: re.Match[str]) -> int:
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    fraction, zulu, sign, hours, minutes = match.groups()[6:]
    moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    offset = 0
    if not zulu:
        if int(hours) > 24 or int(minutes) > 60:
            raise ValueError("time zone offset out of range")
        offset = (int(hours) * 60 + int(minutes)) * 60 * (-1 if sign == "-" else 1)
    seconds = (moment - _EPOCH) // timedelta(seconds=1) - offset
    return seconds * NANOSECONDS + int((fraction or "0")[:9].ljust(9, "0"))


def timestamp_of_int(seconds: int) -> Timestamp:
    """`timestamp(int)`, seconds since 1970."""
    return Timestamp.checked(seconds * NANOSECONDS)


def int_of_timestamp(value: Timestamp) -> int:
    """`int(timestamp)`, seconds since 1970."""
    return value.nanoseconds // NANOSECONDS


def duration_of_string(text: str) -> Duration:
    """`duration(string)`, e.g. `1h30m`."""
    nanoseconds = _duration(text)
    if nanoseconds is None or abs(nanoseconds) > INT_MAX:
        raise EvaluationError("type conversion error from 'string' to 'google.protobuf.Duration'")
    return Duration(nanoseconds)


def _duration(text: str) -> int | None:
    if len(text) > _LONGEST:
        return None
    sign = -1 if text.startswith("-") else 1
    body = text[1:] if text[:1] in ("+", "-") else text
    if body == "0":
        return 0
    if not body:
        return None
    total, end = 0, 0
    while end < len(body):
        match = _PART.match(body, end)
        if match is None or not (match[1] or match[2]):
            return None
        whole, fraction = match[1] or "0", match[2] or ""
        unit = _UNITS[match[3]]
        total += int(whole) * unit
        total += int(fraction or "0") * unit // 10 ** len(fraction)
        end = match.end()
    return sign * total


def duration_of_int(nanoseconds: int) -> Duration:
    """`duration(int)`, nanoseconds."""
    return Duration(nanoseconds)


def int_of_duration(value: Duration) -> int:
    """`int(duration)`, nanoseconds."""
    return value.nanoseconds


@lru_cache(maxsize=256)
def _zone(name: str) -> tzinfo:
    match = _OFFSET.fullmatch(name)
    if match is not None:
        offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
        return timezone(-offset if match[1] == "-" else offset)
    if name in ("", "UTC"):
        return UTC
    try:
        if len(name) <= _LONGEST:
            return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        pass
    raise EvaluationError(f"unknown time zone {name}")


def _local(value: Timestamp, zone: str) -> datetime:
    try:
        return value.moment().astimezone(_zone(zone))
    except (OverflowError, ValueError):
        raise EvaluationError("timestamp overflow") from None


def _milliseconds(moment: datetime) -> int:
    return moment.microsecond // 1000


_PARTS: dict[str, Callable[[datetime], int]] = {
    "getDate": lambda moment: moment.day,
    "getDayOfMonth": lambda moment: moment.day - 1,
    "getDayOfWeek": lambda moment: moment.isoweekday() % 7,
    "getDayOfYear": lambda moment: moment.timetuple().tm_yday - 1,
    "getFullYear": lambda moment: moment.year,
    "getHours": lambda moment: moment.hour,
    "getMilliseconds": _milliseconds,
    "getMinutes": lambda moment: moment.minute,
    "getMonth": lambda moment: moment.month - 1,
    "getSeconds": lambda moment: moment.second,
}


def _whole(value: int, unit: int) -> int:
    """Division towards zero."""
    return value // unit if value >= 0 else -(-value // unit)


_LENGTHS: dict[str, Callable[[int], int]] = {
    "getHours": lambda value: _whole(value, 3600 * NANOSECONDS),
    "getMinutes": lambda value: _whole(value, 60 * NANOSECONDS),
    "getSeconds": lambda value: _whole(value, NANOSECONDS),
    "getMilliseconds": lambda value: _whole(value, 1_000_000),
}


def _getter(name: str, part: Callable[[datetime], int]) -> Function:
    def of_timestamp(value: Timestamp) -> int:
        return part(_local(value, "UTC"))

    def in_zone(value: Timestamp, zone: str) -> int:
        return part(_local(value, zone))

    overloads = [
        _method((TIMESTAMP,), of_timestamp),
        _method((TIMESTAMP, STRING), in_zone),
    ]
    length = _LENGTHS.get(name)
    if length is not None:
        measured = length

        def of_duration(value: Duration) -> int:
            return measured(value.nanoseconds)

        overloads.append(_method((DURATION,), of_duration))
    return Function(name, tuple(overloads))


def _method(arguments: tuple[Type, ...], implementation: Callable[..., Any]) -> Overload:
    return Overload(arguments, INT, implementation, member=True)


FUNCTIONS = tuple(_getter(name, part) for name, part in _PARTS.items())
