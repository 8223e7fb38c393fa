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


def _show(figures: list[Any], form: str) -> None:
    if form != "table":
        rows = [
            {
                "name": figure.name,
                "target": figure.target,
                "unit": figure.unit,
                "median": round(figure.median, 1),
                "p99": round(figure.p99, 1),
                "samples": [round(sample, 1) for sample in figure.samples],
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
                    f"{value:.0f} {figure.unit}"
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
        samples = " ".join(f"{sample:.0f}" for sample in figure.samples)
        output.emit(f"samples  {figure.name}: {samples}")
