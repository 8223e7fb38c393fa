"""`choreo doctor`: is this machine fit, and if not, what to do."""

from __future__ import annotations

import contextlib

import click

from choreo_local.allinone import instance as instances
from choreo_local.allinone import ports
from choreo_local.cli import options, output
from choreo_local.clusters import preflight
from choreo_local.errors import ChoreoError
from choreo_local.paths import InstancePaths, home

_MARKS = {"ok": "✓", "note": "•", "problem": "✗"}


@click.command()
@options.output_format("table", "json", "yaml")
def doctor(*, form: str) -> int:
    """Check this machine; every finding has a fix."""
    found = list(preflight.findings(home(), ports.PREFERRED, ours=_ports_in_use()))
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


def _ports_in_use() -> dict[int, str]:
    """Port → the running instance below our home that has it."""
    found: dict[int, str] = {}
    for name in instances.names(home()):
        # An instance that cannot be read is shown by `choreo list`.
        with contextlib.suppress(ChoreoError):
            instance = instances.load(InstancePaths.of(name))
            if instance is not None and instance.is_running:
                found |= dict.fromkeys(instance.ports.values(), name)
    return found
