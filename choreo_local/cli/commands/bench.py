"""`choreo bench …`: figures of this machine, with their raw samples."""

from __future__ import annotations

from typing import Any

import click

from choreo_local.cli import options, output


@click.group()
def bench() -> None:
    """Measure the platform on this machine."""


@bench.command()
@click.option("--starts", type=click.IntRange(1, 100), default=5, show_default=True)
@click.option("--changes", type=click.IntRange(1, 1000), default=20, show_default=True)
@options.output_format("table", "json", "yaml")
def up(*, starts: int, changes: int, form: str) -> int:
    """Time starts, changes and promotions on an instance of its own."""
    from choreo_local.allinone import bench as measuring

    figures = measuring.measure_up(starts=starts, changes=changes, say=output.say)
    _show(figures, form)
    return 0


@bench.command()
@options.output_format("table", "json", "yaml")
def cel(*, form: str) -> int:
    """Time expressions: compiling, selecting, filtering and mapping."""
    from choreo_local.cel import bench as measuring

    theirs = measuring.run_theirs()
    if not theirs:
        output.say("cel-expr-python is not installed, so there is nothing to compare with.")
    _show([*measuring.run(), *theirs], form)
    return 0


def _show(figures: list[Any], form: str) -> None:
    if form != "table":
        rows = [
            {
                "name": figure.name,
                "target": figure.target,
                "unit": figure.unit,
                "median": _rounded(figure.median),
                "p99": _rounded(figure.p99),
                "samples": [_rounded(sample) for sample in figure.samples],
            }
            for figure in figures
        ]
        output.data(rows, form)
        return
    columns = ("FIGURE", "MEDIAN", "MIN", "MAX", "P99", "TARGET")
    output.table(
        columns,
        [
            [
                figure.name,
                *(
                    f"{_rounded(value):g} {figure.unit}"
                    for value in (
                        figure.median,
                        min(figure.samples),
                        max(figure.samples),
                        figure.p99,
                    )
                ),
                figure.target,
            ]
            for figure in figures
        ],
    )
    for figure in figures:
        samples = " ".join(f"{_rounded(sample):g}" for sample in figure.samples)
        output.emit(f"samples  {figure.name}: {samples}")


def _rounded(value: float) -> float:
    """Three digits are what measurements like these can tell."""
    return round(value) if value >= 100 else float(f"{value:.3g}")
