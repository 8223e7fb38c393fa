"""Ages as kubectl writes them: two units at most, the larger the coarser."""

from __future__ import annotations

from choreo_local import clock


def age(timestamp: str | None) -> str:
    """How long ago a time of a manifest was."""
    if not timestamp:
        return "<none>"
    return duration(clock.unix() - clock.parse_timestamp(timestamp).timestamp())


def duration(seconds: float) -> str:
    """A number of seconds as text, e.g. `90s`, `5m20s`, `3h`, `12d`."""
    total = max(int(seconds), 0)
    minutes, hours, days = total // 60, total // 3600, total // 86400
    if total < 120:
        return f"{total}s"
    if minutes < 10:
        return _joined(minutes, "m", total % 60, "s")
    if hours < 3:
        return f"{minutes}m"
    if hours < 8:
        return _joined(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return _joined(days, "d", hours % 24, "h")
    return f"{days}d" if days < 730 else f"{days // 365}y"


def _joined(large: int, unit: str, small: int, small_unit: str) -> str:
    return f"{large}{unit}{small}{small_unit}" if small else f"{large}{unit}"
