"""What the command prints: stdout is data, stderr is talk."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import click

from choreo_local.errors import ApiError, ChoreoError

FORMATS = ("table", "wide", "json", "yaml", "name")


def say(text: str) -> None:
    """A line for the person at the terminal."""
    click.echo(text, err=True)


def emit(text: str) -> None:
    """A line of data."""
    click.echo(text)


def fail(error: ChoreoError) -> None:
    """An error: what failed, where exactly, and what to do next."""
    mark = click.style("error:", fg="red", bold=True)
    say(f"{mark} {error.message}")
    if isinstance(error, ApiError):
        for cause in error.causes:
            if cause.message and cause.message not in error.message:
                say(f"  {cause.field}: {cause.message}" if cause.field else f"  {cause.message}")
    if error.remedy:
        say(f"{click.style('fix:', fg='green', bold=True)} {error.remedy}")


def silence_stdout() -> None:
    """Whoever read our output has gone; do not complain about it at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def data(value: Any, form: str) -> None:
    """A value as JSON or YAML."""
    if form == "json":
        emit(json.dumps(value, indent=2, ensure_ascii=False))
        return
    import yaml

    emit(yaml.safe_dump(value, sort_keys=False, allow_unicode=True).rstrip())


def objects(
    found: Sequence[Mapping[str, Any]],
    form: str,
    *,
    columns: Sequence[str],
    row: Callable[[Mapping[str, Any]], Sequence[str]],
    single: bool = False,
) -> None:
    """Kubernetes-style objects in any of FORMATS; `single` prints one without a list around."""
    if form in ("json", "yaml"):
        if single and len(found) == 1:
            data(found[0], form)
        else:
            data({"apiVersion": "v1", "kind": "List", "items": list(found)}, form)
    elif form == "name":
        for obj in found:
            emit(f"{str(obj['kind']).lower()}/{obj['metadata']['name']}")
    else:
        table(columns, [row(obj) for obj in found])


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Columns as wide as their widest cell, three spaces apart, as kubectl prints them."""
    cells = [list(columns), *[[safe(cell) for cell in row] for row in rows]]
    widths = [max(len(row[index]) for row in cells) for index in range(len(columns))]
    for row in cells:
        line = "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        emit(line.rstrip())


def safe(text: object) -> str:
    """Text that cannot move the cursor or ring the bell: control characters are made visible."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in str(text))


def safe_lines(text: str) -> str:
    """`safe` for text of several lines."""
    return "\n".join(safe(line) for line in text.split("\n"))


def is_terminal() -> bool:
    """Whether a person reads our output."""
    return sys.stdout.isatty() and sys.stderr.isatty()
