"""What the command prints: stdout is data, stderr is talk."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TextIO

import click

from choreo_local.errors import ApiError, ChoreoError

# Control characters but the tab, marks that turn the direction of writing, halves of characters.
_MOVING = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
FORMATS = ("table", "wide", "json", "yaml", "name")


def say(text: str) -> None:
    """A line for the person at the terminal; nobody listening is no reason to stop the work."""
    try:
        click.echo(text, err=True)
    except BrokenPipeError:
        _silence(sys.stderr)


def emit(text: str) -> None:
    """A line of data; ends the command when nobody reads it any more, as `| head` does."""
    try:
        click.echo(text)
    except BrokenPipeError:
        _silence(sys.stdout)
        raise click.exceptions.Exit(0) from None


def fail(error: ChoreoError) -> None:
    """An error: what failed, where exactly, and what to do next."""
    mark = click.style("error:", fg="red", bold=True)
    say(f"{mark} {safe_lines(error.message)}")
    if isinstance(error, ApiError):
        for cause in error.causes:
            if cause.message and cause.message not in error.message:
                where = f"{cause.field}: " if cause.field else ""
                say(f"  {safe_lines(where + cause.message)}")
    if error.remedy:
        say(f"{click.style('fix:', fg='green', bold=True)} {safe_lines(error.remedy)}")


def _silence(stream: TextIO) -> None:
    """Do not complain at exit about what could not be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def data(value: Any, form: str) -> None:
    """A value as JSON or YAML."""
    if form == "json":
        emit(_json(value, indent=2))
        return
    import yaml

    text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True)
    if _MOVING.search(text.replace("\n", "")):
        text = yaml.safe_dump(value, sort_keys=False)
    emit(text.rstrip())


def json_line(value: Any) -> None:
    """A value as JSON in one line, for streams."""
    emit(_json(value))


def _json(value: Any, *, indent: int | None = None) -> str:
    # Such characters are always inside of strings, where an escape means the same.
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    return "\n".join(
        _MOVING.sub(lambda found: f"\\u{ord(found[0]):04x}", line) for line in text.split("\n")
    )


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
    cells = [[safe(cell).expandtabs(1) for cell in row] for row in (columns, *rows)]
    widths = [max(len(row[index]) for row in cells) for index in range(len(columns))]
    for row in cells:
        line = "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        emit(line.rstrip())


def say_none(plural: str, namespace: str | None) -> None:
    """Say that there are no objects, and where others may be."""
    if namespace is None:
        say(f"There are no {plural}.")
    else:
        say(safe(f"There are no {plural} in namespace {namespace}; -A looks in all."))


def safe(text: object) -> str:
    """Text in one line that cannot move the cursor, turn the writing around or ring the bell."""
    return _MOVING.sub(_visible, str(text))


def _visible(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def safe_lines(text: str) -> str:
    """`safe` for text of several lines."""
    return "\n".join(safe(line) for line in text.split("\n"))


def is_terminal() -> bool:
    """Whether a person reads our output."""
    return sys.stdout.isatty() and sys.stderr.isatty()
