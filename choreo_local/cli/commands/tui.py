"""`choreo tui`: starts the dashboard by its entry point, without importing it."""

from __future__ import annotations

import subprocess

import click

from choreo_local.allinone import interpreter
from choreo_local.cli import connection


@click.command()
@click.pass_obj
def tui(name: str) -> int:
    """Open the dashboard."""
    connection.running(name)
    return open_dashboard(name)


def open_dashboard(name: str) -> int:
    """Run the dashboard in this terminal until it is left; its exit code."""
    return subprocess.call(interpreter.module("tui", "--instance", name))
