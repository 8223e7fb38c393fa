"""A measured figure with its raw samples; made by the measurements behind `choreo bench`."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field


@dataclass(slots=True)
class Figure:
    """One measured figure with its raw samples."""

    name: str
    target: str
    samples: list[float] = field(default_factory=list)
    unit: str = "ms"
    more_is_better: bool = False

    @property
    def median(self) -> float:
        """The middle sample."""
        return statistics.median(self.samples)

    @property
    def p99(self) -> float:
        """The sample that 99 % do not exceed; with few samples the largest."""
        ordered = sorted(self.samples)
        return ordered[min(len(ordered) - 1, round(0.99 * len(ordered)))]

    def times_better_than(self, other: Figure) -> float:
        """How many times better the median is than that of another system."""
        ours, theirs = self.median, other.median
        return ours / theirs if self.more_is_better else theirs / ours
