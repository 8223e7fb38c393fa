"""How commands reach a running instance: its HTTP API, and its kube API for the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

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

    access = login.find(InstancePaths.of(name))

    async def run() -> T:
        async with ApiClient(access.url, access.token) as client:
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
        option = "" if name == "default" else f" --instance {name}"
        raise UnreachableError(
            f'instance "{name}" does not run', remedy=f"Start it: choreo{option} up"
        )
    return found
