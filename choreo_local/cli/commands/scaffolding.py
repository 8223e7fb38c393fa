"""`component scaffold` and `project scaffold`: manifests to begin with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

import click

from choreo_local.api import registry
from choreo_local.cli import connection, options, output
from choreo_local.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from choreo_local.apiclient.client import ApiClient
    from choreo_local.cli.scaffold import Part

F = TypeVar("F", bound=Callable[..., Any])

_FILE = click.Path(path_type=Path, dir_okay=False)


def _common(function: F) -> F:
    for option in (
        click.option("--skip-comments", is_flag=True, help="Explain nothing."),
        click.option("--skip-optional", is_flag=True, help="Leave out what may be absent."),
        click.option("-o", "--output-file", "file", type=_FILE, metavar="FILE", help="Write here."),
        options.namespace,
    ):
        function = option(function)
    return function


@click.command("scaffold")
@click.argument("component")
@click.option("--componenttype", default="", metavar="WORKLOAD/NAME", help="Of the namespace.")
@click.option("--clustercomponenttype", default="", metavar="WORKLOAD/NAME", help="Of all.")
@click.option("--traits", default="", metavar="A,B", help="Traits of the namespace.")
@click.option("--clustertraits", default="", metavar="A,B", help="Traits of the installation.")
@click.option("--workflow", default="", help="Workflow of the namespace that builds it.")
@click.option("--clusterworkflow", default="", help="Workflow of the installation that builds it.")
@click.option("-p", "--project", default="default", show_default=True, help="Project.")
@_common
@click.pass_obj
def scaffold_component(
    name: str,
    /,
    component: str,
    *,
    skip_comments: bool,
    skip_optional: bool,
    file: Path | None,
    namespace: str,
    project: str,
    **parts: str,
) -> int:
    """Write a Component to begin with, from the schemas of its type, traits and workflow."""
    from choreo_local.cli import scaffold

    kind, typed = _one_of(parts, "componenttype", "ComponentType")
    workflow_kind, workflow = _one_of(parts, "workflow", "Workflow", is_needed=False)
    if "/" not in typed:
        raise UsageError(
            f'"{typed}" is no component type', remedy="Write workloadType/name: deployment/service"
        )

    async def ask(client: ApiClient) -> str:
        of_type = await _part(client, kind, typed, namespace)
        traits = [
            await _part(client, trait_kind, trait, namespace)
            for flag, trait_kind in (("traits", "Trait"), ("clustertraits", "ClusterTrait"))
            for trait in filter(None, parts[flag].split(","))
        ]
        built = await _part(client, workflow_kind, workflow, namespace) if workflow else None
        style = scaffold.Style(comments=not skip_comments, optional=not skip_optional)
        place = {"namespace": namespace, "project": project}
        return scaffold.component(
            component, place, of_type, traits=traits, workflow=built, style=style
        )

    return _put(connection.with_api(name, ask), file, "Component")


@click.command("scaffold")
@click.argument("project")
@click.option("--projecttype", default="", metavar="NAME", help="Type of the namespace.")
@click.option("--clusterprojecttype", default="", metavar="NAME", help="Type of all.")
@click.option("--deployment-pipeline", "pipeline", default="default", show_default=True)
@click.option("--no-bindings", is_flag=True, help="Only the Project.")
@_common
@click.pass_obj
def scaffold_project(
    name: str,
    /,
    project: str,
    *,
    pipeline: str,
    no_bindings: bool,
    skip_comments: bool,
    skip_optional: bool,
    file: Path | None,
    namespace: str,
    **parts: str,
) -> int:
    """Write a Project to begin with, and a binding for each environment of its pipeline."""
    from choreo_local.cli import deploys, scaffold

    kind, typed = _one_of(parts, "projecttype", "ProjectType")

    async def ask(client: ApiClient) -> str:
        of_type = await _part(client, kind, typed, namespace)
        found = await client.get(registry.DEPLOYMENT_PIPELINE, pipeline, namespace)
        ways = deploys.ways(found)
        environments = list(dict.fromkeys(each for way in ways for each in way))
        return scaffold.project(
            project,
            namespace,
            of_type,
            pipeline=pipeline,
            environments=() if no_bindings else environments,
            style=scaffold.Style(comments=not skip_comments, optional=not skip_optional),
        )

    return _put(connection.with_api(name, ask), file, "Project")


def _one_of(
    parts: dict[str, str], flag: str, kind: str, *, is_needed: bool = True
) -> tuple[str, str]:
    """Kind and name of what one of two options names."""
    own, of_all = parts[flag], parts[f"cluster{flag}"]
    if (own and of_all) or (is_needed and not (own or of_all)):
        raise UsageError(f"one of --{flag} or --cluster{flag} is required")
    return (kind, own) if own else (f"Cluster{kind}", of_all)


async def _part(client: ApiClient, kind: str, name: str, namespace: str) -> Part:
    from choreo_local.cli.scaffold import Part

    entry, plain = registry.KINDS[kind], name.rpartition("/")[2]
    place = f"/namespaces/{quote(namespace, safe='')}" if entry.resource.namespaced else ""
    path = f"/api/v1{place}/{entry.resource.plural}/{quote(plain, safe='')}/schema"
    try:
        schema = await client.request("GET", path)
    except NotFoundError:
        raise NotFoundError(
            f'{kind} "{plain}" not found', remedy=f"See which there are: choreo {kind.lower()} list"
        ) from None
    return Part(kind, name, schema)


def _put(text: str, file: Path | None, kind: str) -> int:
    if file is None:
        for line in text.splitlines():
            output.emit(output.safe(line))
        return 0
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}") from error
    output.emit(output.safe(f"{kind} YAML written to {file}"))
    return 0
