"""How fast expressions are compiled and evaluated; `choreo bench cel` prints it.

cel-expr-python binds the C++ implementation of the language; where it is installed it is measured
in the same run, on the same expressions and data.

Public: `run()`, `run_theirs()` → list of `Figure`.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from choreo_local.cel import types
from choreo_local.cel.environment import Environment

_ROUNDS = 15
_OBJECTS = 2000
_TYPICAL = "has(parameters.env) ? parameters.env + '-' + metadata.name : 'none'"
_SELECTION = "metadata.name"
_LOOP = "parameters.items.filter(i, i.value >= 1000.0).map(i, {'name': i.name})"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measurement.

    Attributes:
        name: of what was measured.
        unit: of the samples.
        target: what the median should not exceed, in words.
        samples: one for each round.
    """

    name: str
    unit: str
    target: str
    samples: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle sample."""
        return median(self.samples)

    @property
    def p99(self) -> float:
        """The sample that 99 % do not exceed; with few samples the largest."""
        ordered = sorted(self.samples)
        return ordered[min(len(ordered) - 1, round(0.99 * len(ordered)))]


def run() -> list[Figure]:
    """Measure compilation, a selection, and a loop."""
    ours = Environment({"metadata": types.DYN, "parameters": types.DYN})
    return _figures(ours.compile, lambda program, data: program.evaluate(data))


def run_theirs() -> list[Figure]:
    """The same with cel-expr-python; nothing where it is not installed."""
    try:
        cel = importlib.import_module("cel_expr_python.cel")
    except ImportError:
        return []
    environment = cel.NewEnv(variables={"metadata": cel.Type.DYN, "parameters": cel.Type.DYN})
    figures = _figures(environment.compile, lambda program, data: program.eval(data=data))
    return [
        replace(figure, name=f"{figure.name}, cel-expr-python", target="–") for figure in figures
    ]


def _figures(
    compiled: Callable[[str], Any], evaluate: Callable[[Any, Any], object]
) -> list[Figure]:
    items = [{"name": f"item-{number}", "value": float(number)} for number in range(_OBJECTS)]
    variables = {"metadata": {"name": "shop"}, "parameters": {"items": items}}
    small = {"metadata": {"name": "shop"}, "parameters": {}}
    selection, loop = compiled(_SELECTION), compiled(_LOOP)
    return [
        _measured(
            "compile a typical expression", "µs", 100, lambda: compiled(_TYPICAL), repeat=200
        ),
        _measured("metadata.name", "µs", 2, lambda: evaluate(selection, small), repeat=2000),
        _measured("filter and map 2,000", "ms", 8, lambda: evaluate(loop, variables), repeat=2),
    ]


def _measured(
    name: str, unit: str, target: float, work: Callable[[], object], *, repeat: int
) -> Figure:
    factor = {"µs": 1e6, "ms": 1e3}[unit]
    samples = tuple(_once(work, repeat) * factor for _ in range(_ROUNDS))
    return Figure(name, unit, f"≤ {target:g} {unit}", samples)


def _once(work: Callable[[], object], repeat: int) -> float:
    """Seconds for one run of the work."""
    start = time.perf_counter()
    for _ in range(repeat):
        work()
    return (time.perf_counter() - start) / repeat
