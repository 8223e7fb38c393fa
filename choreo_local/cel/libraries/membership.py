"""Which values a list has: fast where values hash as they compare; for `distinct` and `sets`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from choreo_local.cel.equality import equal
from choreo_local.cel.sizes import size
from choreo_local.cel.values import BoolKey, Duration, Timestamp, Uint

_HASHABLE = frozenset({str, bytes, int, Uint, Timestamp, Duration})
_NULL = object()
# From here on doubles have no fractions, and each is equal to several ints.
_COARSE = 2.0**53


class Members:
    """The values seen so far."""

    __slots__ = ("_hashed", "_others")

    def __init__(self, values: Iterable[Any] = ()) -> None:
        self._hashed: set[Any] = set()
        self._others: list[Any] = []
        for value in values:
            self.add(value)

    def add(self, value: Any) -> None:
        """Take a value in."""
        key = _key(value)
        if key is None:
            self._others.append(value)
        else:
            self._hashed.add(key)

    def __contains__(self, value: Any) -> bool:
        key = _key(value)
        if key is None:
            if value != value:
                # NaN is in no list.
                return False
            among = [*self._others, *self._hashed] if type(value) is float else self._others
            return any(equal(value, other) for other in among)
        if key in self._hashed:
            return True
        is_coarse = isinstance(key, int) and abs(key) > _COARSE
        return is_coarse and any(equal(value, other) for other in self._others)


def _key(value: Any) -> Any:
    """A stand-in that hashes and compares as the value does; None where there is none."""
    kind = type(value)
    if kind in _HASHABLE:
        return value
    if kind is bool:
        return BoolKey(value)
    if value is None:
        return _NULL
    return value if kind is float and abs(value) < _COARSE else None


def distinct(values: list[Any]) -> list[Any]:
    """Each value once, where it is first."""
    seen = Members()
    found: list[Any] = []
    for value in values:
        if value not in seen:
            seen.add(value)
            found.append(value)
    return found


def distinct_weight(values: list[Any]) -> int:
    """The work of `distinct`."""
    return pairs_weight(values, values)


def pairs_weight(one: list[Any], other: list[Any]) -> int:
    """The work of looking for every value of one list in another."""
    known: dict[int, int] = {}
    sizes = sum(size(value, known) for value in one if _key(value) is None)
    searched = [value for value in other if _key(value) is None]
    if any(type(value) is float for value in searched):
        sizes += len(one)
    return 4 * (len(one) + len(other)) + 2 * sizes * len(searched)
