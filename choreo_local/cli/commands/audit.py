"""`choreo audit`: who changed what through the API, and who was refused."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from choreo_local.cli import options, output
from choreo_local.paths import InstancePaths

_COLUMNS = ("TIME", "RESULT", "WHO", "ACTION", "WHAT")


@click.command()
@click.option(
    "--tail", type=click.IntRange(min=1), default=50, show_default=True, help="The last so many."
)
@click.option("--denied", is_flag=True, help="Only what was refused.")
@options.output_format("table", "json")
@click.pass_obj
def audit(name: str, *, tail: int, denied: bool, form: str) -> int:
    """Show who changed what through the API, oldest first.

    The log is kept in the state folder of the instance; it is there when the instance is stopped.
    """
    file = InstancePaths.of(name).audit_file
    found = deque((event for event in _events(file) if not denied or _is_denied(event)), tail)
    if form == "json":
        for event in found:
            output.json_line(event)
        return 0
    output.table(_COLUMNS, [_row(event) for event in found])
    return 0


def _events(file: Path) -> Iterator[dict[str, Any]]:
    older = sorted(
        file.parent.glob(f"{file.name}.*"), key=lambda path: int(path.suffix[1:]), reverse=True
    )
    for path in (*older, file):
        try:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            continue
        for line in lines:
            try:
                event = json.loads(line)
            except ValueError:
                continue  # the last line of a process that was killed
            if isinstance(event, dict):
                yield event


def _is_denied(event: dict[str, Any]) -> bool:
    return event.get("result") == "denied"


def _row(event: dict[str, Any]) -> tuple[str, ...]:
    actor, metadata = event.get("actor") or {}, event.get("metadata") or {}
    who = str(metadata.get("acting_as") or actor.get("id") or actor.get("type") or "")
    what = f"{metadata.get('method', '')} {metadata.get('path', '')}"
    time = str(event.get("timestamp", "")).partition(".")[0]
    return time, str(event.get("result", "")), who, str(event.get("action", "")), what
