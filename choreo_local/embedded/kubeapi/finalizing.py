"""The finalize subresource of namespaces: who may hold back the end of one."""

from __future__ import annotations

from collections.abc import Sequence

from choreo_local.apimachinery import fielderrors, names
from choreo_local.embedded.kubeapi import decoding, metadata, problems, writing
from choreo_local.embedded.kubeapi.core import Call, Core, Manifest
from choreo_local.embedded.kubeapi.messages import Response
from choreo_local.embedded.kubeapi.options import read_write
from choreo_local.errors import Cause

_STANDARD = frozenset({"kubernetes", "orphan", "foregroundDeletion"})


def _check(call: Call, finalizers: Sequence[str]) -> None:
    causes: list[Cause] = []
    for index, name in enumerate(finalizers):
        field = f"spec.finalizers[{index}]"
        texts = names.qualified_name(name)
        if not texts and "/" not in name and name not in _STANDARD:
            texts = ["name is neither a standard finalizer name nor is it fully qualified"]
        causes += [fielderrors.invalid_value(field, name, text) for text in texts]
    if causes:
        raise fielderrors.invalid("Namespace", call.name, causes)


async def finalize(core: Core, call: Call) -> Response:
    """PUT of the finalizers in the spec; a namespace under deletion that has none left goes."""
    options = read_write(call.request, "UpdateOptions")
    body = decoding.read_object(call, field_validation=options.field_validation)
    metadata.check_url(call, body)
    wanted = (body.get("spec") or {}).get("finalizers") or []
    _check(call, wanted)

    async def make(old: Manifest | None) -> Manifest:
        if old is None:
            raise problems.not_found(call.collection.kind, call.name)
        spec = dict(old.get("spec") or {})
        spec.pop("finalizers", None)
        if wanted:
            spec["finalizers"] = wanted
        meta = body["metadata"]
        new_meta = {**old["metadata"]}
        for field in ("resourceVersion", "uid"):
            if meta.get(field):
                new_meta[field] = meta[field]
        return {**old, "metadata": new_meta, "spec": spec}

    return await writing.change(core, call, make, options, creates=False)
