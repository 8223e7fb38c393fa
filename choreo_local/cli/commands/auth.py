"""`choreo auth …`: who am I, may I, and why not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from choreo_local.cli import connection, options, output
from choreo_local.errors import UsageError

_NO = 1


@click.group()
def auth() -> None:
    """Say who you are, what you may do, and why not."""


@auth.command()
@options.output_format("table", "json", "yaml")
@click.pass_obj
def whoami(name: str, *, form: str) -> int:
    """Print who the API takes you for, and where your permissions reach."""

    async def ask(client: Any) -> Any:
        return await client.profile()

    found = connection.with_api(name, ask)
    if form != "table":
        output.data({"user": found["user"], "places": _places(found["capabilities"])}, form)
        return 0
    user = found["user"]
    output.emit(f"type     {output.safe(user['type'])}")
    for value in user["entitlement_values"] or ("nothing",):
        output.emit(f"is       {output.safe(user['entitlement_claim'])}:{output.safe(value)}")
    for path, count in _places(found["capabilities"]).items():
        output.emit(f"may      {_counted(count)} on {output.safe(path)}")
    return 0


def _places(capabilities: Mapping[str, Any]) -> dict[str, int]:
    """Path → how many actions are allowed there."""
    places: dict[str, int] = {}
    for entry in capabilities.values():
        for path in {allowed["path"] for allowed in entry["allowed"]}:
            places[path] = places.get(path, 0) + 1
    return dict(sorted(places.items()))


def _counted(count: int) -> str:
    return "1 action" if count == 1 else f"{count} actions"


def _question(function: Any) -> Any:
    """The arguments of a question."""
    for decorate in (
        click.argument("action", metavar="ACTION"),
        options.namespace,
        click.option("--cluster", is_flag=True, help="Ask about the whole installation."),
        click.option("--project", help="Ask about a project."),
        click.option("--component", help="Ask about a component of the project."),
        click.option("--resource", help="Ask about a resource of the project."),
        click.option("--env", "-e", "environment", help="For conditions: the environment."),
        click.option(
            "--as",
            "entitlement",
            metavar="CLAIM:VALUE",
            help="Ask about others, e.g. groups:developers; needs the right to see all bindings.",
        ),
    )[::-1]:
        function = decorate(function)
    return function


@auth.command("can-i")
@_question
@options.output_format("table", "json", "yaml")
@click.pass_obj
def can_i(name: str, /, *, form: str, **question: Any) -> int:
    """Print yes or no: may you do ACTION, e.g. component:create?

    The exit code is 0 for yes and 1 for no.
    """
    found = _explained(name, question)
    if form != "table":
        output.data({"allowed": found["allowed"], "reason": found["reason"]}, form)
    else:
        output.emit("yes" if found["allowed"] else "no")
    return 0 if found["allowed"] else _NO


@auth.command("why-denied")
@_question
@options.output_format("table", "json", "yaml")
@click.pass_obj
def why_denied(name: str, /, *, form: str, **question: Any) -> int:
    """Say what is missing for ACTION, and which bindings come near."""
    found = _explained(name, question)
    if form != "table":
        output.data(found, form)
        return 0
    if found["allowed"]:
        output.emit(f"It is allowed. {output.safe(found['summary'])}")
        return 0
    output.emit(output.safe(found["summary"]))
    for detail in found["details"]:
        output.emit(f"  {output.safe(detail)}")
    output.emit(f"fix: {output.safe(found['remedy'])}")
    return 0


def _explained(name: str, question: Mapping[str, Any]) -> Any:
    action = question["action"]
    if ":" not in action and action != "*":
        raise UsageError(
            f'"{action}" is not an action',
            remedy="Write resource:verb, e.g. component:create",
        )
    namespace = "" if question["cluster"] else question["namespace"]
    environment = question["environment"]
    query = {
        "namespace": namespace,
        "project": question["project"],
        "component": question["component"],
        "resource": question["resource"],
        "environment": f"{namespace}/{environment}" if environment else None,
        "as": question["entitlement"],
    }

    async def ask(client: Any) -> Any:
        return await client.explain(action, {key: text for key, text in query.items() if text})

    return connection.with_api(name, ask)
