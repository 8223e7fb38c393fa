"""How commands reach a running instance: over its HTTP API."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

import click
from click.core import ParameterSource

from choreo_local.allinone import instance as instances
from choreo_local.errors import PreflightError, RefusedError, UnreachableError
from choreo_local.paths import InstancePaths

if TYPE_CHECKING:
    from choreo_local.apiclient.client import ApiClient
    from choreo_local.apiclient.login import Access

T = TypeVar("T")


def with_api(name: str, use: Callable[[ApiClient], Awaitable[T]]) -> T:
    """The result of `use` over a client of the instance's HTTP API."""

    import asyncio  # many commands ask nobody

    async def run() -> T:
        async with api(name) as client:
            return await use(client)

    return asyncio.run(run())


def api(name: str) -> ApiClient:
    """A client of the instance's HTTP API, as whoever the person acts as."""
    from choreo_local.apiclient.client import ApiClient
    from choreo_local.apiclient.transport import Blocking

    found = access(name)
    return ApiClient(found.url, found.token, persona=found.persona, travels=Blocking)


def url(name: str) -> str:
    """Where the API is, whoever asks."""
    from choreo_local.apiclient import login

    return surroundings().get(login.URL_VARIABLE) or login.find_own(InstancePaths.of(name)).url


def access(name: str) -> Access:
    """Where the API is, and as whom it is called."""
    from choreo_local.apiclient import login

    return login.find(InstancePaths.of(name), surroundings())


def check_owner(name: str, what: str) -> None:
    """RefusedError unless the person acts as the owner of the instance.

    `what` cannot be reached over the OpenChoreo API, and whatever can reach it knows no roles.
    """
    found = access(name)
    if found == _own(name):
        return
    acting = found.persona or found.signed_in
    who = f'as "{acting}"' if acting else "with a token of your own"
    back = "act as yourself again: choreo logout" if acting else "unset CHOREO_TOKEN"
    raise RefusedError(
        f"{what} cannot be reached over the OpenChoreo API, and you act {who}",
        remedy=f"Use kubectl with the kubeconfig that `{command(name, 'kubeconfig')}` prints, "
        f"or {back}",
    )


def _own(name: str) -> Access | None:
    """The access that the owner of the instance has; None when it does not run."""
    from choreo_local.apiclient import login

    try:
        return login.find_own(InstancePaths.of(name))
    except (UnreachableError, PreflightError):
        return None


def running(name: str) -> instances.Instance:
    """The instance, which must run."""
    found = instances.load(InstancePaths.of(name))
    if found is None or not found.is_running:
        raise UnreachableError(
            f'instance "{name}" does not run', remedy=f"Start it: {command(name, 'up')}"
        )
    return found


def command(name: str, words: str) -> str:
    """What a person types to run a command on an instance."""
    return f"choreo {words}" if name == "default" else f"choreo --instance {name} {words}"


def surroundings() -> Mapping[str, str]:
    """The environment that may name another API; who names an instance means that one."""
    ctx = click.get_current_context(silent=True)
    source = ctx.find_root().get_parameter_source("instance") if ctx is not None else None
    return {} if source is ParameterSource.COMMANDLINE else os.environ
