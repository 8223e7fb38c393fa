"""create and update: one path from a body to a revision, with dry run and admission between."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import orjson

from choreo_local.apimachinery import copying
from choreo_local.apimachinery.patch import managed_fields
from choreo_local.embedded.kubeapi import (
    answers,
    conversion,
    decoding,
    metadata,
    problems,
    strategy,
    traits,
)
from choreo_local.embedded.kubeapi.core import Attributes, Call, Core, Manifest
from choreo_local.embedded.kubeapi.messages import Response
from choreo_local.embedded.kubeapi.options import WriteOptions, described, read_write
from choreo_local.embedded.kubeapi.ownership import Ownership
from choreo_local.embedded.kubeapi.reading import text_of, versioned
from choreo_local.embedded.storage.eventlog import Stored
from choreo_local.embedded.storage.store import key_of
from choreo_local.errors import ApiError

# How often an update is tried again when the object changes between reading and writing.
_MAX_TRIES = 10
# A generated name that is taken is thrown anew so often.
_MAX_NAMES = 8

# old (None when there is none) → new; the old object may be changed and returned.
Change = Callable[[Manifest | None], Awaitable[Manifest]]


async def create(core: Core, call: Call) -> Response:
    """POST to a collection."""
    options = read_write(call.request, "CreateOptions")
    obj = decoding.read_object(call, field_validation=options.field_validation)
    raw = await create_object(core, call, obj, options)
    return answers.one(call, raw, status=201)


async def create_object(
    core: Core,
    call: Call,
    obj: Manifest,
    options: WriteOptions,
    *,
    ownership: Ownership | None = None,
) -> bytes:
    """Admit, validate and store a new object; answers its JSON text."""
    collection = call.collection
    if collection.terminating:
        name = str(obj["metadata"].get("name") or "")
        raise problems.terminating_definition(collection.kind, name)
    meta = obj["metadata"]
    metadata.check_url(call, obj)
    metadata.begin(meta)
    ownership = ownership or Ownership.of(call, options)
    attributes = _attributes(call, "CREATE", obj, None, options)
    # What admission adds is nobody's: only what the writer sends is the writer's.
    ownership.track(None, obj)
    await core.admission.mutate(attributes)
    generated = metadata.generate_name(meta)
    strategy.apply_defaults(collection, obj)
    metadata.drop_duplicate_owners(call, meta)
    strategy.prepare_create(collection, obj, call.user)
    strategy.validate_create(collection, obj)
    call.warnings.extend(strategy.warnings(collection, obj))
    await core.admission.validate(attributes)
    _check_no_revision(meta)
    converted = await conversion.ahead(collection, obj)
    key = _free_key(core, call, meta, generated=generated)
    _complete(core, call, key, obj)
    if options.dry_run:
        meta.pop("resourceVersion", None)
        return _dry_text(obj)
    if converted is None:
        kept = versioned_for_store(call, obj)
    else:
        kept = {**converted, "metadata": {**converted["metadata"], "name": meta["name"]}}
    stored = core.store.put(collection.storage, key, kept)
    conversion.remember(collection, stored, obj)
    return text_of(collection, stored)


def _check_no_revision(meta: Manifest) -> None:
    if metadata.expected_revision(meta):
        raise problems.plain_internal("resourceVersion should not be set on objects to be created")
    meta.pop("resourceVersion", None)


def _free_key(core: Core, call: Call, meta: Manifest, *, generated: bool) -> str:
    tries = _MAX_NAMES if generated else 1
    while True:
        key = key_of(meta.get("namespace"), meta["name"])
        stored = core.store.get(call.collection.storage, key)
        if stored is None:
            return key
        tries -= 1
        if not tries:
            break
        meta["name"] = ""
        metadata.generate_name(meta)
    going = "deletionTimestamp" in stored.object["metadata"]
    raise problems.already_exists(call.collection.kind, meta["name"], going=going)


def versioned_for_store(call: Call, obj: Manifest) -> Manifest:
    """The object in the version in which its kind is stored."""
    return conversion.to_storage(obj, call.collection)


def _dry_text(obj: Manifest) -> bytes:
    return orjson.dumps({"kind": obj["kind"], "apiVersion": obj["apiVersion"], **obj})


async def update(core: Core, call: Call) -> Response:
    """PUT to an object or to its status."""
    options = read_write(call.request, "UpdateOptions")
    body = decoding.read_object(call, field_validation=options.field_validation)
    metadata.check_changed(call, body)

    async def replace(_: Manifest | None) -> Manifest:
        return copying.deep_copy(body)

    return await change(core, call, replace, options)


async def change(
    core: Core,
    call: Call,
    make: Change,
    options: WriteOptions,
    *,
    ownership: Ownership | None = None,
    creates: bool | None = None,
) -> Response:
    """Replace an object by what `make` makes of it, and answer with it.

    Args:
        core: the shared parts.
        call: names the object.
        make: old object (None when there is none) → new object.
        options: of the request.
        ownership: how field ownership is tracked, when not as a plain update.
        creates: whether a missing object is created; None for what its kind does on PUT.
    """
    if creates is None:
        creates = traits.is_created_by_put(call.collection) and not call.subresource
    ownership = ownership or Ownership.of(call, options)
    if creates and core.store.get(call.collection.storage, call.key) is None:
        obj = await make(None)
        _check_absent(call, obj["metadata"])
        raw = await create_object(core, call, obj, options, ownership=ownership)
        return answers.one(call, raw, status=201)
    raw = await _change(core, call, make, options, ownership=ownership)
    return answers.one(call, raw)


def _check_absent(call: Call, meta: Manifest) -> None:
    """Refuse to create what is expected to be there already."""
    uid = meta.get("uid")
    if uid and call.verb == "patch":
        why = (
            f"uid mismatch: the provided object specified uid {uid}, and no existing object was"
            " found"
        )
        raise problems.conflict(call.collection.kind, call.name, why)
    if uid:
        raise _other_uid(call, uid, "")
    metadata.expected_revision(meta)
    meta.pop("resourceVersion", None)


def _other_uid(call: Call, wanted: str, found: str) -> ApiError:
    kind = call.collection.kind
    path = "/".join(part for part in (kind.plural, call.namespace, call.name) if part)
    why = (
        f"StorageError: invalid object, Code: 4, Key: /registry/{path}, ResourceVersion: 0,"
        f" AdditionalErrorMsg: Precondition failed: UID in precondition: {wanted}, UID in object"
        f" meta: {found}"
    )
    return problems.conflict(kind, call.name, why)


async def change_object(
    core: Core,
    call: Call,
    make: Change,
    options: WriteOptions,
    *,
    ownership: Ownership | None = None,
) -> Manifest:
    """As `change`, for those who answer with something else."""
    ownership = ownership or Ownership.of(call, options)
    raw = await _change(core, call, make, options, ownership=ownership)
    obj: Manifest = orjson.loads(raw)
    return obj


async def _change(
    core: Core, call: Call, make: Change, options: WriteOptions, *, ownership: Ownership
) -> bytes:
    collection = call.collection
    for _ in range(_MAX_TRIES):
        stored = core.store.get(collection.storage, call.key)
        if stored is None:
            raise problems.not_found(collection.kind, call.name)
        raw = await _try_change(core, call, stored, make=make, options=options, ownership=ownership)
        if raw is not None:
            return raw
    raise problems.conflict(collection.kind, call.name)


async def _try_change(
    core: Core,
    call: Call,
    stored: Stored,
    *,
    make: Change,
    options: WriteOptions,
    ownership: Ownership,
) -> bytes | None:
    """One attempt; None when the object has changed meanwhile and the writer does not mind."""
    collection = call.collection
    await conversion.prepare(collection, [stored])
    old = versioned(collection, stored.fresh())
    new = await make(versioned(collection, stored.fresh()))
    expected = _check_preconditions(call, new, old, stored)
    attributes = _attributes(call, "UPDATE", new, old, options)
    ownership.track(old, new)
    await core.admission.mutate(attributes)
    strategy.apply_defaults(collection, new)
    metadata.carry_over(new["metadata"], old["metadata"])
    strategy.prepare_update(collection, new, old, subresource=call.subresource)
    metadata.drop_duplicate_owners(call, new["metadata"])
    strategy.validate_update(collection, new, old, subresource=call.subresource)
    if not call.subresource:
        call.warnings.extend(strategy.warnings(collection, new, old))
    await core.admission.validate(attributes)
    converted = await conversion.ahead(collection, new)
    if core.store.get(collection.storage, call.key) is not stored:
        if expected:
            raise problems.conflict(collection.kind, call.name)
        return None
    return _commit(core, call, stored, new, old, converted=converted, dry_run=options.dry_run)


def _check_preconditions(call: Call, new: Manifest, old: Manifest, stored: Stored) -> int:
    kind = call.collection.kind
    meta, old_meta = new["metadata"], old["metadata"]
    if call.verb == "update" and meta.get("uid") and meta["uid"] != old_meta.get("uid"):
        raise _other_uid(call, meta["uid"], old_meta["uid"])
    expected = metadata.expected_revision(meta)
    if expected and expected != stored.revision:
        raise problems.conflict(kind, call.name)
    if not expected and traits.needs_revision(call.collection):
        raise problems.revision_required(kind, call.name)
    meta["resourceVersion"] = old_meta["resourceVersion"]
    return expected


def _commit(
    core: Core,
    call: Call,
    stored: Stored,
    new: Manifest,
    old: Manifest,
    *,
    converted: Manifest | None,
    dry_run: bool,
) -> bytes:
    collection = call.collection
    if metadata.is_finished(new) and not _holds(new):
        last = stored.fresh() if collection.converter else versioned_for_store(call, old)
        return _finish(core, call, new, last, dry_run=dry_run)
    _complete(core, call, call.key, new)
    if _says_the_same(new, old):
        return text_of(collection, stored)
    if dry_run:
        return _dry_text(new)
    kept = versioned_for_store(call, new) if converted is None else converted
    saved = core.store.put(collection.storage, call.key, kept)
    conversion.remember(collection, saved, new)
    return text_of(collection, saved)


def _says_the_same(new: Manifest, old: Manifest) -> bool:
    """Times of field managers aside: an apply that changes nothing is no write."""
    entries = [obj["metadata"].get("managedFields") for obj in (old, new)]
    if entries[0] == entries[1] or not managed_fields.is_same_but_times(*entries):
        return new == old
    bare = [{**obj, "metadata": {**obj["metadata"], "managedFields": ()}} for obj in (old, new)]
    return bare[0] == bare[1]


def _complete(core: Core, call: Call, key: str, obj: Manifest) -> None:
    completer = core.completers.get(call.collection.kind.group_resource)
    if completer is not None:
        completer(key, obj)


def _holds(obj: Manifest) -> bool:
    """A Namespace has finalizers in its spec as well."""
    return obj["kind"] == "Namespace" and bool((obj.get("spec") or {}).get("finalizers"))


def _finish(core: Core, call: Call, new: Manifest, last: Manifest, *, dry_run: bool) -> bytes:
    """Remove an object whose last finalizer has gone; watchers see its state before that."""
    text = _dry_text(new)
    if not dry_run:
        core.store.remove(call.collection.storage, call.key, last)
        for released in core.on_removed:
            released(call.collection, new)
    return text


def _attributes(
    call: Call, operation: str, new: Manifest | None, old: Manifest | None, options: WriteOptions
) -> Attributes:
    name = call.name or ((new or {}).get("metadata") or {}).get("name") or ""
    return Attributes(
        operation=operation,
        call=call,
        name=name,
        namespace=call.namespace,
        new=new,
        old=old,
        dry_run=options.dry_run,
        options=described(
            operation.title(), dry_run=options.dry_run, field_manager=options.field_manager
        ),
        warn=call.warnings.append,
    )
