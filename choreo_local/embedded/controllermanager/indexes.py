"""Sets of completion indexes as Jobs write them: `1,3-5`. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

_LONGEST = 1_000_000


def parse(text: str | None, limit: int) -> set[int]:
    """The indexes below `limit` in a text; what cannot be read is left out."""
    found: set[int] = set()
    for part in (text or "").split(","):
        first, _, last = part.partition("-")
        if first.isdecimal() and (not last or last.isdecimal()):
            end = min(int(last or first) + 1, limit, _LONGEST)
            found.update(range(int(first), end))
    return found


def text_of(indexes: Iterable[int]) -> str:
    """Indexes with runs of three and more as ranges, pairs one by one."""
    return ",".join(_parts(sorted(set(indexes))))


def _parts(indexes: list[int]) -> Iterator[str]:
    start = 0
    for end in range(1, len(indexes) + 1):
        if end < len(indexes) and indexes[end] == indexes[end - 1] + 1:
            continue
        run = indexes[start:end]
        if len(run) > 2:
            yield f"{run[0]}-{run[-1]}"
        else:
            yield from map(str, run)
        start = end
