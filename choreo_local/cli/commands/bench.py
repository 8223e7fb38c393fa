"""`choreo bench …`: figures of this machine, with their raw samples."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from choreo_local.cli import options, output

if TYPE_CHECKING:
    from choreo_local.allinone.figures import Figure


@click.group()
def bench() -> None:
    """Measure the platform on this machine."""


@bench.command()
@click.option("--starts", type=click.IntRange(1, 100), default=5, show_default=True)
@click.option("--changes", type=click.IntRange(1, 1000), default=20, show_default=True)
@click.option(
    "--runtime",
    type=click.Choice(["auto", "sandbox", "process"]),
    default="auto",
    show_default=True,
)
@options.output_format("table", "json", "yaml")
def up(*, starts: int, changes: int, runtime: str, form: str) -> int:
    """Time starts, changes and promotions on an instance of its own."""
    from choreo_local.allinone import bench as measuring

    figures = measuring.measure_up(starts=starts, changes=changes, say=output.say, runtime=runtime)
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


@bench.command()
@click.option("--rounds", type=click.IntRange(1, 100), default=5, show_default=True)
@click.option("--writes", type=click.IntRange(32, 1_000_000), default=2_000, show_default=True)
@click.option(
    "--objects",
    type=click.IntRange(0, 1_000_000),
    default=50_000,
    show_default=True,
    help="Objects in the server when its memory is read; 0 leaves memory out.",
)
@click.option(
    "--reference",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder with the binaries etcd and kube-apiserver: start them, and compare with them.",
)
@click.option(
    "--kubeconfig",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Compare with the API server of a kubeconfig; it is written to.",
)
@options.output_format("table", "json", "yaml")
def kube(
    *,
    rounds: int,
    writes: int,
    objects: int,
    reference: Path | None,
    kubeconfig: Path | None,
    form: str,
) -> int:
    """Measure the embedded Kubernetes API, alone or beside another."""
    from choreo_local.allinone import kubebench

    extent = kubebench.Extent(rounds=rounds, writes=writes, objects=objects)
    systems = kubebench.systems(reference, kubeconfig)
    measured = kubebench.measure(systems, extent, output.say)
    if form == "table":
        _compare(measured)
    else:
        rows = {name: [_row(figure) for figure in found] for name, found in measured.items()}
        output.data(rows, form)
    return 0


@bench.command()
@click.option(
    "--components",
    type=click.IntRange(1, 10_000),
    multiple=True,
    default=(50, 200, 1000),
    show_default=True,
    help="How many; may be repeated. Each number is measured on a platform of its own.",
)
@click.option("--changes", type=click.IntRange(1, 1000), default=20, show_default=True)
@options.output_format("table", "json", "yaml")
def controllers(*, components: tuple[int, ...], changes: int, form: str) -> int:
    """Measure the controllers: many components through three environments."""
    from choreo_local.allinone import controllerbench

    extent = controllerbench.Extent(sizes=components, changes=changes)
    measured = controllerbench.measure(extent, output.say)
    if form == "table":
        for size, figures in measured.items():
            output.emit(f"{size} components")
            _show(figures, form)
    else:
        rows = {str(size): [_row(figure) for figure in found] for size, found in measured.items()}
        output.data(rows, form)
    return 0


@bench.command()
@click.option("--bindings", type=click.IntRange(1, 1_000_000), default=10_000, show_default=True)
@click.option("--decisions", type=click.IntRange(1, 1_000_000), default=5_000, show_default=True)
@click.option("--rounds", type=click.IntRange(1, 100), default=5, show_default=True)
@options.output_format("table", "json", "yaml")
def authz(*, bindings: int, decisions: int, rounds: int, form: str) -> int:
    """Time decisions among many bindings, and how fast a new one counts."""
    from choreo_local.allinone import authzbench

    extent = authzbench.Extent(bindings=bindings, decisions=decisions, rounds=rounds)
    _show(authzbench.measure(extent, output.say), form)
    return 0


@bench.command()
@click.option("--requests", type=click.IntRange(1, 100_000), default=1_000, show_default=True)
@click.option("--listed", type=click.IntRange(1, 100_000), default=1_000, show_default=True)
@click.option("--rounds", type=click.IntRange(1, 100), default=5, show_default=True)
@options.output_format("table", "json", "yaml")
def api(*, requests: int, listed: int, rounds: int, form: str) -> int:
    """Time requests to the OpenChoreo API, with authorization on."""
    from choreo_local.allinone import apibench

    extent = apibench.Extent(requests=requests, listed=listed, rounds=rounds)
    _show(apibench.measure(extent, output.say), form)
    return 0


@bench.command()
@click.option("--requests", type=click.IntRange(1, 100_000), default=1_000, show_default=True)
@click.option("--rounds", type=click.IntRange(1, 100), default=5, show_default=True)
@click.option(
    "--kilobytes",
    type=click.IntRange(1, 1_000),
    default=900,
    show_default=True,
    help="Size of the large object.",
)
@options.output_format("table", "json", "yaml")
def tunnel(*, requests: int, rounds: int, kilobytes: int, form: str) -> int:
    """Measure the way to a cluster through its agent, beside the direct one."""
    from choreo_local.allinone import tunnelbench

    extent = tunnelbench.Extent(requests=requests, rounds=rounds, kilobytes=kilobytes)
    _show(tunnelbench.measure(extent, output.say), form)
    return 0


@bench.command()
@click.option("--starts", type=click.IntRange(1, 1_000), default=30, show_default=True)
@click.option("--rollouts", type=click.IntRange(1, 100), default=5, show_default=True)
@click.option("--requests", type=click.IntRange(16, 100_000), default=2_000, show_default=True)
@click.option("--rounds", type=click.IntRange(1, 100), default=5, show_default=True)
@click.option(
    "--pods",
    type=click.IntRange(0, 1_000),
    default=30,
    show_default=True,
    help="Small pods that run together when memory is read; 0 leaves this out.",
)
@options.output_format("table", "json", "yaml")
def pods(*, starts: int, rollouts: int, requests: int, rounds: int, pods: int, form: str) -> int:
    """Measure pods: start, rolling update, traffic, and many of them."""
    from choreo_local.allinone import podbench

    extent = podbench.Extent(
        starts=starts, rollouts=rollouts, requests=requests, rounds=rounds, pods=pods
    )
    _show_groups(podbench.measure(extent, output.say), form)
    return 0


def _compare(measured: dict[str, list[Figure]]) -> None:
    """A line a figure; a ratio above 1 means that the embedded server is better."""
    (name, ours), *others = measured.items()
    columns = ["FIGURE", name.upper(), "MIN", "MAX"]
    for other, _ in others:
        columns += [other.upper(), "MIN", "MAX", "RATIO"]
    rows = []
    for figure in ours:
        row = [figure.name, *_cells(figure)]
        for _, figures in others:
            theirs = next((found for found in figures if found.name == figure.name), None)
            row += _cells(theirs)
            row.append(f"{figure.times_better_than(theirs):.2f}" if theirs else "-")
        rows.append(row)
    output.table(columns, rows)
    for system, figures in measured.items():
        for figure in figures:
            samples = " ".join(f"{sample:.1f}" for sample in figure.samples)
            output.emit(f"samples  {system}, {figure.name} ({figure.unit}): {samples}")


def _cells(figure: Figure | None) -> list[str]:
    if figure is None:
        return ["-", "-", "-"]
    values = (figure.median, min(figure.samples), max(figure.samples))
    return [f"{value:,.1f} {figure.unit}" for value in values]


def _row(figure: Any) -> dict[str, Any]:
    return {
        "name": figure.name,
        "target": figure.target,
        "unit": figure.unit,
        "median": _rounded(figure.median),
        "p99": _rounded(figure.p99),
        "samples": [_rounded(sample) for sample in figure.samples],
    }


def _show(figures: list[Any], form: str) -> None:
    if form != "table":
        rows = [_row(figure) for figure in figures]
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


def _show_groups(measured: Mapping[str, list[Figure]], form: str) -> None:
    if form != "table":
        rows = {name: [_row(figure) for figure in found] for name, found in measured.items()}
        output.data(rows, form)
        return
    for name, figures in measured.items():
        output.emit(name)
        _show(figures, form)


def _rounded(value: float) -> float:
    """Three digits are what measurements like these can tell."""
    return round(value) if value >= 100 else float(f"{value:.3g}")
