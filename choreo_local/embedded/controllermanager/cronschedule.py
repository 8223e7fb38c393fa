"""Cron schedules as Kubernetes has them: five fields or a descriptor, in a time zone. Pure.

Own code, as the libraries accept more than Kubernetes does (seconds, `L`, `#`, random values) and
move differently over the change of daylight saving time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_DESCRIPTORS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_UNITS = {"h": 3600, "m": 60, "s": 1}
_YEARS_AHEAD = 5


class ScheduleError(ValueError):
    """A schedule or time zone cannot be read; the text says why."""


class ZoneError(ScheduleError):
    """There is no such time zone on this machine."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """When to start.

    Attributes:
        every: a fixed interval in seconds, from the last start; 0 for a calendar schedule.
        any_day: whether the day of the month, or that of the week, is `*`; then both must match,
            otherwise one of them suffices.
    """

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    zone: ZoneInfo | None = None
    every: int = 0

    def next_after(self, moment: datetime) -> datetime | None:
        """The first start after a moment; None when there is none within five years."""
        if self.every:
            return moment.replace(microsecond=0) + timedelta(seconds=self.every)
        local = moment.astimezone(self.zone or UTC)
        candidate = local.replace(second=0, microsecond=0, tzinfo=None) + timedelta(minutes=1)
        last = candidate.year + _YEARS_AHEAD
        while candidate.year <= last:
            moved = self._skip(candidate)
            if moved is not None:
                candidate = moved
                continue
            found = self._absolute(candidate)
            # A time that the clocks jump over does not exist; one that they repeat comes once.
            if found is not None and found > moment:
                return found
            candidate += timedelta(minutes=1)
        return None

    def _skip(self, candidate: datetime) -> datetime | None:
        """The next time worth looking at; None when the candidate fits."""
        if candidate.month not in self.months:
            first = candidate.replace(day=1, hour=0, minute=0)
            return (first + timedelta(days=32)).replace(day=1)
        if not self._is_day(candidate):
            return candidate.replace(hour=0, minute=0) + timedelta(days=1)
        if candidate.hour not in self.hours:
            return candidate.replace(minute=0) + timedelta(hours=1)
        if candidate.minute not in self.minutes:
            return candidate + timedelta(minutes=1)
        return None

    def _is_day(self, candidate: datetime) -> bool:
        month_day = candidate.day in self.days
        week_day = candidate.isoweekday() % 7 in self.weekdays
        return month_day and week_day if self.any_day else month_day or week_day

    def _absolute(self, candidate: datetime) -> datetime | None:
        zone = self.zone or UTC
        moment = candidate.replace(tzinfo=zone).astimezone(UTC)
        exists = moment.astimezone(zone).replace(tzinfo=None) == candidate
        return moment if exists else None


def parse(text: str, time_zone: str | None = None) -> Schedule:
    """Read a schedule; a `TZ=` or `CRON_TZ=` prefix counts where no time zone is given."""
    text = text.strip()
    prefix, _, rest = text.partition(" ")
    name, _, value = prefix.partition("=")
    if name in ("TZ", "CRON_TZ"):
        text, time_zone = rest.strip(), time_zone or value
    zone = _zone(time_zone)
    if text.startswith("@every "):
        return Schedule(*(frozenset[int](),) * 5, any_day=True, every=_interval(text[7:].strip()))
    if text.startswith("@"):
        if text not in _DESCRIPTORS:
            raise ScheduleError(f"unrecognized descriptor: {text}")
        text = _DESCRIPTORS[text]
    fields = text.split()
    if len(fields) != 5:
        raise ScheduleError(f"expected exactly 5 fields, found {len(fields)}: {fields}")
    minutes, hours, days, months, weekdays = fields
    return Schedule(
        minutes=_field(minutes, 0, 59),
        hours=_field(hours, 0, 23),
        days=_field(days, 1, 31),
        months=_field(months, 1, 12, _MONTHS),
        weekdays=_field(weekdays, 0, 6, _DAYS),
        any_day=_is_star(days) or _is_star(weekdays),
        zone=zone,
    )


def _zone(name: str | None) -> ZoneInfo | None:
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ZoneError(f"unknown time zone {name}") from None


def _is_star(field: str) -> bool:
    return any(part.partition("/")[0] in ("*", "?") for part in field.split(","))


def _field(text: str, low: int, high: int, names: Iterable[str] = ()) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        found.update(_part(part, low, high, list(names)))
    return frozenset(found)


def _part(text: str, low: int, high: int, names: list[str]) -> range:
    span, slash, step_text = text.partition("/")
    step = _number(step_text, [], 1) if slash else 1
    if step < 1:
        raise ScheduleError(f"step of range should be a positive number: {text}")
    if span in ("*", "?"):
        return range(low, high + 1, step)
    first_text, dash, last_text = span.partition("-")
    first = _number(first_text, names, low)
    last = _number(last_text, names, low) if dash else (high if slash else first)
    if first < low or last > high:
        raise ScheduleError(f"{text} is not within {low}-{high}")
    if first > last:
        raise ScheduleError(f"beginning of range ({first}) beyond end of range ({last}): {text}")
    return range(first, last + 1, step)


def _number(text: str, names: list[str], base: int) -> int:
    if text.lower() in names:
        return names.index(text.lower()) + base
    if not (text.isascii() and text.isdecimal()) or len(text) > 4:
        raise ScheduleError(f"failed to parse int from {text}")
    return int(text)


def _interval(text: str) -> int:
    total, digits = 0, ""
    for char in text:
        if char.isdecimal() and len(digits) < 9:
            digits += char
        elif char in _UNITS and digits:
            total, digits = total + int(digits) * _UNITS[char], ""
        else:
            raise ScheduleError(f"failed to parse duration {text}")
    if digits or not total:
        raise ScheduleError(f"failed to parse duration {text}")
    return total
