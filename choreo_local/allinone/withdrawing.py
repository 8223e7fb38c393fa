"""What an instance has outside its state directory, on its driver's cluster; and how it goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from choreo_local.allinone import administrator, bundles
from choreo_local.allinone import instance as instances
from choreo_local.allinone import plan as plans
from choreo_local.clusters import inventory, k3d, remote
from choreo_local.clusters.k3dcommand import K3d
from choreo_local.clusters.ownership import Ownership
from choreo_local.clusters.withdrawal import Withdrawal, kinds_of
from choreo_local.errors import PreflightError, UnreachableError
from choreo_local.paths import InstancePaths

_BUNDLES = ("accounts", "access", "core", "authz", "dataplane", "platform", "demo")


def plan(paths: InstancePaths, record: instances.Instance) -> Iterator[str]:
    """What `carry_out` would remove, a line each."""
    if record.driver == "k3d":
        found = k3d.ours(K3d(), record.id)
        if found is not None:
            yield f"k3d cluster {found.name} ({len(found.nodes)} nodes)"
        return

    async def look() -> list[str]:
        async with _withdrawal(paths, record) as withdrawal:
            return [
                f"{kind.kind} {obj['metadata']['name']} on {record.server}"
                for kind, obj in await withdrawal.plan()
            ]

    yield from asyncio.run(look())


def carry_out(paths: InstancePaths, record: instances.Instance) -> str:
    """Remove it; what it was.

    Raises PreflightError when the cluster cannot be reached, RefusedError when it is another one.
    """
    if record.driver == "k3d":
        return "the k3d cluster" if k3d.delete(K3d(), record.id) else ""
    return f"{_withdraw(paths, record)} objects on {record.server}"


def _withdraw(paths: InstancePaths, record: instances.Instance) -> int:

    async def remove() -> int:
        async with _withdrawal(paths, record) as withdrawal:
            return await withdrawal.carry_out()

    try:
        return asyncio.run(remove())
    except UnreachableError as error:
        raise PreflightError(
            f"cannot remove what is on the cluster: {error.message}",
            remedy="Make it reachable; or remove only what is on this machine: "
            "choreo down --purge --keep-cluster",
        ) from error


@asynccontextmanager
async def _withdrawal(
    paths: InstancePaths, record: instances.Instance
) -> AsyncIterator[Withdrawal]:
    client = (await administrator.access(paths, record)).client()
    owner = Ownership(record.id, field_manager=remote.FIELD_MANAGER)
    manifests = [
        manifest for name in _BUNDLES for manifest in bundles.load(name).manifests(_VALUES)
    ]
    try:
        plans.check_place(record, await inventory.identity(client))
        kinds = kinds_of([*manifests, *plans.webhook_configurations()])
        yield Withdrawal(client, owner, kinds=kinds)
    finally:
        await client.close()


# Only the kinds count here.
_VALUES = {"GATEWAY_PORT": "0", "OBSERVER_URL": ""}
