"""Problems of metadata: names, labels, annotations, owners, finalizers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.apimachinery.fielderrors import FieldError
from choreo_local.apimachinery.gvk import split_api_version
from choreo_local.embedded.kubeapi.validation import names
from choreo_local.embedded.kubeapi.validation.names import Check

Problems = Iterator[FieldError]
Object = Mapping[str, Any]

_ANNOTATION_BYTES = 256 * 1024
_IMMUTABLE = (
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)
_FOREGROUND, _ORPHAN = "foregroundDeletion", "orphan"
_KUBE_FINALIZERS = frozenset({"kubernetes", _FOREGROUND, _ORPHAN})


def validate(
    metadata: Object, *, namespaced: bool, name: Check = names.path_segment, path: str = "metadata"
) -> Problems:
    """The problems of the metadata of a new object.

    Args:
        metadata: as written.
        namespaced: the kind has a namespace.
        name: what the kind demands of names.
        path: where the metadata is.
    """
    prefix = metadata.get("generateName")
    if prefix:
        for text in _check_prefix(name, prefix):
            yield fielderrors.invalid_value(f"{path}.generateName", prefix, text)
    given = metadata.get("name") or ""
    if not given:
        yield fielderrors.required(f"{path}.name", "name or generateName is required")
    else:
        for text in name(given):
            yield fielderrors.invalid_value(f"{path}.name", given, text)
    yield from _namespace(
        metadata.get("namespace") or "", f"{path}.namespace", namespaced=namespaced
    )
    if (metadata.get("generation") or 0) < 0:
        yield _negative(f"{path}.generation", metadata["generation"])
    yield from check_labels(metadata.get("labels"), f"{path}.labels")
    yield from check_annotations(metadata.get("annotations"), f"{path}.annotations")
    yield from _owners(metadata.get("ownerReferences"), f"{path}.ownerReferences")
    yield from _finalizers(metadata.get("finalizers"), f"{path}.finalizers")
    yield from _managed_fields(metadata.get("managedFields"), f"{path}.managedFields")


def _check_prefix(name: Check, prefix: str) -> list[str]:
    if name is names.path_segment:
        return [text for text in names.path_segment(prefix) if "contain" in text]
    return names.is_prefix_of(name, prefix)


def _namespace(namespace: str, path: str, *, namespaced: bool) -> Problems:
    if not namespaced:
        if namespace:
            yield fielderrors.forbidden(path, "not allowed on this type")
    elif not namespace:
        yield fielderrors.required(path)
    else:
        for text in names.dns_label(namespace):
            yield fielderrors.invalid_value(path, namespace, text)


def validate_update(new: Object, old: Object, path: str = "metadata") -> Problems:
    """The problems of changed metadata."""
    if old.get("deletionTimestamp"):
        extra = sorted(set(new.get("finalizers") or ()) - set(old.get("finalizers") or ()))
        if extra:
            listed = ", ".join(fielderrors.quote(one) for one in extra)
            yield fielderrors.forbidden(
                f"{path}.finalizers",
                "no new finalizers can be added if the object is being deleted, found new "
                f"finalizers []string{{{listed}}}",
            )
    if not new.get("resourceVersion"):
        yield fielderrors.invalid_value(
            f"{path}.resourceVersion", "", "must be specified for an update"
        )
    if (new.get("generation") or 0) < (old.get("generation") or 0):
        yield fielderrors.invalid_value(
            f"{path}.generation", new.get("generation") or 0, "must not be decremented"
        )
    for field in _IMMUTABLE:
        if new.get(field) != old.get(field):
            yield immutable(f"{path}.{field}", new.get(field))
    yield from check_labels(new.get("labels"), f"{path}.labels")
    yield from check_annotations(new.get("annotations"), f"{path}.annotations")
    yield from _owners(new.get("ownerReferences"), f"{path}.ownerReferences")
    yield from _managed_fields(new.get("managedFields"), f"{path}.managedFields")


def immutable(path: str, value: Any) -> FieldError:
    """A value must not change and did."""
    return fielderrors.invalid_value(path, value, "field is immutable")


def _negative(path: str, value: Any) -> FieldError:
    return fielderrors.invalid_value(path, value, "must be greater than or equal to 0")


def check_labels(found: Object | None, path: str) -> Problems:
    """The problems of labels."""
    for key, value in (found or {}).items():
        for text in names.qualified_name(key):
            yield fielderrors.invalid_value(path, key, text)
        for text in names.label_value(value or ""):
            yield fielderrors.invalid_value(path, value or "", text)


def check_annotations(found: Object | None, path: str) -> Problems:
    """The problems of annotations."""
    size = 0
    for key, value in (found or {}).items():
        size += len(key.encode()) + len((value or "").encode())
        for text in names.qualified_name(key.lower()):
            yield fielderrors.invalid_value(path, key, text)
    if size > _ANNOTATION_BYTES:
        yield fielderrors.too_long(path, _ANNOTATION_BYTES)


def _owners(references: Sequence[Object] | None, path: str) -> Problems:
    controller = ""
    for reference in references or ():
        yield from _owner(reference, path)
        if reference.get("controller"):
            current = f"{reference.get('kind') or ''}/{reference.get('name') or ''}"
            if controller:
                yield fielderrors.invalid_value(
                    path,
                    references,
                    'Only one reference can have Controller set to true. Found "true" in '
                    f"references for {controller} and {current}",
                )
            controller = controller or current


def _owner(reference: Object, path: str) -> Problems:
    group, version = split_api_version(reference.get("apiVersion") or "")
    kind = reference.get("kind") or ""
    if not version:
        yield fielderrors.invalid_value(
            f"{path}.apiVersion", reference.get("apiVersion") or "", "version must not be empty"
        )
    for field in ("kind", "name", "uid"):
        if not reference.get(field):
            yield fielderrors.invalid_value(f"{path}.{field}", "", "must not be empty")
    if (group, version, kind) == ("", "v1", "Event"):
        yield fielderrors.invalid_value(
            path, reference, "/v1, Kind=Event is disallowed from being an owner"
        )


def _finalizers(found: Sequence[str] | None, path: str) -> Problems:
    for finalizer in found or ():
        for text in names.qualified_name(finalizer):
            yield fielderrors.invalid_value(path, finalizer, text)
    if found and _FOREGROUND in found and _ORPHAN in found:
        yield fielderrors.invalid_value(
            path, found, f"finalizer {_ORPHAN} and {_FOREGROUND} cannot be both set"
        )


def check_kube_finalizers(found: Sequence[str] | None, path: str) -> Problems:
    """Finalizers without a domain are those of Kubernetes itself."""
    for index, finalizer in enumerate(found or ()):
        yield from kube_finalizer(f"{path}[{index}]", finalizer)


def kube_finalizer(path: str, finalizer: str) -> Problems:
    """A finalizer without a domain is one of Kubernetes itself."""
    if "/" not in finalizer and finalizer not in _KUBE_FINALIZERS:
        yield fielderrors.invalid_value(
            path,
            finalizer,
            "name is neither a standard finalizer name nor is it fully qualified",
        )


def _managed_fields(entries: Sequence[Object] | None, path: str) -> Problems:
    for index, entry in enumerate(entries or ()):
        here = f"{path}[{index}]"
        if entry.get("operation") not in ("Apply", "Update"):
            yield fielderrors.invalid_value(
                f"{here}.operation", entry.get("operation") or "", "must be `Apply` or `Update`"
            )
        if entry.get("fieldsType") not in (None, "", "FieldsV1"):
            yield fielderrors.invalid_value(
                f"{here}.fieldsType", entry["fieldsType"], "must be `FieldsV1`"
            )
        if len(entry.get("manager") or "") > 128:
            yield fielderrors.too_long(f"{here}.manager", 128)
        if len(entry.get("subresource") or "") > 256:
            yield fielderrors.too_long(f"{here}.subresource", 256)
