"""What is wrong with the objects of an export: schemas, references, traces of a cluster. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from typing import Any

from choreo_local.admission import storing
from choreo_local.api import labels, registry
from choreo_local.errors import ApiError
from choreo_local.export import order, planes
from choreo_local.export.documents import Document
from choreo_local.export.index import Index
from choreo_local.export.plan import RESOURCES
from choreo_local.export.problems import Problem
from choreo_local.export.references import references
from choreo_local.export.state import Key

_TRACES = (
    "creationTimestamp",
    "deletionTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "managedFields",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
)
# What else than OpenChoreo's kinds an export consists of.
_OTHERS = {
    ("v1", "Namespace"),
    ("v1", "Secret"),
    ("v1", "ServiceAccount"),
    ("external-secrets.io/v1", "ClusterSecretStore"),
    ("gateway.networking.k8s.io/v1", "Gateway"),
}


def judged(found: Iterable[Document]) -> tuple[list[Document], list[Problem]]:
    """OpenChoreo's objects as they would be stored, and why others would not be."""
    valid, wrong = [], []
    for document in found:
        if document.manifest["apiVersion"] == labels.API_VERSION:
            obj, problems_found = _judged(document)
            wrong += problems_found
            valid += [Document(document.file, obj)] if obj is not None else []
    return valid, wrong


def problems(
    found: Sequence[Document], valid: Iterable[Document], described: Index
) -> Iterator[Problem]:
    """What else is wrong with the objects; `valid` are those that would be stored."""
    yield from _repeated(found)
    for document in found:
        yield from _traces(document)
        yield from _misplaced(document)
        kind = (document.manifest["apiVersion"], document.manifest["kind"])
        if kind[0] != labels.API_VERSION and kind not in _OTHERS:
            yield document.problem("", "no export has objects of this kind", "Remove it")
    known = {document.key for document in found} | described.upstream
    for document in valid:
        yield from _dangling(document, known)
    yield from _homeless(found)


def _repeated(found: Iterable[Document]) -> Iterator[Problem]:
    seen: dict[tuple[str, Key], str] = {}
    for document in found:
        # Each cluster may have a namespace of the same name.
        place = (document.file.partition("/")[0], document.key)
        if place in seen:
            why = f"it is there twice, also in {seen[place]}"
            yield document.problem("", why, "Remove one of them")
        seen.setdefault(place, document.file)


def _traces(document: Document) -> Iterator[Problem]:
    metadata = document.manifest["metadata"]
    for field in _TRACES:
        if field in metadata:
            why = "it is what one cluster knows of its object, and means nothing on another"
            yield document.problem(f"metadata.{field}", why, "Remove the field")
    if "status" in document.manifest:
        yield document.problem("status", "controllers write it anew", "Remove the field")
    for field in ("labels", "annotations"):
        for key in metadata.get(field) or {}:
            if str(key).startswith(("choreo.dev/", "choreo.local/")):
                why = "only one choreo instance knows what it means"
                yield document.problem(f"metadata.{field}[{key}]", why, "Remove it")


def _misplaced(document: Document) -> Iterator[Problem]:
    kind, file = document.manifest["kind"], document.file
    if kind in order.STAYING:
        yield document.problem("", order.STAYING[kind], "Remove it")
    elif kind in order.KINDS and file.startswith(f"{RESOURCES}/"):
        wanted = f"{RESOURCES}/{order.file_name(kind)}"
        if file != wanted:
            yield document.problem("", f"its place in the order is {wanted}", "Move it there")
    elif kind in order.PLANES and not file.startswith(f"{planes.REGISTRATIONS}/"):
        why = f"planes are registered by files in {planes.REGISTRATIONS}"
        yield document.problem("", why, "Move it there")
    elif document.manifest["apiVersion"] == labels.API_VERSION and kind not in registry.KINDS:
        yield document.problem("", "OpenChoreo has no such kind", "Remove it, or mend the kind")


def _judged(document: Document) -> tuple[dict[str, Any] | None, list[Problem]]:
    """The object as it would be stored, or why it would not."""
    entry = registry.KINDS.get(document.manifest["kind"])
    if entry is None:
        return None, []
    if entry.resource.namespaced is not bool(document.key.namespace):
        why = "it needs a namespace" if entry.resource.namespaced else "its kind has no namespaces"
        return None, [document.problem("metadata.namespace", why, "Mend the field")]
    try:
        return storing.stored(document.manifest), []
    except ApiError as error:
        remedy = "Mend the field; the control plane would refuse the object"
        causes = [(cause.field, cause.message) for cause in error.causes] or [("", error.message)]
        return None, [document.problem(field, why, remedy) for field, why in causes]


def _dangling(document: Document, known: Set[Key]) -> Iterator[Problem]:
    for reference in references(document.manifest):
        if reference.target not in known:
            why = f"it refers to {reference.target}, which is not in the export"
            remedy = "Add that object to the export, or mend the reference"
            yield document.problem(reference.path, why, remedy)


def _homeless(found: Iterable[Document]) -> Iterator[Problem]:
    """Objects of the control plane whose namespace nobody makes."""
    found = list(found)
    spaces = {
        document.key.name
        for document in found
        if document.key.kind == order.NAMESPACE and document.file.startswith(f"{planes.CONTROL}/")
    }
    for document in found:
        namespace = document.key.namespace
        is_control = document.file.startswith(f"{planes.CONTROL}/")
        if is_control and namespace and namespace not in spaces:
            why = f"nothing in the export makes the namespace {namespace}"
            file = order.file_name(order.NAMESPACE)
            yield document.problem("metadata.namespace", why, f"Add it to {RESOURCES}/{file}")
    for document in found:
        marks = document.manifest["metadata"].get("labels") or {}
        is_tenant = document.file.startswith(f"{RESOURCES}/") and document.key.kind == "Namespace"
        if is_tenant and marks.get(labels.CONTROL_PLANE) != labels.TRUE:
            why = "OpenChoreo heeds only namespaces that carry this label"
            remedy = f'Add the label {labels.CONTROL_PLANE}: "true"'
            yield document.problem(f"metadata.labels[{labels.CONTROL_PLANE}]", why, remedy)
