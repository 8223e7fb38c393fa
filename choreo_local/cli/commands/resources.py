"""`apply`, `get`, `delete` and `describe` for objects of any kind.

Objects of OpenChoreo are read through its API, everything else through the kube API. Apply goes to
the kube API for all: server-side apply is what the OpenChoreo API does not have.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from choreo_local.api import registry
from choreo_local.cli import ages, connection, kinds, options, output, targets
from choreo_local.errors import ApiError, ChoreoError, NotFoundError, UsageError

if TYPE_CHECKING:
    from choreo_local.cli import manifests

_FORMATS = ("table", "wide", "json", "yaml", "name")
_MANAGER = "choreo-cli"


@click.command()
@click.option("-f", "--filename", "files", multiple=True, metavar="FILE", help="File, folder or -.")
@click.option("--demo", is_flag=True, help="The manifests of the demo.")
@click.option("--dry-run", is_flag=True, help="Check only; store nothing.")
@options.namespace
@click.pass_obj
def apply(name: str, *, files: Sequence[str], demo: bool, dry_run: bool, namespace: str) -> int:
    """Create or change objects from files; nothing is stored when one of them is wrong."""
    if demo == bool(files):
        raise UsageError("say what to apply: either -f FILE, or --demo")
    found = _demo_documents() if demo else _read(files)
    return connection.with_kube(
        name, lambda client: _apply(client, found, namespace, dry_run=dry_run)
    )


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
    client: Any, found: Sequence[manifests.Document], namespace: str, *, dry_run: bool
) -> int:
    problems = [
        (document, problem)
        for document in found
        if (problem := await _problem(client, document, found, namespace)) is not None
    ]
    for document, problem in problems:
        output.say(output.safe(f"{document.source}: {document.title}"))
        output.fail(problem)
    if problems:
        output.say(f"Nothing was stored: {len(problems)} of {len(found)} manifests are wrong.")
        return problems[0][1].exit_code
    for document in found:
        verb = "checked" if dry_run else await _write(client, document, namespace)
        output.emit(output.safe(f"{document.title} {verb}"))
    return 0


async def _problem(
    client: Any,
    document: manifests.Document,
    others: Sequence[manifests.Document],
    namespace: str,
) -> ChoreoError | None:
    """What the server would refuse; what an earlier manifest will make is not missing."""
    try:
        await _send(client, document, namespace, dry_run=True)
    except NotFoundError as error:
        return None if _will_exist(document, others) else error
    except ApiError as error:
        return error
    return None


def _will_exist(document: manifests.Document, others: Sequence[manifests.Document]) -> bool:
    manifest = document.manifest
    group = manifest["apiVersion"].rpartition("/")[0]
    for other in others:
        made = other.manifest
        if made["kind"] == "Namespace":
            if made["metadata"]["name"] == manifest["metadata"].get("namespace"):
                return True
        elif made["kind"] == "CustomResourceDefinition":
            spec = made.get("spec") or {}
            names = spec.get("names") or {}
            if (spec.get("group"), names.get("kind")) == (group, manifest["kind"]):
                return True
    return False


async def _write(client: Any, document: manifests.Document, namespace: str) -> str:
    before = await _revision(client, document, namespace)
    applied = await _send(client, document, namespace, dry_run=False)
    if before is None:
        return "created"
    return "unchanged" if applied["metadata"]["resourceVersion"] == before else "configured"


async def _revision(client: Any, document: manifests.Document, namespace: str) -> str | None:
    manifest = document.manifest
    try:
        kind = await client.resolve(manifest["apiVersion"], manifest["kind"])
        found = await client.get(kind, manifest["metadata"]["name"], _place(manifest, namespace))
    except NotFoundError:
        return None
    revision: str = found["metadata"]["resourceVersion"]
    return revision


def _place(manifest: dict[str, Any], namespace: str) -> str:
    return str(manifest["metadata"].get("namespace") or namespace)


async def _send(
    client: Any, document: manifests.Document, namespace: str, *, dry_run: bool
) -> dict[str, Any]:
    manifest = document.manifest
    kind = await client.resolve(manifest["apiVersion"], manifest["kind"])
    if kind.namespaced:
        metadata = {**manifest["metadata"], "namespace": _place(manifest, namespace)}
        manifest = {**manifest, "metadata": metadata}
    applied: dict[str, Any] = await client.apply(
        kind, manifest, field_manager=_MANAGER, dry_run=dry_run
    )
    return applied


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
    if found is not None and not all_namespaces:
        objects = _read_api(name, found, object_name, namespace, selector)
        place = namespace if found.resource.namespaced else None
        _print(found, objects, form, single=object_name is not None, place=place)
        return 0
    return connection.with_kube(
        name,
        lambda client: _get_kube(
            client,
            kind,
            object_name,
            namespace=None if all_namespaces else namespace,
            selector=selector,
            form=form,
        ),
    )


def _read_api(
    name: str, found: registry.ApiKind, object_name: str | None, namespace: str, selector: str
) -> list[dict[str, Any]]:
    place = namespace if found.resource.namespaced else None

    async def ask(client: Any) -> list[dict[str, Any]]:
        if object_name is not None:
            try:
                return [await client.get(found.resource, object_name, place)]
            except NotFoundError:
                raise targets.absent(found.resource.kind, object_name, place) from None
        listed: list[dict[str, Any]] = await client.list(
            found.resource, place, label_selector=selector
        )
        return listed

    return connection.with_api(name, ask)


def _print(
    found: registry.ApiKind,
    objects: list[dict[str, Any]],
    form: str,
    *,
    single: bool,
    place: str | None,
) -> None:
    from choreo_local.embedded.kubeapi.jsonpath import JsonPath, PathError

    def cell(obj: Any, column: registry.Column) -> str:
        if column.type == "date":
            return ages.age(obj["metadata"].get("creationTimestamp"))
        try:
            values = JsonPath(column.json_path).find(obj)
        except PathError:
            values = []
        return ",".join(str(value) for value in values) or "<none>"

    columns = [column for column in found.columns if column.name != "Age"]
    age = registry.Column("Age", ".metadata.creationTimestamp", "date")
    shown = [*columns, age]
    if not objects and form in ("table", "wide"):
        _say_none(found.resource.plural, place)
        return
    output.objects(
        objects,
        form,
        columns=["NAME", *(column.name.upper() for column in shown)],
        row=lambda obj: [obj["metadata"]["name"], *(cell(obj, column) for column in shown)],
        single=single,
    )


async def _get_kube(
    client: Any,
    kind: str,
    object_name: str | None,
    *,
    namespace: str | None,
    selector: str,
    form: str,
) -> int:
    resource = await kinds.of_kube(client, kind)
    path = resource.path(namespace, object_name)
    query = {"labelSelector": selector} if selector else {}
    if form in ("table", "wide"):
        shown = await _table(client, path, query)
        if shown.get("rows"):
            _print_table(
                shown, wide=form == "wide", all_of=resource.namespaced and namespace is None
            )
        else:
            _say_none(resource.plural, namespace if resource.namespaced else None)
        return 0
    found = await client.request_json("GET", path, query=query)
    if form == "name":
        for obj in found.get("items", [found]):
            output.emit(f"{resource.kind.lower()}/{obj['metadata']['name']}")
    else:
        output.data(found, form)
    return 0


async def _table(client: Any, path: str, query: dict[str, str]) -> dict[str, Any]:
    from choreo_local.kubeclient.client import decode

    headers = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
    response = await client.transport.request("GET", path, query=query, headers=headers)
    table: dict[str, Any] = decode(response)
    return table


def _say_none(plural: str, namespace: str | None) -> None:
    if namespace is None:
        output.say(f"There are no {plural}.")
    else:
        output.say(output.safe(f"There are no {plural} in namespace {namespace}; -A looks in all."))


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


@click.command()
@click.argument("kind", required=False)
@click.argument("object_name", metavar="[NAME]", required=False)
@click.option("-f", "--filename", "files", multiple=True, metavar="FILE", help="File, folder or -.")
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
        found = _read(files)
        return connection.with_kube(name, lambda client: _delete_files(client, found, namespace))
    if kind is None:
        raise UsageError("say what to delete: KIND NAME, or -f FILE")
    wanted_kind, wanted_name = targets.required(kind, object_name)
    known = kinds.of_api(wanted_kind)
    if known is not None:
        place = namespace if known.resource.namespaced else None
        resource = known.resource

        async def remove(client: Any) -> None:
            try:
                await client.delete(resource, wanted_name, place)
            except NotFoundError:
                raise targets.absent(resource.kind, wanted_name, place) from None

        connection.with_api(name, remove)
    else:

        async def remove_other(client: Any) -> None:
            other = await kinds.of_kube(client, wanted_kind)
            await client.delete(other, wanted_name, namespace)

        connection.with_kube(name, remove_other)
    output.emit(f"{wanted_kind}/{wanted_name} deleted")
    return 0


async def _delete_files(client: Any, found: Sequence[manifests.Document], namespace: str) -> int:
    for document in reversed(found):
        manifest = document.manifest
        try:
            kind = await client.resolve(manifest["apiVersion"], manifest["kind"])
            await client.delete(kind, manifest["metadata"]["name"], _place(manifest, namespace))
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
    return connection.with_kube(
        name, lambda client: _describe(client, wanted_kind, wanted_name, namespace)
    )


async def _describe(client: Any, kind: str, object_name: str, namespace: str) -> int:
    from choreo_local.cli import description

    known = registry.find(kind)
    resource = known.resource if known else await kinds.of_kube(client, kind)
    place = namespace if resource.namespaced else None
    try:
        obj = await client.get(resource, object_name, place)
    except NotFoundError:
        raise targets.absent(resource.kind, object_name, place) from None
    selector = f"involvedObject.uid={obj['metadata']['uid']}"
    events = await client.list(description.EVENTS, field_selector=selector)
    for line in description.lines(obj, events.items):
        output.emit(line)
    return 0
