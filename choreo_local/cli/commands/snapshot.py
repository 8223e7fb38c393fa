"""`choreo snapshot …`: copies of everything that the cluster knows."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from choreo_local.allinone import instance as instances
from choreo_local.allinone import snapshots
from choreo_local.cli import cluster, connection, options, output
from choreo_local.errors import RefusedError
from choreo_local.paths import InstancePaths

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group()
def snapshot() -> None:
    """Save and restore all objects of the embedded cluster, Secrets included."""


@snapshot.command()
@click.argument("file", type=_FILE)
@click.pass_obj
def save(name: str, file: Path) -> int:
    """Write a snapshot to FILE; the instance may run."""
    paths = InstancePaths.of(name)
    found = instances.load(paths)
    if found is not None and found.driver != "embedded":
        raise RefusedError(
            f'instance "{name}" keeps its objects on a cluster elsewhere (driver {found.driver})',
            remedy="Use what that cluster has for backups, e.g. of its etcd",
        )
    if found is not None and found.is_running:
        # Everything that is stored, Secrets and bookkeeping included: no API but this one has it.
        size = cluster.with_kube(
            name, "a snapshot", lambda client: snapshots.save_running(client, file)
        )
    else:
        size = snapshots.save_stopped(paths, file)
    output.say(f"{size / 1e6:.1f} MB; it holds Secrets, and so only you may read it.")
    output.emit(str(file))
    return 0


@snapshot.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@options.yes
@click.pass_obj
def restore(name: str, file: Path, *, yes: bool) -> int:
    """Replace the state of a stopped instance by the snapshot in FILE."""
    paths = InstancePaths.of(name)
    if paths.database.exists() and not yes and sys.stdin.isatty():
        question = f'Replace all objects of instance "{name}"?'
        if not click.confirm(question, err=True):
            raise RefusedError("nothing was restored")
    snapshots.restore(paths, file)
    output.say(f"Restored. Start it with: {connection.command(name, 'up')}")
    return 0
