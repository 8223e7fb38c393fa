"""Commands about a component and its way through the environments."""

from __future__ import annotations

import sys
from typing import Any

import click

from choreo_local.cli import connection, options, output
from choreo_local.errors import RefusedError


@click.command()
@click.argument("component")
@click.option("--to", "target", required=True, metavar="ENVIRONMENT", help="Where to.")
@click.option("--from", "source", metavar="ENVIRONMENT", help="Where from, if there are several.")
@click.option("--release", metavar="NAME", help="Another release than the one the source has.")
@click.option("--dry-run", is_flag=True, help="Only show the plan.")
@options.yes
@options.namespace
@click.pass_obj
def promote(
    name: str,
    component: str,
    *,
    target: str,
    source: str | None,
    release: str | None,
    dry_run: bool,
    yes: bool,
    namespace: str,
) -> int:
    """Bring COMPONENT's release to the next environment, after showing what changes."""

    async def ask(client: Any) -> Any:
        return await client.promotion_plan(
            namespace, component, to=target, source=source, release=release
        )

    plan = connection.with_api(name, ask)
    _show_plan(plan, verb="Promote")
    if plan.up_to_date:
        output.say(f"{target} has {plan.release} already; nothing to do.")
        return 0
    if dry_run:
        return 0
    _confirm(plan, yes=yes)

    async def write(client: Any) -> Any:
        return await client.promote(
            namespace, component, to=target, release=plan.release, expect_current=plan.current
        )

    binding = connection.with_api(name, write)
    output.say(f"Promoted {component} to {target}: {plan.release}")
    output.emit(f"releasebinding/{binding['metadata']['name']}")
    return 0


@click.command()
@click.argument("component")
@options.environment
@click.option("--dry-run", is_flag=True, help="Only show the plan.")
@options.yes
@options.namespace
@click.pass_obj
def rollback(
    name: str, component: str, *, environment: str, dry_run: bool, yes: bool, namespace: str
) -> int:
    """Go back to the release that an environment had before."""

    async def ask(client: Any) -> Any:
        return await client.rollback_plan(namespace, component, environment=environment)

    plan = connection.with_api(name, ask)
    _show_plan(plan, verb="Roll back")
    if dry_run:
        return 0
    _confirm(plan, yes=yes)

    async def write(client: Any) -> Any:
        return await client.rollback(
            namespace,
            component,
            environment=environment,
            release=plan.release,
            expect_current=plan.current,
        )

    connection.with_api(name, write)
    output.say(f"Rolled back {component} in {environment} to {plan.release}")
    return 0


@click.command()
@click.argument("component")
@click.option("--to", "target", required=True, metavar="ENVIRONMENT", help="Where to.")
@options.namespace
@click.pass_obj
def diff(name: str, component: str, *, target: str, namespace: str) -> int:
    """Show what a promotion to an environment would change."""

    async def ask(client: Any) -> Any:
        return await client.promotion_plan(namespace, component, to=target)

    plan = connection.with_api(name, ask)
    for change in plan.changes:
        output.emit(_colored(change.diff))
    output.say(output.safe(plan.summary or plan.unrendered or "no changes"))
    return 0


def _show_plan(plan: Any, *, verb: str) -> None:
    arrow = f"{plan.source} → {plan.target}" if plan.source != plan.target else plan.target
    marker = "  ▲ PROD" if plan.is_production else ""
    output.say(f"{verb} {plan.component}: {arrow}{marker}")
    output.say(f"  release  {plan.current or '(none)'} → {plan.release}")
    for warning in plan.warnings:
        output.say(f"  warning  {output.safe(warning)}")
    if plan.unrendered:
        output.say(f"  cannot be rendered: {output.safe(plan.unrendered)}")
    for change in plan.changes:
        output.say(_colored(change.diff))
    # Of a long diff a person sees the end: what it was about stands there once more.
    for change in plan.changes:
        output.say(output.safe(f"  {change.change:<8} {change.kind}/{change.name}"))
    if plan.summary:
        output.say(f"  {plan.summary}")


def _colored(diff: str) -> str:
    colors = {"+": "green", "-": "red", "@": "cyan"}
    lines = (output.safe_lines(diff)).splitlines()
    return "\n".join(
        click.style(line, fg=colors[line[0]]) if line and line[0] in colors else line
        for line in lines
    )


def _confirm(plan: Any, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise RefusedError(
            "nothing was changed: there is nobody to ask", remedy="Say yes in advance: --yes"
        )
    if plan.is_production:
        typed = click.prompt(
            f"Type {plan.target} to go on", default="", show_default=False, err=True
        )
        agreed = typed == plan.target
    else:
        agreed = click.confirm("Go on?", err=True)
    if not agreed:
        raise RefusedError("nothing was changed")


@click.command()
@click.argument("component")
@options.environment
@click.option("-f", "--follow", is_flag=True, help="Go on as lines are written.")
@click.option(
    "--tail",
    type=click.IntRange(min=0),
    default=100,
    show_default=True,
    help="Last lines of each pod.",
)
@click.option("--since", callback=options.duration, help="Only lines younger than this, e.g. 5m.")
@click.option("-p", "--previous", is_flag=True, help="Of the container before its last restart.")
@options.output_format("text", "json", default="text")
@options.namespace
@click.pass_obj
def logs(
    name: str,
    component: str,
    *,
    environment: str,
    follow: bool,
    tail: int,
    since: str | None,
    previous: bool,
    form: str,
    namespace: str,
) -> int:
    """Show what COMPONENT's pods write."""

    async def read(client: Any) -> None:
        lines = client.logs(
            namespace,
            component,
            environment=environment,
            follow=follow,
            tail=tail,
            since=since,
            previous=previous,
        )
        async for line in lines:
            _print_line(line, form)

    try:
        connection.with_api(name, read)
    except KeyboardInterrupt:
        return 130
    return 0


def _print_line(line: Any, form: str) -> None:
    if form == "json":
        from choreo_local.apiclient import wire

        output.json_line(wire.to_json(line))
    else:
        output.emit(output.safe(f"{line.pod[-5:]} {line.line}"))


@click.command()
@click.argument("component")
@options.environment
@options.output_format("table", "json", "yaml")
@options.namespace
@click.pass_obj
def why(name: str, component: str, *, environment: str, form: str, namespace: str) -> int:
    """Say why COMPONENT is not ready in an environment, and what to do."""

    async def ask(client: Any) -> Any:
        return await client.why(namespace, component, environment=environment)

    found = connection.with_api(name, ask)
    if form != "table":
        from choreo_local.apiclient import wire

        output.data(wire.to_json(found), form)
    else:
        output.emit(output.safe(found.summary))
        for step in found.steps:
            output.emit(output.safe(f"  {step.object}   {step.state}   {step.message}".rstrip()))
        if found.fix:
            output.say(output.safe(f"fix: {found.fix}"))
    return 0 if found.ready else 1
