"""`component deploy`, `project deploy`, `resource promote`: as upstream's client has them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from choreo_local.cli import connection, options, output

if TYPE_CHECKING:
    from choreo_local.apiclient.client import ApiClient
    from choreo_local.cli.deploys import Deployed

F = TypeVar("F", bound=Callable[..., Any])


def _choices(function: F) -> F:
    for option in (
        click.option("--release", default="", help="Release; else a new one, or the source's."),
        click.option("--to", default="", metavar="ENVIRONMENT", help="Where; else the first."),
        click.option(
            "--set",
            "settings",
            multiple=True,
            metavar="PATH=VALUE",
            help="Change the binding, e.g. spec.componentTypeEnvironmentConfigs.replicas=3.",
        ),
        options.namespace,
    ):
        function = option(function)
    return function


@click.command("deploy")
@click.argument("component")
@click.option("-p", "--project", default="", help="Project; that of the component unless given.")
@_choices
@click.pass_obj
def deploy_component(
    name: str,
    component: str,
    *,
    project: str,
    release: str,
    to: str,
    settings: Sequence[str],
    namespace: str,
) -> int:
    """Bind a release of COMPONENT: a new one in the first environment, or with --to the source's.

    It asks nothing; `choreo promote` shows first what would change.
    """

    async def bind(client: ApiClient) -> tuple[Deployed, str]:
        from choreo_local.cli import deploys

        return await deploys.component(
            client, namespace, project, component, to=to, release=release, settings=settings
        )

    done, made = connection.with_api(name, bind)
    if made:
        output.emit(f"Created release: {made}")
    return _tell("component", component, done)


@click.command("deploy")
@click.argument("project", default="default")
@_choices
@click.pass_obj
def deploy_project(
    name: str, project: str, *, release: str, to: str, settings: Sequence[str], namespace: str
) -> int:
    """Bind a release of PROJECT; paths of --set begin below spec.environmentConfigs."""

    async def bind(client: ApiClient) -> Deployed | None:
        from choreo_local.cli import deploys

        return await deploys.project(
            client, namespace, project, to=to, release=release, settings=settings
        )

    done = connection.with_api(name, bind)
    if done is None:
        output.say(f"Project '{project}' is already deployed; nothing to do.")
        return 0
    return _tell("project", project, done)


@click.command("promote")
@click.argument("resource")
@options.environment
@options.namespace
@click.pass_obj
def promote_resource(name: str, resource: str, *, environment: str, namespace: str) -> int:
    """Bind the latest release of RESOURCE in an environment."""

    async def bind(client: ApiClient) -> Deployed:
        from choreo_local.cli import deploys

        return await deploys.resource(client, namespace, resource, environment=environment)

    return _tell("resource", resource, connection.with_api(name, bind))


def _tell(what: str, name: str, done: Deployed) -> int:
    output.emit(
        output.safe(f"Successfully deployed {what} '{name}' to environment '{done.environment}'")
    )
    if done.release:
        output.emit(output.safe(f"  Release: {done.release}"))
    output.emit(output.safe(f"  Binding: {done.binding}"))
    return 0
