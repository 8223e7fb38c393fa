"""Commands that look at instances and change nothing."""

from __future__ import annotations

import asyncio
import platform
import shlex
from typing import Any

import click

from choreo_local import __version__
from choreo_local.allinone import instance as instances
from choreo_local.cli import connection, options, output
from choreo_local.errors import ChoreoError, NotFoundError, UnreachableError
from choreo_local.paths import InstancePaths, home


@click.command()
@options.output_format("table", "json", "yaml")
@click.pass_obj
def status(name: str, *, form: str) -> int:
    """Planes, drivers, capabilities, URLs, memory."""
    found = instances.load(InstancePaths.of(name))
    if found is None or not found.is_running or found.state == "starting":
        return _not_ready(name, found, form)

    async def ask(client: Any) -> Any:
        from choreo_local.apiclient import wire

        return wire.to_json(await client.status())

    facts = connection.with_api(name, ask)
    if form != "table":
        output.data(facts, form)
    else:
        _print_status(facts)
    return 0


def _not_ready(name: str, found: instances.Instance | None, form: str) -> int:
    state = "absent" if found is None else found.state if found.is_running else "stopped"
    if form != "table":
        output.data({"instance": name, "state": state}, form)
    elif found is not None and state == "starting":
        output.emit(f'Instance "{name}" is starting (pid {found.pid}); ask again in a moment.')
    else:
        hint = connection.command(name, "up")
        output.emit(f'Instance "{name}" is {state}. Start it: {hint}')
    return 1


def _print_status(facts: dict[str, Any]) -> None:
    output.emit(
        f"{facts['instance']}   {facts['state']}   up {_duration(facts['uptimeSeconds'])}   "
        f"pid {facts['pid']}   choreo {facts['version']}"
    )
    output.emit(f"driver     {facts['driver']}   {facts['reason']}")
    for plane in facts["planes"]:
        mark = "●" if plane["connected"] else "○"
        note = f"   {plane['message']}" if plane["message"] else _agents(plane)
        output.emit(f"plane      {mark} {plane['plane']:<15}{plane['namespace']}{note}")
    memory = facts["memory"]
    output.emit(
        f"memory     {_megabytes(memory['totalBytes'])} MB (instance "
        f"{_megabytes(memory['instanceBytes'])}, gateway {_megabytes(memory['envoyBytes'])}, pods "
        f"{_megabytes(memory['podsBytes'])})   pods {facts['pods']['running']}/"
        f"{facts['pods']['total']}"
    )
    output.emit(f"cpu        {facts['cpuPercent']:.1f} % of one, by the instance, just now")
    for label, url in facts["urls"].items():
        output.emit(f"url        {label:<10}{url}")
    for capability in facts["capabilities"]:
        mark = "✓" if capability["available"] else "✗"
        reason = f"   {capability['reason']}" if capability["reason"] else ""
        output.emit(f"can        {mark} {capability['name']}{reason}")


def _agents(plane: dict[str, Any]) -> str:
    """Who serves a plane elsewhere; nothing for those in this process."""
    if not plane.get("agents"):
        return ""
    count = "1 agent" if plane["agents"] == 1 else f"{plane['agents']} agents"
    versions = ", ".join(plane["versions"])
    return f"   {count} ({versions}), last heard of {plane['lastHeartbeat']}"


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.0f}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m"
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


@click.command()
@click.argument("component")
@options.environment
@click.option("--endpoint", help="Which endpoint, when there are several.")
@options.namespace
@click.pass_obj
def url(name: str, component: str, *, environment: str, endpoint: str, namespace: str) -> int:
    """Print where COMPONENT answers in an environment."""

    async def ask(client: Any) -> Any:
        return await client.urls(namespace, component, environment=environment, endpoint=endpoint)

    found = connection.with_api(name, ask)
    if not found:
        raise NotFoundError(
            f'component "{component}" has no URL in {environment}',
            remedy=f"See why: choreo why {component} --env {environment}",
        )
    output.emit(output.safe(found[0].url))
    return 0


@click.command()
@click.pass_obj
def kubeconfig(name: str) -> int:
    """Print the path of the kubeconfig."""
    paths = InstancePaths.of(name)
    path = paths.kubeconfig
    if instances.load(paths) is None or not path.exists():
        raise UnreachableError(
            f'instance "{name}" has no kubeconfig',
            remedy=f"Start it: {connection.command(name, 'up')}",
        )
    output.emit(str(path))
    return 0


@click.command()
@click.option(
    "--shell",
    type=click.Choice(["sh", "bash", "zsh", "fish", "powershell"]),
    default="sh",
    show_default=True,
    help="Whose words to write.",
)
@click.pass_obj
def env(name: str, *, shell: str) -> int:
    """Print shell exports for other tools: eval "$(choreo env)"."""
    from choreo_local.apiclient import login

    paths = InstancePaths.of(name)
    access = login.find(paths, connection.surroundings())
    values = {
        "CHOREO_API_URL": access.url,
        "CHOREO_TOKEN": access.token,
        "KUBECONFIG": str(paths.kubeconfig),
    }
    for variable, value in values.items():
        output.emit(_export(shell, variable, value))
    return 0


def _export(shell: str, variable: str, value: str) -> str:
    if shell == "powershell":
        # A word without quotes would be a command there.
        quoted = value.replace("'", "''")
        return f"$env:{variable} = '{quoted}'"
    form = "set -gx {} {}" if shell == "fish" else "export {}={}"
    return form.format(variable, shlex.quote(value))


@click.command("list")
@options.output_format("table", "json", "yaml", "name")
def list_instances(*, form: str) -> int:
    """List the instances on this machine."""
    rows = []
    for found_name in instances.names(home()):
        try:
            found = instances.load(InstancePaths.of(found_name))
        except ChoreoError as error:
            output.fail(error)
            rows.append(_listed(found_name, "unreadable"))
        else:
            if found is not None:
                state = found.state if found.is_running else "stopped"
                rows.append(_listed(found_name, state, found))
    if form == "name":
        for row in rows:
            output.emit(str(row["name"]))
    elif form in ("json", "yaml"):
        output.data(rows, form)
    else:
        columns = ("NAME", "STATE", "DRIVER", "API", "VERSION")
        output.table(columns, [[str(value) for value in row.values()] for row in rows])
    return 0


def _listed(name: str, state: str, found: instances.Instance | None = None) -> dict[str, Any]:
    return {
        "name": name,
        "state": state,
        "driver": found.driver if found else "",
        "api": found.ports.get("api", 0) if found else 0,
        "version": found.version if found else "",
    }


@click.command()
@options.output_format("table", "json", "yaml")
@click.pass_obj
def version(name: str, *, form: str) -> int:
    """Print the versions of the command and of the instance, if it runs."""
    facts = {
        "choreo": __version__,
        "openchoreo": "1.2",
        "python": platform.python_version(),
        "platform": f"{platform.system().lower()}/{platform.machine()}",
        "server": _server(name),
    }
    if form == "table":
        for label, value in facts.items():
            output.emit(f"{label:<12}{value}")
    else:
        output.data(facts, form)
    return 0


def _server(name: str) -> str:
    """Name and version of what answers."""
    from choreo_local.apiclient.client import ApiClient
    from choreo_local.apiclient.transport import Blocking

    async def ask() -> str:
        # It is told to anybody, and no session needs to be renewed for it.
        async with ApiClient(connection.url(name), travels=Blocking, timeout_seconds=5) as client:
            found = await client.version()
        return f"{found.get('name', '')} {found.get('version', '')}".strip()

    try:
        return asyncio.run(ask())
    except ChoreoError:
        return "not connected"
