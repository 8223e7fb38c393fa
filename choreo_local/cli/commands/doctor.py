"""`choreo doctor`: is this machine fit, and if not, what to do."""

from __future__ import annotations

import click

from choreo_local.allinone import ports
from choreo_local.cli import options, output
from choreo_local.clusters import preflight
from choreo_local.paths import home

_MARKS = {"ok": "✓", "note": "•", "problem": "✗"}


@click.command()
@options.output_format("table", "json", "yaml")
def doctor(*, form: str) -> int:
    """Check this machine; every finding has a fix."""
    found = list(preflight.findings(home(), dict(ports.PREFERRED)))
    if form != "table":
        rows = [
            {"check": one.check, "level": one.level.value, "message": one.message, "fix": one.fix}
            for one in found
        ]
        output.data(rows, form)
    else:
        for one in found:
            output.emit(f"{_MARKS[one.level]} {one.check:<18}{one.message}")
            if one.fix:
                output.emit(f"  {'':<18}fix: {one.fix}")
    return 1 if any(one.level is preflight.Level.PROBLEM for one in found) else 0
