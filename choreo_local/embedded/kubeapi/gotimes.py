"""Times and durations as Go reads and writes them, with its words for what it cannot read."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

_SECONDS = "2006-01-02T15:04:05Z07:00"
_MICROS = "2006-01-02T15:04:05.000000Z07:00"
# Element of the layout → what it matches. Go names the element that it could not read.
_ELEMENTS = (
    ("2006", r"\d{4}"),
    ("-", "-"),
    ("01", r"\d{2}"),
    ("-", "-"),
    ("02", r"\d{2}"),
    ("T", "T"),
    ("15", r"\d{2}"),
    (":", ":"),
    ("04", r"\d{2}"),
    (":", ":"),
    ("05", r"\d{2}"),
)
_ZONE = re.compile(r"Z|[+-]\d{2}:\d{2}")
_FRACTION = re.compile(r"[.,]\d+")
_UNITS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_PIECE = re.compile(r"(\d{0,20})(?:\.(\d{0,20}))?([^\d.]*)")
_LIMITS = (("month", 1, 12), ("day", 1, 31), ("hour", 0, 23), ("minute", 0, 59), ("second", 0, 59))


def time(text: str) -> str:
    """A `metav1.Time`: UTC, whole seconds; ValueError with Go's words."""
    return _parse(text, _SECONDS, micros=False).strftime("%Y-%m-%dT%H:%M:%SZ")


def micro_time(text: str) -> str:
    """A `metav1.MicroTime`: UTC, six digits of a second; ValueError with Go's words."""
    return _parse(text, _MICROS, micros=True).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def duration(text: str) -> str:
    """A length of time such as `1h30m`, written anew; ValueError with Go's words."""
    return write_duration(parse_duration(text))


def _parse(text: str, layout: str, *, micros: bool) -> datetime:
    rest, numbers = text, []
    for element, pattern in _ELEMENTS:
        matched = re.match(pattern, rest, re.ASCII)
        if matched is None:
            raise _unreadable(text, layout, rest, element)
        if pattern.startswith(r"\d"):
            numbers.append(int(matched[0]))
        rest = rest[matched.end() :]
    fraction = _FRACTION.match(rest)
    if micros:
        fraction = re.match(r"\.\d{6}(?!\d)", rest)
        if fraction is None:
            raise _unreadable(text, layout, rest, ".000000")
    digits = fraction[0][1:7].ljust(6, "0") if fraction else "0"
    rest = rest[fraction.end() :] if fraction else rest
    zone = _ZONE.match(rest)
    if zone is None:
        raise _unreadable(text, layout, rest, "Z07:00")
    if rest[zone.end() :]:
        raise ValueError(f'parsing time "{text}": extra text: "{rest[zone.end() :]}"')
    return _moment(text, numbers, int(digits), zone[0])


def _moment(text: str, numbers: list[int], micros: int, zone: str) -> datetime:
    for (name, low, high), number in zip(_LIMITS, numbers[1:], strict=True):
        if not low <= number <= high:
            raise ValueError(f'parsing time "{text}": {name} out of range')
    offset = timedelta()
    if zone != "Z":
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6]))
        offset = -offset if zone[0] == "-" else offset
    try:
        year, month, day, hour, minute, second = numbers
        zoned = datetime(year, month, day, hour, minute, second, micros, timezone(offset))
        return zoned.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f'parsing time "{text}": day out of range') from error


def _unreadable(text: str, layout: str, rest: str, element: str) -> ValueError:
    return ValueError(f'parsing time "{text}" as "{layout}": cannot parse "{rest}" as "{element}"')


def parse_duration(text: str) -> int:
    """The nanoseconds of a text such as `1h30m`; ValueError with Go's words."""
    body = text[1:] if text[:1] in ("-", "+") else text
    if body == "0":
        return 0
    if not body:
        raise ValueError(f'time: invalid duration "{text}"')
    total = 0
    while body:
        matched = _PIECE.match(body)
        if matched is None or not (matched[1] or matched[2]):
            raise ValueError(f'time: invalid duration "{text}"')
        if not matched[3]:
            raise ValueError(f'time: missing unit in duration "{text}"')
        unit = _UNITS.get(matched[3])
        if unit is None:
            raise ValueError(f'time: unknown unit "{matched[3]}" in duration "{text}"')
        fraction = matched[2] or ""
        total += int(matched[1] or "0") * unit + int(fraction or "0") * unit // 10 ** len(fraction)
        body = body[matched.end() :]
    if total >= 1 << 63:
        raise ValueError(f'time: invalid duration "{text}"')
    return -total if text[0] == "-" else total


def write_duration(nanoseconds: int) -> str:
    """As Go prints a duration: `1h30m0s`, `1.5s`, `250ms`."""
    if nanoseconds == 0:
        return "0s"
    sign, rest = ("-", -nanoseconds) if nanoseconds < 0 else ("", nanoseconds)
    for limit, unit, size in ((10**3, "ns", 1), (10**6, "µs", 10**3), (10**9, "ms", 10**6)):
        if rest < limit:
            return f"{sign}{_decimal(rest, size)}{unit}"
    hours, rest = divmod(rest, _UNITS["h"])
    minutes, rest = divmod(rest, _UNITS["m"])
    text = f"{_decimal(rest, 10**9)}s"
    if hours or minutes:
        text = f"{minutes}m{text}"
    if hours:
        text = f"{hours}h{text}"
    return sign + text


def _decimal(value: int, unit: int) -> str:
    whole, rest = divmod(value, unit)
    if not rest:
        return str(whole)
    places = len(str(unit)) - 1
    return f"{whole}.{rest:0{places}d}".rstrip("0")
