"""Which refresh tokens are good: each sign-in begins a family, of which the youngest member counts.

A member that was replaced and comes back was stolen, or its replacement was: the family ends. Kept
in a file, for tokens outlive the process; without the file everybody signs in again.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from choreo_local import clock

_MOST = 10_000


@dataclass(slots=True)
class _Family:
    """Attributes: `until`: when its youngest member expires; `member`: which one that is."""

    until: float
    member: int = 0


class Families:
    """The families of an instance; may be used by several threads.

    Args:
        file: where they are kept; only in memory where it is None.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._lock = Lock()
        self._known: dict[str, _Family] | None = None

    def begin(self, seconds: float) -> str:
        """The name of a new family, whose first member is number 0."""
        with self._lock:
            known = self._fresh()
            while len(known) >= _MOST:
                del known[min(known, key=lambda name: known[name].until)]
            name = clock.new_uid()
            known[name] = _Family(clock.unix() + seconds)
            self._write(known)
        return name

    def renew(self, name: str, member: int, seconds: float, *, is_reusable: bool) -> int | None:
        """The number of the member that replaces one; None when that one is not good.

        With `is_reusable` a member replaces itself.
        """
        with self._lock:
            known = self._fresh()
            family = known.get(name)
            if family is None:
                return None
            if member != family.member:
                del known[name]
            else:
                family.until = clock.unix() + seconds
                family.member += 0 if is_reusable else 1
            self._write(known)
            return family.member if name in known else None

    def end(self, name: str) -> None:
        """No member of a family is good any longer."""
        with self._lock:
            known = self._fresh()
            if known.pop(name, None) is not None:
                self._write(known)

    def _fresh(self) -> dict[str, _Family]:
        if self._known is None:
            self._known = _read(self._file) if self._file is not None else {}
        now = clock.unix()
        for name in [name for name, family in self._known.items() if family.until <= now]:
            del self._known[name]
        return self._known

    def _write(self, known: dict[str, _Family]) -> None:
        if self._file is None:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        content = {name: [family.until, family.member] for name, family in known.items()}
        draft = self._file.with_suffix(".new")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(json.dumps(content))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._file)


def _read(file: Path) -> dict[str, _Family]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return {
            name: _Family(float(until), int(member)) for name, (until, member) in content.items()
        }
    except (OSError, ValueError, TypeError, AttributeError):
        # Missing or damaged: nobody can say any more who was signed out, so everybody is.
        return {}
