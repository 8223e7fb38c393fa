"""The finalize subresource of namespaces: who may hold back the end of one."""

from __future__ import annotations

from choreo_local.embedded.kubeapi import decoding, metadata, problems, writing
from choreo_local.embedded.kubeapi.core import Call, Core, Manifest
from choreo_local.embedded.kubeapi.messages import Response
from choreo_local.embedded.kubeapi.options import read_write


async def finalize(core: Core, call: Call) -> Response:
    """PUT of the finalizers in the spec; a namespace under deletion that has none left goes."""
    options = read_write(call.request, "UpdateOptions")
    body = decoding.read_object(call, field_validation=options.field_validation)
    metadata.check_url(call, body)
    wanted = (body.get("spec") or {}).get("finalizers") or []

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
