"""The tools that many kinds have alike: list, get, delete, create, update, schemas.

`families` says which kind has which; where a kind is there for namespaces and for the cluster, the
argument `scope` chooses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

from choreo_local.api import crds, labels, registry
from choreo_local.errors import BadRequestError, NotFoundError
from choreo_local.mcp import families, shapes
from choreo_local.mcp.arguments import CLUSTER, DESCRIBED, PAGE, SCOPE, SCOPED, Arguments
from choreo_local.mcp.families import Family
from choreo_local.mcp.tools import Caller, Tool
from choreo_local.services import guards, kinds
from choreo_local.services.kinds import ServedKind

Manifest = dict[str, Any]
_PAGE_SIZE = 100


def _place(kind: ServedKind, given: Arguments) -> str | None:
    """The namespace of a call."""
    if not kind.resource.namespaced:
        return None
    namespace = given.get("namespace_name") or ""
    if not namespace:
        raise BadRequestError('namespace_name is required when scope is "namespace"')
    return str(namespace)


@contextmanager
def named(label: str) -> Iterator[None]:
    """Says that something is missing as upstream's tools do."""
    try:
        yield
    except NotFoundError as error:
        if error.message.endswith(" not found"):
            raise NotFoundError(f"{label} not found") from error
        raise


def described(given: Arguments, known: Mapping[str, str] | None = None) -> Manifest:
    """Annotations with the texts that a call gives."""
    texts = {labels.DISPLAY_NAME: "display_name", labels.DESCRIPTION: "description"}
    found = {key: given[name] for key, name in texts.items() if given.get(name)}
    return {"annotations": {**(known or {}), **found}} if known or found else {}


def tools() -> Iterator[Tool]:
    """The tools of all families."""
    for family in families.FAMILIES:
        for verb in family.verbs:
            yield _MAKERS[verb](family)


def deprecated() -> Iterator[Tool]:
    """The tools for the cluster's kinds from before there was the argument `scope`."""
    for family in families.FAMILIES:
        if family.word in _FORMER:
            for verb in family.verbs:
                yield _former(family, _MAKERS[verb](family))


_FORMER = frozenset(
    {"component_type", "trait", "workflow", "dataplane", "workflowplane", "observability_plane"}
)


def _former(family: Family, tool: Tool) -> Tool:
    async def run(caller: Caller, given: Arguments) -> Mapping[str, Any]:
        return await tool.run(caller, {**given, SCOPE: CLUSTER})

    words = [word for word in tool.arguments.split() if word not in SCOPED.split()]
    return replace(
        tool,
        name=tool.name.replace(family.word, f"cluster_{family.word}", 1),
        arguments=" ".join(words),
        actions=tool.actions[-1:],
        run=run,
        replacement=tool.name,
    )


def _toolsets(family: Family, verb: str) -> tuple[str, ...]:
    return family.toolsets.get(verb) or family.toolsets[""]


def _listing(family: Family) -> Tool:
    async def run(caller: Caller, given: Arguments) -> Manifest:
        kind = family.kind_of(given)
        wanted = {field: given[f"{field}_name"] for field in owners if given.get(f"{field}_name")}
        page = await caller.objects.page(
            kind,
            _place(kind, given),
            limit=given.get("limit") or _PAGE_SIZE,
            cursor=given.get("cursor") or "",
            filters={name: value for name, value in wanted.items() if name in kind.filters},
        )
        prefix = "" if kind.resource.namespaced or not family.scoped else "cluster_"
        key = prefix + (family.key or family.words)
        found = {key: [shapes.summary(kind.kind, item) for item in page.items]}
        return {**found, "next_cursor": page.cursor} if page.cursor else found

    owners = [name.removesuffix("!").removesuffix("_name") for name in family.owner.split()]
    where = SCOPED if family.scoped else f"namespace_name! {family.owner}"
    where = where if kinds.BY_KIND[family.kind].resource.namespaced else ""
    return Tool(
        f"list_{family.words}",
        f"List {family.label}s.",
        f"{where} {PAGE}",
        family.actions("view"),
        _toolsets(family, families.LIST),
        run,
    )


def _one(family: Family) -> str:
    return f"{SCOPED if family.scoped else 'namespace_name!'} {family.name}!"


def _getting(family: Family) -> Tool:
    async def run(caller: Caller, given: Arguments) -> Manifest:
        kind = family.kind_of(given)
        with named(family.label):
            found = await caller.objects.get(kind, given[family.name], _place(kind, given))
        return shapes.detail(kind.kind, found)

    words = f"Show one {family.label}."
    toolsets = _toolsets(family, families.GET)
    return Tool(f"get_{family.word}", words, _one(family), family.actions("view"), toolsets, run)


