"""`choreo down`."""

from __future__ import annotations

import sys

import click

from choreo_local.allinone import removal
from choreo_local.cli import connection, options, output
from choreo_local.errors import PreflightError, RefusedError, UsageError
from choreo_local.paths import InstancePaths


@click.command()
@click.option("--purge", is_flag=True, help="Remove everything that was made, data included.")
@click.option("--keep-cluster", is_flag=True, help="Leave alone what is on another cluster.")
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
@options.yes
@options.timeout(60)
@click.pass_obj
def down(
    name: str, *, purge: bool, keep_cluster: bool, dry_run: bool, yes: bool, timeout: float
) -> int:
    """Stop the platform; data stays unless --purge is given."""
    if dry_run and not purge:
        raise UsageError("--dry-run lists what --purge would remove; give both")
    paths = InstancePaths.of(name)
    if dry_run:
        for line in removal.plan(paths):
            output.emit(line)
        return 0
    if purge and paths.root.exists():
        _confirm_purge(paths, yes=yes)
    stopped = _stop(paths, timeout=timeout, purge=purge)
    if purge:
        if not keep_cluster and (removed := removal.withdraw(paths)):
            output.say(f"Removed {removed}.")
        was_there = removal.purge(paths)
        said = "removed" if was_there else "there was nothing to remove"
        output.say(f'Instance "{name}": {said}.')
        return 0
    output.say(
        f'Instance "{name}" stopped; data is kept. Start it again with: '
        f"{connection.command(name, 'up')}"
        if stopped
        else f'Instance "{name}" does not run; nothing to do.'
    )
    return 0


def _stop(paths: InstancePaths, *, timeout: float, purge: bool) -> bool:
    try:
        return removal.stop(paths, timeout_seconds=timeout)
    except PreflightError:
        # What cannot be read can be removed all the same; its lock says whether it still runs.
        if not purge:
            raise
        return False


def _confirm_purge(paths: InstancePaths, *, yes: bool) -> None:
    if yes or not sys.stdin.isatty():
        return
    for line in removal.plan(paths):
        output.say(f"  {line}")
    if not click.confirm("Remove all of this?", err=True):
        raise RefusedError("nothing was removed")
