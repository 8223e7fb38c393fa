"""`apply`, `get`, `delete` and `describe` for objects of any kind.

Objects of OpenChoreo go over its API, with the rights of whoever the person acts as. All others are
the kube API's (`cluster`), and the owner's alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import click

from choreo_local.cli import connection, kinds, objects, options, output, tables, targets
from choreo_local.errors import ApiError, ChoreoError, NotFoundError, UsageError

if TYPE_CHECKING:
    from choreo_local.apiclient.client import ApiClient
    from choreo_local.cli import manifests

_FORMATS = ("table", "wide", "json", "yaml", "name")


@click.command()
@click.option(
    "-f", "--filename", "files", multiple=True, metavar="FILE", help="File, folder, URL or -."
)
@click.option("--demo", is_flag=True, help="The manifests of the demo.")
@click.option("--dry-run", is_flag=True, help="Check only; store nothing.")
@options.namespace
@click.pass_obj
def apply(name: str, *, files: Sequence[str], demo: bool, dry_run: bool, namespace: str) -> int:
    """Create or change objects from files; nothing is stored when one of them is wrong.

    Fields that a file does not have keep what others gave them.
    """
    if demo == bool(files):
        raise UsageError("say what to apply: either -f FILE, or --demo")
    found = _demo_documents() if demo else _read(files)
    return asyncio.run(_apply(name, found, namespace, dry_run=dry_run))


def _read(files: Sequence[str]) -> list[manifests.Document]:
    # Loaded here: to show objects, no YAML is read.
    from choreo_local.cli import manifests

    return manifests.read(files)


def _demo_documents() -> list[manifests.Document]:
    from choreo_local.allinone import bundles
    from choreo_local.cli import manifests

    demo = bundles.load("demo")
    return [manifests.Document("the demo", manifest) for manifest in demo.manifests({})]


async def _apply(
    name: str, found: Sequence[manifests.Document], namespace: str, *, dry_run: bool
) -> int:
    # A namespace goes before what is in it, wherever it stands.
    found = sorted(found, key=lambda document: document.manifest["kind"] != "Namespace")
    async with AsyncExitStack() as stack:
        writer = await _Writer.open(stack, name, found, namespace)
        problems = [
            (document, problem)
            for document in found
            if (problem := await _problem(writer, document, found)) is not None
        ]
        for document, problem in problems:
            output.say(output.safe(f"{document.source}: {document.title}"))
            output.fail(problem)
        if problems:
            output.say(
                f"Nothing was stored: {len(problems)} of {len(found)} manifests cannot be applied."
            )
            return problems[0][1].exit_code
        for document in found:
            done = "checked" if dry_run else await writer.apply(document, dry_run=False)
            output.emit(output.safe(f"{document.title} {done}"))
    return 0


class _Writer:
    """Sends what manifests ask for where it belongs: to the OpenChoreo API, or to the kube API."""

    def __init__(self, api: ApiClient, kube: Any, namespace: str) -> None:
        self._api = api
        self._kube = kube
        self._namespace = namespace

    @classmethod
    async def open(
        cls,
        stack: AsyncExitStack,
        name: str,
        documents: Sequence[manifests.Document],
        namespace: str,
    ) -> _Writer:
        """Connect; RefusedError when something is not the OpenChoreo API's, nor the caller's."""
        others = [each.title for each in documents if kinds.of_manifest(each.manifest) is None]
        kube = None
        if others:
            from choreo_local.cli import cluster

            kube = await stack.enter_async_context(cluster.opened(name, ", ".join(others)))
        return cls(await stack.enter_async_context(connection.api(name)), kube, namespace)

    async def apply(self, document: manifests.Document, *, dry_run: bool) -> str:
        """What became of the object."""
        manifest, kind = document.manifest, kinds.of_manifest(document.manifest)
        namespace = self.place(manifest)
        if kind is None:
            from choreo_local.cli import cluster

            return await cluster.apply(self._kube, manifest, namespace, dry_run=dry_run)
        applied = await self._api.apply(
            kind.resource, manifest, objects.place(kind, namespace), dry_run=dry_run
        )
        return applied.result

    async def delete(self, document: manifests.Document) -> None:
        """Delete the object; NotFoundError when it is not there."""
        manifest, kind = document.manifest, kinds.of_manifest(document.manifest)
        namespace = self.place(manifest)
        if kind is None:
            from choreo_local.cli import cluster

            await cluster.delete(self._kube, manifest, namespace)
            return
        await objects.delete(self._api, kind, manifest["metadata"]["name"], namespace)

    def place(self, manifest: dict[str, Any]) -> str:
        """The namespace of what a manifest names."""
        return str(manifest["metadata"].get("namespace") or self._namespace)


async def _problem(
    writer: _Writer, document: manifests.Document, others: Sequence[manifests.Document]
) -> ChoreoError | None:
    """What the server would refuse; what an earlier manifest will make is not missing."""
    try:
        await writer.apply(document, dry_run=True)
    except NotFoundError as error:
        namespace = writer.place(document.manifest)
        return None if _will_exist(document, others, namespace) else error
    except ApiError as error:
        return error
    return None


def _will_exist(
    document: manifests.Document, others: Sequence[manifests.Document], namespace: str
) -> bool:
    manifest = document.manifest
    group = manifest["apiVersion"].rpartition("/")[0]
    for other in others:
        made = other.manifest
        if made["kind"] == "Namespace":
            if made["metadata"]["name"] == namespace:
                return True
        elif made["kind"] == "CustomResourceDefinition":
            spec = made.get("spec") or {}
            names = spec.get("names") or {}
            if (spec.get("group"), names.get("kind")) == (group, manifest["kind"]):
                return True
    return False


@click.command()
@click.argument("kind", metavar="KIND")
@click.argument("object_name", metavar="[NAME]", required=False)
@click.option("-A", "--all-namespaces", is_flag=True, help="Of all namespaces.")
@click.option("-l", "--selector", default="", help="Label selector.")
@options.output_format(*_FORMATS)
@options.namespace
@click.pass_obj
def get(
    name: str,
    kind: str,
    object_name: str | None,
    *,
    all_namespaces: bool,
    selector: str,
    form: str,
    namespace: str,
) -> int:
    """Show objects of KIND, or the one called NAME."""
    kind, object_name = targets.parse(kind, object_name)
    if object_name is not None and (all_namespaces or selector):
        raise UsageError("a name and a choice among many exclude each other: -A, -l")
    found = kinds.of_api(kind)
    if found is None:
        return _show_other(
            name,
            kind,
            object_name,
            namespace=None if all_namespaces else namespace,
            selector=selector,
            form=form,
        )
    where = None if all_namespaces else namespace

    async def ask(client: ApiClient) -> list[dict[str, Any]]:
        if object_name is not None:
            return [await objects.read(client, found, object_name, namespace)]
        return await objects.read_all(client, found, where, selector=selector)

    shown = connection.with_api(name, ask)
    if not shown and form in ("table", "wide"):
        output.say_none(found.resource.plural, objects.place(found, namespace) and where)
        return 0
    is_everywhere = all_namespaces and found.resource.namespaced
    is_single = object_name is not None
    tables.print_objects(
        shown, form, tables.of_kind(found), single=is_single, everywhere=is_everywhere
    )
    return 0


def _show_other(name: str, kind: str, object_name: str | None, **how: Any) -> int:
    from choreo_local.cli import cluster

    return cluster.with_kube(
        name, f'"{kind}"', lambda client: cluster.show(client, kind, object_name, **how)
    )


@click.command()
@click.argument("kind", required=False)
@click.argument("object_name", metavar="[NAME]", required=False)
@click.option(
    "-f", "--filename", "files", multiple=True, metavar="FILE", help="File, folder, URL or -."
)
@options.namespace
@click.pass_obj
def delete(
    name: str,
    kind: str | None,
    object_name: str | None,
    *,
    files: Sequence[str],
    namespace: str,
) -> int:
    """Delete the object of KIND called NAME, or everything that files name."""
    if files and kind is not None:
        raise UsageError("say what to delete: either KIND NAME, or -f FILE")
    if files:
        return asyncio.run(_delete_files(name, _read(files), namespace))
    if kind is None:
        raise UsageError("say what to delete: KIND NAME, or -f FILE")
    wanted_kind, wanted_name = targets.required(kind, object_name)
    known = kinds.of_api(wanted_kind)
    if known is not None:
        connection.with_api(
            name, lambda client: objects.delete(client, known, wanted_name, namespace)
        )
    else:
        from choreo_local.cli import cluster

        cluster.with_kube(
            name,
            f'"{wanted_kind}"',
            lambda client: cluster.delete_named(client, wanted_kind, wanted_name, namespace),
        )
    output.emit(f"{wanted_kind}/{wanted_name} deleted")
    return 0


async def _delete_files(name: str, found: Sequence[manifests.Document], namespace: str) -> int:
    async with AsyncExitStack() as stack:
        writer = await _Writer.open(stack, name, found, namespace)
        for document in reversed(found):
            try:
                await writer.delete(document)
            except NotFoundError:
                output.say(output.safe(f"{document.title} was not there"))
                continue
            output.emit(output.safe(f"{document.title} deleted"))
    return 0


@click.command()
@click.argument("kind", metavar="KIND")
@click.argument("object_name", metavar="[NAME]", required=False)
@options.namespace
@click.pass_obj
def describe(name: str, kind: str, object_name: str | None, *, namespace: str) -> int:
    """Show the object of KIND called NAME: what it asks for, its conditions and its events."""
    wanted_kind, wanted_name = targets.required(kind, object_name)
    known = kinds.of_api(wanted_kind)
    if known is None:
        from choreo_local.cli import cluster

        return cluster.with_kube(
            name,
            f'"{wanted_kind}"',
            lambda client: cluster.describe(client, wanted_kind, wanted_name, namespace),
        )

    async def ask(client: ApiClient) -> tuple[dict[str, Any], Sequence[dict[str, Any]]]:
        where = objects.place(known, namespace)
        found = await objects.read(client, known, wanted_name, namespace)
        return found, await client.events(known.resource, wanted_name, where)

    obj, events = connection.with_api(name, ask)
    from choreo_local.cli import description

    for line in description.lines(obj, events):
        output.emit(line)
    return 0