def _deleting(family: Family) -> Tool:
    async def run(caller: Caller, given: Arguments) -> Manifest:
        kind = family.kind_of(given)
        name, namespace = given[family.name], _place(kind, given)
        with named(family.label):
            await caller.objects.delete(kind, name, namespace)
        metadata = {"name": name, "namespace": namespace}
        return shapes.done({"metadata": metadata}, "deleted")

    words = f"Delete a {family.label}."
    toolsets = _toolsets(family, families.DELETE)
    return Tool(
        f"delete_{family.word}", words, _one(family), family.actions("delete"), toolsets, run
    )


def _creating(family: Family) -> Tool:
    async def run(caller: Caller, given: Arguments) -> Manifest:
        kind = family.kind_of(given)
        body = {"metadata": {"name": given["name"], **described(given)}, "spec": given["spec"]}
        created = await caller.objects.create(kind, body, _place(kind, given))
        return shapes.done(created, "created")

    scope = SCOPED if family.scoped else "namespace_name!"
    return Tool(
        f"create_{family.word}",
        f"Create a {family.label}; its creation schema says what the spec holds.",
        f"{scope} name! {DESCRIBED} spec:object!",
        family.actions("create"),
        _toolsets(family, families.CREATE),
        run,
    )


def _updating(family: Family) -> Tool:
    async def run(caller: Caller, given: Arguments) -> Manifest:
        kind = family.kind_of(given)

        def change(obj: Manifest) -> None:
            if "spec" in given:
                obj["spec"] = given["spec"]

        place = Place(kind, given[family.name], _place(kind, given))
        updated = await changed(caller, place, given, change, label=family.label)
        return shapes.done(updated, "updated")

    scope = SCOPED if family.scoped else "namespace_name!"
    needed = "!" if family.scoped else ""
    return Tool(
        f"update_{family.word}",
        f"Replace the spec of a {family.label}.",
        f"{scope} {family.name}! {DESCRIBED} spec:object{needed}",
        family.actions("update"),
        _toolsets(family, families.UPDATE),
        run,
    )


class Place(NamedTuple):
    """Where an object is."""

    kind: ServedKind
    name: str
    namespace: str | None


Change = Callable[[Manifest], None]


async def changed(
    caller: Caller, place: Place, given: Arguments, change: Change, *, label: str
) -> Manifest:
    """An object after a change of its spec, with the texts that a call gives."""
    kind, name, namespace = place
    with named(label):
        found = await caller.objects.get(kind, name, namespace)
        obj = {**found, "metadata": dict(found["metadata"]), "spec": dict(found.get("spec") or {})}
        obj["metadata"] |= described(given, obj["metadata"].get("annotations"))
        change(obj)
        return await caller.objects.update(kind, name, obj, namespace)


def _schema_of(family: Family) -> Tool:
    async def run(caller: Caller, given: Arguments) -> Manifest:
        kind = family.kind_of(given)
        name, namespace = given["name"], _place(kind, given)
        caller.access.check(guards.action(kind, "view"), guards.by_path(kind, name, namespace))
        with named(family.label):
            return await caller.services.components.type_schema(kind, name, namespace)

    words = f"Show the parameters that a {family.label} takes, as a JSON schema."
    toolsets = _toolsets(family, families.SCHEMA)
    return Tool(
        f"get_{family.word}_schema", words, _one(family), family.actions("view"), toolsets, run
    )


def _creation_schema_of(family: Family) -> Tool:
    async def run(caller: Caller, given: Arguments) -> Manifest:
        del caller
        return spec_schema(family.kind_of(given).kind)

    verb = "view" if family.kind.startswith("Authz") else "create"
    return Tool(
        f"get_{family.word}_creation_schema",
        f"Show what the spec of a {family.label} holds, as a JSON schema.",
        f"{SCOPE}:scope",
        family.actions(verb),
        _toolsets(family, families.NEW_SCHEMA),
        run,
    )


def spec_schema(kind: str) -> Manifest:
    """What the spec of a kind holds."""
    found: Manifest = crds.schema(registry.KINDS[kind])["properties"]["spec"]
    return found


_MAKERS: Mapping[str, Callable[[Family], Tool]] = {
    families.LIST: _listing,
    families.GET: _getting,
    families.DELETE: _deleting,
    families.CREATE: _creating,
    families.UPDATE: _updating,
    families.SCHEMA: _schema_of,
    families.NEW_SCHEMA: _creation_schema_of,
}
