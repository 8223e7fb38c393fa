"""Objects that are not OpenChoreo's, over the kube API: a convenience for the owner alone.

The kube API knows no personas, so whoever acts as somebody else is refused. This module is the only
one of the command that talks to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.cli import connection, description, output, targets
from choreo_local.errors import NotFoundError, UsageError
from choreo_local.paths import InstancePaths

if TYPE_CHECKING:
    from choreo_local.kubeclient.client import KubeClient

T = TypeVar("T")
Manifest = dict[str, Any]

_MANAGER = "choreo-cli"
_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
_EVENTS = ResourceKind("", "v1", "Event", "events")


def with_kube(name: str, what: str, use: Callable[[KubeClient], Awaitable[T]]) -> T:
    """The result of `use` over a client of the instance's kube API, as its administrator.

    RefusedError unless the owner asks; `what` is what they ask for.
    """

    async def run() -> T:
        async with opened(name, what) as client:
            return await use(client)

    return asyncio.run(run())


@asynccontextmanager
async def opened(name: str, what: str) -> AsyncIterator[KubeClient]:
    """A client of the instance's kube API, as its administrator; for its owner."""
    connection.check_owner(name, what)
    from choreo_local.allinone import administrator

    found = connection.running(name)
    access = await administrator.access(InstancePaths.of(name), found)
    client = access.client(field_manager=_MANAGER)
    try:
        yield client
    finally:
        await client.close()


async def kind_of(client: KubeClient, name: str) -> ResourceKind:
    """The kind that a name means to the kube API: plural, singular, short name or kind."""
    wanted, _, group = name.lower().partition(".")
    for kind, names in await _kinds(client):
        if wanted in {kind.plural, kind.kind.lower(), *names} and group in ("", kind.group):
            return kind
    raise UsageError(f'unknown kind "{name}"', remedy="List all kinds with: kubectl api-resources")


async def _kinds(client: KubeClient) -> list[tuple[ResourceKind, list[str]]]:
    from choreo_local.kubeclient.client import decode

    found = []
    for path in ("/api", "/apis"):
        response = await client.transport.request("GET", path, headers={"Accept": _AGGREGATED})
        found += _entries(decode(response))
    return found


def _entries(groups: Mapping[str, Any]) -> list[tuple[ResourceKind, list[str]]]:
    return [
        (
            ResourceKind(
                group=group["metadata"].get("name", ""),
                version=version["version"],
                kind=entry["responseKind"]["kind"],
                plural=entry["resource"],
                namespaced=entry["scope"] == "Namespaced",
            ),
            [entry.get("singularResource", ""), *entry.get("shortNames", ())],
        )
        for group in groups.get("items", ())
        for version in group["versions"]
        for entry in version.get("resources", ())
    ]


async def apply(client: KubeClient, manifest: Manifest, namespace: str, *, dry_run: bool) -> str:
    """Server-side apply; what became of the object."""
    kind = await client.resolve(manifest["apiVersion"], manifest["kind"])
    if kind.namespaced:
        metadata = {**manifest["metadata"], "namespace": namespace}
        manifest = {**manifest, "metadata": metadata}
    before = None if dry_run else await _revision(client, kind, manifest, namespace)
    applied = await client.apply(kind, manifest, field_manager=_MANAGER, dry_run=dry_run)
    if before is None:
        return "created"
    return "unchanged" if applied["metadata"]["resourceVersion"] == before else "configured"


async def _revision(
    client: KubeClient, kind: ResourceKind, manifest: Manifest, namespace: str
) -> str | None:
    try:
        found = await client.get(kind, manifest["metadata"]["name"], namespace)
    except NotFoundError:
        return None
    revision: str = found["metadata"]["resourceVersion"]
    return revision


async def delete(client: KubeClient, manifest: Manifest, namespace: str) -> None:
    """Delete what a manifest names."""
    kind = await client.resolve(manifest["apiVersion"], manifest["kind"])
    await client.delete(kind, manifest["metadata"]["name"], namespace)


async def delete_named(client: KubeClient, kind: str, name: str, namespace: str) -> None:
    """Delete one object."""
    await client.delete(await kind_of(client, kind), name, namespace)


async def show(
    client: KubeClient,
    kind: str,
    name: str | None,
    *,
    namespace: str | None,
    selector: str,
    form: str,
) -> int:
    """Print objects as the kube API shows them; `namespace` None is all of them."""
    resource = await kind_of(client, kind)
    path = resource.path(namespace, name)
    query = {"labelSelector": selector} if selector else {}
    if form in ("table", "wide"):
        shown = await _table(client, path, query)
        if shown.get("rows"):
            is_everywhere = resource.namespaced and namespace is None
            _print_table(shown, wide=form == "wide", all_of=is_everywhere)
        else:
            output.say_none(resource.plural, namespace if resource.namespaced else None)
        return 0
    found = await client.request_json("GET", path, query=query)
    if form == "name":
        for obj in found.get("items", [found]):
            output.emit(f"{resource.kind.lower()}/{obj['metadata']['name']}")
    else:
        output.data(found, form)
    return 0


async def _table(client: KubeClient, path: str, query: dict[str, str]) -> dict[str, Any]:
    from choreo_local.kubeclient.client import decode

    headers = {"Accept": _TABLE}
    response = await client.transport.request("GET", path, query=query, headers=headers)
    table: dict[str, Any] = decode(response)
    return table


def _print_table(table: dict[str, Any], *, wide: bool, all_of: bool) -> None:
    columns = table["columnDefinitions"]
    shown = [index for index, column in enumerate(columns) if wide or not column.get("priority")]
    heads = [columns[index]["name"].upper() for index in shown]
    rows = []
    for row in table["rows"]:
        cells = [str(row["cells"][index]) for index in shown]
        place = [row["object"]["metadata"].get("namespace", "")] if all_of else []
        rows.append([*place, *cells])
    output.table(["NAMESPACE", *heads] if all_of else heads, rows)


async def describe(client: KubeClient, kind: str, name: str, namespace: str) -> int:
    """Print one object with its events."""
    resource = await kind_of(client, kind)
    place = namespace if resource.namespaced else None
    try:
        obj = await client.get(resource, name, place)
    except NotFoundError:
        raise targets.absent(resource.kind, name, place) from None
    about = f"involvedObject.uid={obj['metadata']['uid']}"
    events = await client.list(_EVENTS, field_selector=about)
    for line in description.lines(obj, events.items):
        output.emit(line)
    return 0
