"""delete and deletecollection: preconditions, finalizers, grace, propagation."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson

from choreo_local import clock
from choreo_local.embedded.kubeapi import (
    answers,
    bodies,
    conversion,
    crdspecs,
    metadata,
    problems,
    traits,
    typed,
)
from choreo_local.embedded.kubeapi.core import Attributes, Call, Core, Manifest
from choreo_local.embedded.kubeapi.messages import Response
from choreo_local.embedded.kubeapi.options import DeleteOptions, described, read_delete
from choreo_local.embedded.kubeapi.reading import (
    answer_list,
    build_list_matcher,
    text_of,
    versioned,
)
from choreo_local.embedded.kubeapi.registry import Collection
from choreo_local.embedded.storage.eventlog import Stored

_DEFAULT_GRACE_SECONDS = 30


async def delete(core: Core, call: Call) -> Response:
    """DELETE of one object."""
    options = read_options(call)
    collection = call.collection
    stored = core.store.get(collection.storage, call.key)
    if stored is None:
        raise problems.not_found(collection.kind, call.name)
    await conversion.prepare(collection, [stored])
    old = versioned(collection, stored.fresh())
    await core.admission.validate(_attributes(call, old, options))
    stored = core.store.get(collection.storage, call.key)
    if stored is None:
        raise problems.not_found(collection.kind, call.name)
    await conversion.prepare(collection, [stored])
    left, text = remove(core, call, stored, options)
    if left or traits.is_delete_answered_with_object(collection):
        accepted = left and options.orphan_dependents is False
        return answers.one(call, text, status=202 if accepted else 200)
    return answers.encode(call.form, _success(call, old), warnings=call.warnings)


def read_options(call: Call) -> DeleteOptions:
    """The options of body or query."""
    body = call.request.body
    if not body:
        return read_delete(call.request, None)
    kind = bodies.DELETE_OPTIONS
    try:
        decoded = bodies.decode(call.request.header("content-type"), body, kind).value
    except bodies.BodyError as error:
        raise problems.bad_request(
            f"couldn't get version/kind; json parse error: {error}"
        ) from None
    if not isinstance(decoded, dict):
        raise problems.bad_request("DeleteOptions must be an object")
    found = decoded.get("kind") or "DeleteOptions"
    if found != "DeleteOptions":
        version = decoded.get("apiVersion") or "v1"
        raise problems.bad_request(
            f'no kind "{found}" is registered for version "{version}" in scheme'
            ' "pkg/api/legacyscheme/scheme.go:30"'
        )
    try:
        typed.shape(bodies.DELETE_OPTIONS, decoded)
    except ValueError as error:
        raise problems.bad_request(
            f'DeleteOptions in version "v1" cannot be handled as a DeleteOptions: {error}'
        ) from None
    return read_delete(call.request, decoded)


def remove(core: Core, call: Call, stored: Stored, options: DeleteOptions) -> tuple[bool, bytes]:
    """Delete an object or begin to; says whether it is still there, and its JSON text."""
    collection = call.collection
    obj = stored.fresh() if collection.converter else versioned(collection, stored.fresh())
    _check_preconditions(call, obj, options)
    options = _with_default_policy(call, obj, options)
    before = orjson.dumps(obj)
    waiting = _begin(call, obj, options)
    if waiting:
        if orjson.dumps(obj) == before:
            return True, text_of(collection, stored)
        if options.dry_run:
            return True, orjson.dumps(obj)
        saved = core.store.put(collection.storage, stored.key, _stored(call, obj))
        _remember(collection, saved, stored)
        return True, text_of(collection, saved)
    if options.dry_run:
        return False, text_of(collection, stored)
    last = core.store.remove(collection.storage, stored.key, _stored(call, obj))
    for released in core.on_removed:
        released(collection, obj)
    _remember(collection, last, stored)
    return False, text_of(collection, last)


def _remember(collection: Collection, saved: Stored, before: Stored) -> None:
    """Only the metadata has changed, which is the same in all versions."""
    if collection.converter is not None and not saved.raw.startswith(collection.prefix):
        conversion.remember(collection, saved, versioned(collection, before.fresh()))


def _with_default_policy(call: Call, obj: Manifest, options: DeleteOptions) -> DeleteOptions:
    asked = options.propagation_policy is not None or options.orphan_dependents is not None
    if asked or not traits.orphans_by_default(call.collection):
        return options
    finalizers = obj["metadata"].get("finalizers") or ()
    if any(name in metadata.PROPAGATION for name in finalizers):
        return options
    if call.collection.kind.plural == "jobs":
        call.warnings.append(
            "child pods are preserved by default when jobs are deleted; set"
            " propagationPolicy=Background to remove them or set propagationPolicy=Orphan to"
            " suppress this warning"
        )
    return replace(options, propagation_policy="Orphan")


def _stored(call: Call, obj: Manifest) -> Manifest:
    return conversion.to_storage(obj, call.collection)


def _check_preconditions(call: Call, obj: Manifest, options: DeleteOptions) -> None:
    kind, meta = call.collection.kind, obj["metadata"]
    # Here the real server names the kind where it names the resource elsewhere.
    kind, name = replace(kind, plural=kind.kind), meta["name"]
    if options.uid is not None and options.uid != meta.get("uid"):
        raise problems.conflict(
            kind,
            name,
            f"the UID in the precondition ({options.uid}) does not match the UID in record"
            f" ({meta.get('uid')}). The object might have been deleted and then recreated",
        )
    revision = options.resource_version
    if revision is not None and revision != meta["resourceVersion"]:
        raise problems.conflict(
            kind,
            name,
            f"the ResourceVersion in the precondition ({revision}) does not match the"
            f" ResourceVersion in record ({meta['resourceVersion']}). The object might have been"
            " modified",
        )


def _begin(call: Call, obj: Manifest, options: DeleteOptions) -> bool:
    """Mark an object for deletion where something must happen first; says whether it waits."""
    kind = call.collection.kind.group_resource
    meta = obj["metadata"]
    if kind == "namespaces":
        return _begin_namespace(call, obj, options)
    pending = kind == "pods" and _begin_pod(obj, options)
    finalizers = metadata.propagation_finalizers(
        meta.get("finalizers") or (),
        options.propagation_policy,
        orphan=options.orphan_dependents,
    )
    if kind == crdspecs.RESOURCE and not _is_marked(meta):
        finalizers = list(dict.fromkeys([*finalizers, crdspecs.CLEANUP]))
    if finalizers:
        meta["finalizers"] = finalizers
        if not pending:
            _mark(meta)
    else:
        meta.pop("finalizers", None)
    return pending or bool(finalizers)


def _is_marked(meta: Manifest) -> bool:
    return "deletionTimestamp" in meta


def _mark(meta: Manifest) -> None:
    if not _is_marked(meta):
        if meta.get("generation"):
            meta["generation"] += 1
        meta["deletionTimestamp"] = clock.timestamp()
    meta["deletionGracePeriodSeconds"] = 0


def _begin_namespace(call: Call, obj: Manifest, options: DeleteOptions) -> bool:
    meta = obj["metadata"]
    holds = bool((obj.get("spec") or {}).get("finalizers"))
    meta["finalizers"] = metadata.propagation_finalizers(
        meta.get("finalizers") or (), options.propagation_policy, orphan=options.orphan_dependents
    )
    if not meta["finalizers"]:
        del meta["finalizers"]
    if _is_marked(meta) and holds:
        raise problems.conflict(
            call.collection.kind,
            meta["name"],
            "The system is ensuring all content is removed from this namespace.  Upon completion,"
            " this namespace will automatically be purged by the system.",
        )
    if not _is_marked(meta):
        # Even an empty one goes through this state: the namespace controller finishes it.
        meta["deletionTimestamp"] = clock.timestamp()
        obj.setdefault("status", {})["phase"] = "Terminating"
        return True
    return holds or bool(meta.get("finalizers"))


def _begin_pod(obj: Manifest, options: DeleteOptions) -> bool:
    """Give a running pod time to stop; says whether it gets any."""
    meta = obj["metadata"]
    current = meta.get("deletionGracePeriodSeconds")
    wanted = options.grace_period_seconds
    if _is_marked(meta):
        if current is None or (wanted is None and not current):
            return False
        if wanted is None or wanted >= current:
            return True
        _shorten(meta, current, wanted)
        return wanted > 0
    grace = _grace_of(obj, wanted)
    if grace == 0 and not meta.get("finalizers"):
        _mark_with_grace(meta, 0)
        return False
    _mark_with_grace(meta, grace)
    return grace > 0


def _grace_of(obj: Manifest, wanted: int | None) -> int:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    grace = wanted
    if grace is None:
        grace = spec.get("terminationGracePeriodSeconds", _DEFAULT_GRACE_SECONDS)
    if not spec.get("nodeName") or status.get("phase") in ("Succeeded", "Failed"):
        return 0
    return 1 if grace < 0 else int(grace)


def _mark_with_grace(meta: Manifest, grace: int) -> None:
    moment = clock.now() + timedelta(seconds=grace)
    meta["deletionTimestamp"] = clock.timestamp(moment)
    meta["deletionGracePeriodSeconds"] = grace
    if meta.get("generation"):
        meta["generation"] += 1


def _shorten(meta: Manifest, current: int, wanted: int) -> None:
    moment = clock.parse_timestamp(meta["deletionTimestamp"])
    moment += timedelta(seconds=max(wanted, 0) - current)
    meta["deletionTimestamp"] = clock.timestamp(moment)
    meta["deletionGracePeriodSeconds"] = max(wanted, 0)


def _success(call: Call, obj: Manifest) -> dict[str, Any]:
    kind, meta = call.collection.kind, obj["metadata"]
    details = {
        "name": meta["name"],
        "group": kind.group,
        "kind": kind.plural,
        "uid": meta.get("uid"),
    }
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {name: value for name, value in details.items() if value},
    }


async def delete_collection(core: Core, call: Call) -> Response:
    """DELETE of a collection: every selected object, one by one."""
    options = read_options(call)
    matcher = build_list_matcher(call)
    collection = call.collection
    deleted = []
    for stored in core.store.select(collection.storage, call.namespace):
        if not matcher.matches(stored):
            continue
        await conversion.prepare(collection, [stored])
        old = versioned(collection, stored.fresh())
        await core.admission.validate(_attributes(call, old, options))
        current = core.store.get(collection.storage, stored.key)
        if current is None:
            continue
        await conversion.prepare(collection, [current])
        remove(core, call, current, options)
        deleted.append(stored)
    return answer_list(call, deleted, {"resourceVersion": str(core.store.revision)})


def _attributes(call: Call, old: Manifest, options: DeleteOptions) -> Attributes:
    return Attributes(
        operation="DELETE",
        call=call,
        name=old["metadata"]["name"],
        namespace=call.namespace,
        new=None,
        old=old,
        dry_run=options.dry_run,
        options=described("Delete", dry_run=options.dry_run),
        warn=call.warnings.append,
    )
