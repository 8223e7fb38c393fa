"""`choreo up`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import click

from choreo_local.allinone import instance as instances
from choreo_local.allinone import interpreter, progress
from choreo_local.cli import connection, options, output
from choreo_local.clusters.target import Target
from choreo_local.errors import (
    ChoreoError,
    PreflightError,
    RefusedError,
    UsageError,
    WaitTimeoutError,
)
from choreo_local.paths import InstancePaths

# The store, logs and byte code of a small platform; images and volumes of pods come on top.
_DISK_BYTES = 100_000_000


@click.command()
@click.option("--demo", is_flag=True, help="Also deploy the two-component demo.")
@click.option(
    "--from",
    "source",
    default="",
    metavar="DIR",
    help="Fill a new instance from an export, on planes of its own.",
)
@options.cluster
@click.option(
    "--runtime",
    type=click.Choice(["auto", "sandbox", "docker", "process"]),
    default="auto",
    show_default=True,
    help="How pods are kept apart; auto: as last time, at first in sandboxes if they can be made.",
)
@click.option("--no-tui", is_flag=True, help="Do not open the dashboard.")
@click.option("--no-authz", is_flag=True, help="Let everybody who signs in do everything.")
@click.option("--foreground", is_flag=True, help="Stay; for containers and service managers.")
@options.timeout(600)
@options.yes
@click.pass_obj
def up(
    name: str,
    *,
    demo: bool,
    source: str,
    driver: str,
    context: str,
    kubeconfig: str,
    reachable_at: str,
    kubernetes: str,
    runtime: str,
    no_tui: bool,
    no_authz: bool,
    foreground: bool,
    timeout: float,
    yes: bool,
) -> int:
    """Start the platform, or say that it runs."""
    paths = InstancePaths.of(name)
    found = instances.load(paths)
    is_shared = driver == "existing" or (found is not None and found.settled_driver == "existing")
    if source:
        source = _checked_source(source, found, is_shared=is_shared)
    if found is not None and found.is_running:
        _already(found, driver=driver, demo=demo)
        return _open_dashboard(name, no_tui=no_tui or foreground)
    arguments = ["--instance", name, "--driver", driver, *(["--demo"] if demo else [])]
    arguments += ["--no-authz"] if no_authz else []
    arguments += ["--runtime", runtime]
    arguments += ["--from", source] if source else []
    target = Target(
        kubeconfig=kubeconfig, context=context, reachable_at=reachable_at, kubernetes=kubernetes
    )
    if is_shared:
        target = _confirmed(name, found, driver=driver, target=target, demo=demo, yes=yes)
    for option, value in asdict(target).items():
        arguments += [f"--{option.replace('_', '-')}", value] if value else []
    _prepare(paths)
    if foreground:
        from choreo_local.allinone import run

        return run.main(arguments)
    told = _start(paths, arguments, timeout=timeout)
    _report(name, told)
    is_short = demo and told.get("warnings")
    return _open_dashboard(name, no_tui=no_tui) or (WaitTimeoutError.exit_code if is_short else 0)


def _checked_source(source: str, found: instances.Instance | None, *, is_shared: bool) -> str:
    """The folder of an export that an instance may be filled from."""
    from choreo_local.allinone import imported

    folder = os.path.abspath(source)
    imported.load(folder, found)
    if is_shared:
        raise UsageError(
            "--from fills a cluster that is the instance's own, and this one is not",
            remedy=f"Install upstream's charts there, as {folder}/README.md says",
        )
    return folder


def _confirmed(
    name: str,
    last: instances.Instance | None,
    *,
    driver: str,
    target: Target,
    demo: bool,
    yes: bool,
) -> Target:
    """Say what a start adds to a cluster that others use too, and ask; which cluster it is."""
    from choreo_local.allinone import plan as plans
    from choreo_local.cli.commands import plan as commands

    target = plans.pinned(target.filled(last.target) if last is not None else target)
    found = commands.of_up(name, driver=driver, target=target, demo=demo)
    if not found.changes:
        return target
    for line in found.cluster:
        output.say(output.safe(line))
    for line in plans.summary(found.changes):
        output.say(f"  {output.safe(line)}")
    if yes or (sys.stdin.isatty() and click.confirm("Apply this?", err=True)):
        return target
    raise RefusedError(
        "nothing was applied: a cluster that others use is not changed unasked",
        remedy="See each object with: choreo plan up; then start with --yes",
    )


def _open_dashboard(name: str, *, no_tui: bool) -> int:
    """On a terminal and if it is wanted."""
    if no_tui or not output.is_terminal():
        return 0
    from choreo_local.cli.commands.tui import open_dashboard

    return open_dashboard(name)


def _already(found: instances.Instance, *, driver: str, demo: bool) -> None:
    """Say that there is nothing to do; RefusedError when that would not be what was asked for."""
    if driver not in ("auto", found.driver):
        raise RefusedError(
            f'instance "{found.name}" runs already, with the driver {found.driver}',
            remedy="Give the other one a name of its own: choreo --instance NAME up "
            f"--driver {driver}",
        )
    if found.state == "starting":
        raise RefusedError(
            f'instance "{found.name}" is starting (pid {found.pid})',
            remedy=f"Watch it with: {connection.command(found.name, 'status')}",
        )
    output.say(f'Instance "{found.name}" runs already (pid {found.pid}); nothing to do.')
    if demo and not found.demo:
        adding = connection.command(found.name, "apply --demo")
        output.say(f"It was started without the demo; add it with: {adding}")
    from choreo_local.allinone import demo as demos
    from choreo_local.allinone import facts

    for label, url in facts.urls(found).items():
        output.say(f"  {label:<14}{url}")
    if found.demo:
        output.emit(demos.url(found.ports["gateway"]))


def _start(paths: InstancePaths, arguments: list[str], *, timeout: float) -> Mapping[str, Any]:
    """Start the instance in the background and follow its progress until it is ready."""
    reading, writing = os.pipe()
    command = interpreter.module("choreo_local.allinone.run", *arguments)
    with (paths.logs / "output.log").open("ab") as log:
        process = subprocess.Popen(
            [*command, "--progress-fd", str(writing)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(writing,),
            start_new_session=True,
        )
    os.close(writing)
    try:
        return _follow(reading, process, paths, timeout=timeout)
    finally:
        os.close(reading)


def _prepare(paths: InstancePaths) -> None:
    instances.ensure_folder(paths)
    try:
        probe = paths.root / ".writable"
        probe.write_bytes(b"\0" * 4096)
        probe.unlink()
    except OSError as error:
        raise PreflightError(
            f"cannot write to {paths.root}: {error.strerror}",
            remedy="Choose another place for all state: CHOREO_HOME=DIRECTORY choreo up",
        ) from error
    free = shutil.disk_usage(paths.root).free
    if free < _DISK_BYTES:
        raise PreflightError(
            f"cannot start: only {free / 1e6:.0f} MB are free at {paths.root}, at least "
            f"{_DISK_BYTES / 1e6:.0f} MB are needed",
            remedy="Free some space, or choose another place: CHOREO_HOME=DIRECTORY choreo up",
        )


def _follow(
    descriptor: int, process: subprocess.Popen[bytes], paths: InstancePaths, *, timeout: float
) -> Mapping[str, Any]:
    try:
        for event in progress.follow(descriptor, timeout_seconds=timeout):
            if event.get("ready"):
                return event
            if "failed" in event:
                raise _failure(event, paths)
            _show(event)
    except KeyboardInterrupt:
        stopping = connection.command(paths.root.name, "down")
        output.say(f"The platform goes on starting; stop it with: {stopping}")
        raise
    except TimeoutError:
        raise WaitTimeoutError(
            f"the platform is not ready after {timeout:.0f} s; it goes on starting",
            remedy=f"Watch it with: {connection.command(paths.root.name, 'status')}; its log is "
            f"{paths.log_file}",
        ) from None
    code = process.wait()
    raise ChoreoError(
        f"cannot start: the instance ended with exit code {code} before it was ready",
        remedy=f"Its last words are in {paths.logs / 'output.log'} and {paths.log_file}",
    )


def _failure(event: Mapping[str, Any], paths: InstancePaths) -> ChoreoError:
    error_class = _BY_EXIT_CODE.get(int(event.get("exitCode", 1)), ChoreoError)
    return error_class(
        f"cannot start: {event['failed']}",
        remedy=event.get("remedy") or f"The log is {paths.log_file}",
    )


_BY_EXIT_CODE: Mapping[int, type[ChoreoError]] = {
    cls.exit_code: cls for cls in (UsageError, RefusedError, WaitTimeoutError)
}


def _show(event: Mapping[str, Any]) -> None:
    if "seconds" in event:
        last = event.get("last")
        usual = f"   last time {last:.2f} s" if last else ""
        output.say(f"  ✓ {event['phase']:<28}{event['seconds']:6.2f} s{usual}")


def _report(name: str, told: Mapping[str, Any]) -> None:
    output.say(f"Ready in {told['seconds']:.2f} s. {told.get('driverReason', '')}".rstrip())
    for note in told.get("notes", []):
        output.say(output.safe(note))
    for label, url in told.get("urls", {}).items():
        output.say(f"  {label:<14}{url}")
    for url in told.get("demo", []):
        output.emit(url)
    for warning in told.get("warnings", []):
        output.say(f"warning: {output.safe(warning['message'])}")
        output.say(f"fix: {output.safe(warning['remedy'])}")
    first = "promote greeter --to staging" if told.get("demo") else "apply -f FILE"
    output.say(
        "Next: " + " · ".join(connection.command(name, it) for it in ("status", "tui", first))
    )
