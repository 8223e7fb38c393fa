"""Schedules of cron jobs: `*/5 * * * *`, `@hourly`, `@every 1h30m`; worded as cron parsers do."""

from __future__ import annotations

import zoneinfo
from dataclasses import dataclass, field

import re2

_DESCRIPTORS = frozenset(
    {"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"}
)
_EVERY = "@every "
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_INTEGER = re2.compile(r"^[+-]?[0-9]+$")
_DURATION_PART = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h)"
_DURATION = re2.compile(rf"^[+-]?(?:0|(?:{_DURATION_PART})+)$")
_MAX_INTEGER = 2**63 - 1


@dataclass(frozen=True, slots=True)
class _Bounds:
    low: int
    high: int
    names: dict[str, int] = field(default_factory=dict)


_FIELDS = (
    _Bounds(0, 59),
    _Bounds(0, 23),
    _Bounds(1, 31),
    _Bounds(1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    _Bounds(0, 6, {name: number for number, name in enumerate(_DAYS)}),
)


def check(schedule: str) -> None:
    """Read a schedule; ValueError says what is wrong with it."""
    text = _without_zone(schedule)
    if text.startswith("@"):
        _check_descriptor(text)
        return
    found = text.split()
    if len(found) != len(_FIELDS):
        listed = " ".join(found)
        raise ValueError(f"expected exactly 5 fields, found {len(found)}: [{listed}]")
    for one, bounds in zip(found, _FIELDS, strict=True):
        for expression in filter(None, one.split(",")):
            _check_range(expression, bounds)


def _without_zone(schedule: str) -> str:
    if not schedule.startswith(("TZ=", "CRON_TZ=")):
        return schedule
    zone, space, rest = schedule.partition("=")[2].partition(" ")
    if not space:
        raise ValueError("invalid schedule format: runtime error: slice bounds out of range [:-1]")
    if zone and not is_known_zone(zone):
        raise ValueError(f"provided bad location {zone}: unknown time zone {zone}")
    return rest.strip()


def is_known_zone(name: str) -> bool:
    """Whether a time zone of that name exists."""
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _check_descriptor(text: str) -> None:
    if text in _DESCRIPTORS:
        return
    if not text.startswith(_EVERY):
        raise ValueError(f"unrecognized descriptor: {text}")
    duration = text[len(_EVERY) :]
    if _DURATION.match(duration) is None:
        raise ValueError(f'failed to parse duration {text}: time: invalid duration "{duration}"')


def _check_range(expression: str, bounds: _Bounds) -> None:
    limits, *steps = expression.split("/")
    low_text, *high_texts = limits.split("-")
    if low_text in ("*", "?"):
        low, high = bounds.low, bounds.high
    else:
        low = _number(low_text, bounds.names)
        if len(high_texts) > 1:
            raise ValueError(f"too many hyphens: {expression}")
        high = _number(high_texts[0], bounds.names) if high_texts else low
    if len(steps) > 1:
        raise ValueError(f"too many slashes: {expression}")
    step = _number(steps[0], {}) if steps else 1
    if steps and not high_texts:
        high = bounds.high
    _check_bounds(expression, bounds, (low, high, step))


def _check_bounds(expression: str, bounds: _Bounds, numbers: tuple[int, int, int]) -> None:
    low, high, step = numbers
    if low < bounds.low:
        raise ValueError(f"beginning of range ({low}) below minimum ({bounds.low}): {expression}")
    if high > bounds.high:
        raise ValueError(f"end of range ({high}) above maximum ({bounds.high}): {expression}")
    if low > high:
        raise ValueError(f"beginning of range ({low}) beyond end of range ({high}): {expression}")
    if step == 0:
        raise ValueError(f"step of range should be a positive number: {expression}")


def _number(text: str, names: dict[str, int]) -> int:
    named = names.get(text.lower())
    if named is not None:
        return named
    if _INTEGER.match(text) is None:
        raise ValueError(
            f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": invalid syntax'
        )
    number = int(text) if len(text) <= 20 else _MAX_INTEGER + 1
    if abs(number) > _MAX_INTEGER:
        raise ValueError(
            f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": value out of range'
        )
    if number < 0:
        raise ValueError(f"negative number ({number}) not allowed: {text}")
    return number
