"""Runs of workflows: start them, and show what they write."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from choreo_local import clock
from choreo_local.api import labels, registry
from choreo_local.cli import connection, nouns, objects, options, output, overrides, tables
from choreo_local.errors import ChoreoError, NotFoundError

if TYPE_CHECKING:
    from choreo_local.apiclient.client import ApiClient

F = TypeVar("F", bound=Callable[..., Any])
Manifest = dict[str, Any]

_POLL_SECONDS = 2.0
_GOES_ON = frozenset({"Pending", "Running"})
_RUN = registry.KINDS["WorkflowRun"]
_settings = click.option(
    "--set", "settings", multiple=True, metavar="PATH=VALUE", help="Change the WorkflowRun."
)


def _following(function: F) -> F:
    for option in (
        click.option("-f", "--follow", is_flag=True, help="Go on until the run has ended."),
        click.option("--since", callback=options.duration, help="Only younger lines, e.g. 5m."),
        options.namespace,
    ):
        function = option(function)
    return function


_which = click.option("--workflowrun", "run", default="", help="Which run; else the newest.")


@click.command("run")
@click.argument("workflow")
@_settings
@options.namespace
@click.pass_obj
def run_workflow(name: str, workflow: str, *, settings: Sequence[str], namespace: str) -> int:
    """Start WORKFLOW, of the namespace."""
    return _start(name, registry.WORKFLOW.kind, workflow, settings, namespace)


@click.command("run")
@click.argument("workflow")
@_settings
@options.namespace
@click.pass_obj
def run_cluster_workflow(
    name: str, workflow: str, *, settings: Sequence[str], namespace: str
) -> int:
    """Start WORKFLOW, of the whole installation, in a namespace."""
    return _start(name, registry.CLUSTER_WORKFLOW.kind, workflow, settings, namespace)


def _start(name: str, kind: str, workflow: str, settings: Sequence[str], namespace: str) -> int:
    source = registry.KINDS[kind]

    async def start(client: ApiClient) -> Manifest:
        await objects.read(client, source, workflow, namespace)
        spec = {"workflow": {"kind": kind, "name": workflow}}
        run = {"name": f"{workflow}-{int(clock.unix())}", "namespace": namespace}
        return await _create(client, run, spec, settings)

    return _tell(connection.with_api(name, start))


async def _create(
    client: ApiClient, metadata: Manifest, spec: Manifest, settings: Sequence[str]
) -> Manifest:
    body = overrides.changed({"metadata": metadata, "spec": spec}, settings)
    return await client.create(registry.WORKFLOW_RUN, body)


def _tell(created: Manifest) -> int:
    output.emit(f"workflowrun/{created['metadata']['name']} created")
    return 0


@click.group("workflow")
def component_workflow() -> None:
    """Build a component."""


@component_workflow.command("run")
@click.argument("component")
@click.option("-p", "--project", default="", help="Project that the component must belong to.")
@_settings
@options.namespace
@click.pass_obj
def run_of_component(
    name: str, component: str, *, project: str, settings: Sequence[str], namespace: str
) -> int:
    """Start the workflow of COMPONENT."""

    async def start(client: ApiClient) -> Manifest:
        found = await objects.read(client, registry.KINDS["Component"], component, namespace)
        owner = found["spec"]["owner"]["projectName"]
        if project not in ("", owner):
            raise NotFoundError(f'component "{component}" is not in project "{project}"')
        workflow = found["spec"].get("workflow")
        if not workflow:
            raise ChoreoError(f'component "{component}" has no workflow configured')
        marks = {labels.PROJECT: owner, labels.COMPONENT: component}
        run = {
            "name": f"{component}-build-{int(clock.unix())}",
            "namespace": namespace,
            "labels": marks,
        }
        return await _create(client, run, {"workflow": workflow}, settings)

    return _tell(connection.with_api(name, start))


@component_workflow.command("logs")
@click.argument("component")
@_which
@_following
@click.pass_obj
def component_workflow_logs(name: str, /, component: str, *, run: str, **how: Any) -> int:
    """Show what a run for COMPONENT writes."""
    return _show(name, run, _of_component(component), **how)


@click.group("workflowrun")
def component_runs() -> None:
    """The runs for a component."""


@component_runs.command("list")
@click.argument("component")
@options.output_format(*output.FORMATS)
@options.namespace
@click.pass_obj
def list_of_component(name: str, component: str, *, form: str, namespace: str) -> int:
    """List the runs for COMPONENT."""
    found = connection.with_api(
        name,
        lambda client: objects.read_all(client, _RUN, namespace, selector=_of_component(component)),
    )
    if not found and form in ("table", "wide"):
        output.say(output.safe(f'There are no workflow runs for component "{component}".'))
        return 0
    tables.print_objects(found, form, nouns.BY_NAME["workflowrun"].columns)
    return 0


@component_runs.command("logs")
@click.argument("component")
@_which
@_following
@click.pass_obj
def component_run_logs(name: str, /, component: str, *, run: str, **how: Any) -> int:
    """Show what a run for COMPONENT writes."""
    return _show(name, run, _of_component(component), **how)


def _of_component(component: str) -> str:
    return f"{labels.COMPONENT}={component}"


@click.command("logs")
@click.argument("workflow")
@_which
@_following
@click.pass_obj
def workflow_logs(name: str, /, workflow: str, *, run: str, **how: Any) -> int:
    """Show what a run of WORKFLOW writes."""
    return _show(name, run, "", workflow=workflow, **how)


@click.command("logs")
@click.argument("run")
@_following
@click.pass_obj
def run_logs(name: str, /, run: str, **how: Any) -> int:
    """Show what RUN writes."""
    return _show(name, run, "", **how)


def _show(
    name: str,
    run: str,
    selector: str,
    *,
    follow: bool,
    since: str | None,
    namespace: str,
    workflow: str = "",
) -> int:
    begin = clock.unix() - options.seconds(since) if since else 0

    async def show(client: ApiClient) -> int:
        wanted = run or await _newest(client, namespace, selector, workflow)
        shown = 0
        while True:
            # Asked first: whatever was written before the run ended is in the answer that follows.
            state = (await client.workflow_run_status(namespace, wanted))["status"]
            lines = await _lines(client, namespace, wanted, is_waiting=state in _GOES_ON)
            for line in lines[shown:]:
                if not _is_older(line, begin):
                    output.emit(output.safe(line["log"]))
            shown = len(lines)
            if not follow or state not in _GOES_ON:
                return 0
            await asyncio.sleep(_POLL_SECONDS)

    return connection.with_api(name, show)


async def _lines(
    client: ApiClient, namespace: str, run: str, *, is_waiting: bool
) -> Sequence[Manifest]:
    try:
        return await client.workflow_run_logs(namespace, run)
    except NotFoundError:
        if is_waiting:
            return ()  # nothing runs on the plane yet
        raise


def _is_older(line: Manifest, begin: float) -> bool:
    written = line.get("timestamp")
    return bool(written) and clock.parse_timestamp(str(written)).timestamp() < begin


async def _newest(client: ApiClient, namespace: str, selector: str, workflow: str) -> str:
    filters = {"workflow": workflow} if workflow else {}
    found = await objects.read_all(client, _RUN, namespace, selector=selector, filters=filters)
    if not found:
        raise NotFoundError("there is no run yet", remedy="Start one: choreo workflow run NAME")
    newest = max(found, key=lambda obj: obj["metadata"]["creationTimestamp"])
    return str(newest["metadata"]["name"])
