"""What the walker of schemas carries along: where it is, and what it found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from choreo_local.apimachinery.schema import formats
from choreo_local.apimachinery.schema.correlation import item_before, member_before
from choreo_local.apimachinery.schema.node import Structural
from choreo_local.apimachinery.schema.problems import Problem


@dataclass(slots=True)
class Result:
    """Problems found, and the number of checks passed: the best branch of `anyOf` has most."""

    problems: list[Problem] = field(default_factory=list)
    matches: int = 0

    def merge(self, other: Result) -> None:
        """Take over the problems that are not reported yet."""
        self.matches += other.matches
        self.add(other.problems)

    def add(self, problems: Iterable[Problem]) -> None:
        """Report each problem once."""
        for problem in problems:
            if problem not in self.problems:
                self.problems.append(problem)


class Place(NamedTuple):
    """Where a value stands: its path, how deep, and what stood there before."""

    path: str
    depth: int
    old: Any
    every_format: bool

    def member(self, name: str, path: str) -> Place:
        """The place of a field."""
        before = member_before(self.old, name)
        return Place(path, self.depth + 1, before, self.every_format)

    def item(self, schema: Structural, index: int, item: Any) -> Place:
        """The place of an item of a list with this schema."""
        before = item_before(schema, self.old, item)
        return Place(f"{self.path}[{index}]", self.depth + 1, before, self.every_format)

    def format(self, schema: Structural) -> str:
        """The format that counts here."""
        return schema.format if self.every_format or formats.is_known(schema.format) else ""
