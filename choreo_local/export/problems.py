"""What is wrong with an export: where, why, and what to do. Values only."""

from __future__ import annotations

from typing import NamedTuple


class Problem(NamedTuple):
    """One thing that is wrong.

    Attributes:
        file: in which file.
        path: which object, and which field of it.
        why: what is wrong.
        remedy: what to do.
    """

    file: str
    path: str
    why: str
    remedy: str

    def __str__(self) -> str:
        place = f"{self.file}: {self.path}" if self.path else self.file
        return f"{place}: {self.why}"
