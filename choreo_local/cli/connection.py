"""How commands reach a running instance: its HTTP API, and its kube API for the rest."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

import click
from click.core import ParameterSource

from choreo_local.allinone import instance as instances
from choreo_local.errors import UnreachableError
from choreo_local.paths import InstancePaths

if TYPE_CHECKING:
    from choreo_local.apiclient.client import ApiClient
    from choreo_local.kubeclient.client import KubeClient

T = TypeVar("T")


def with_api(name: str, use: Callable[[ApiClient], Awaitable[T]]) -> T:
    """The result of `use` over a client of the instance's HTTP API."""
    from choreo_local.apiclient import login
    from choreo_local.apiclient.client import ApiClient

    access = login.find(InstancePaths.of(name), surroundings())

    async def run() -> T:
        async with ApiClient(access.url, access.token, persona=access.persona) as client:
            return await use(client)

    return asyncio.run(run())


def with_kube(name: str, use: Callable[[KubeClient], Awaitable[T]]) -> T:
    """The result of `use` over a client of the instance's kube API, as its administrator."""
    from choreo_local.kubeclient.client import KubeClient
    from choreo_local.kubeclient.transport import AiohttpTransport

    paths = InstancePaths.of(name)
    running(name)

    async def run() -> T:
        transport = AiohttpTransport("http://kube", unix_socket=paths.socket("kube"))
        client = KubeClient(transport, field_manager="choreo-cli")
        try:
            return await use(client)
        finally:
            await client.close()

    return asyncio.run(run())


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
