"""What is refused of Workflows and ClusterWorkflows, and what is set in them; pure.

Public: `problems(…)`, `completed(…)`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from choreo_local.apimachinery import fielderrors, gotext
from choreo_local.apimachinery.fielderrors import FieldError
from choreo_local.errors import ForbiddenError

from . import reading, references, schemas, templates

Spec = Mapping[str, Any]

# Under this account runs every workflow; it is made in each workflow namespace.
_SERVICE_ACCOUNT = "workflow-sa"


def completed(spec: Spec, _old: Spec) -> Spec:
    """A spec with the service account of runs.

    Raises:
        ForbiddenError: there is no place for it.
    """
    template = spec.get("runTemplate")
    if template is None:
        return spec
    inner = template.get("spec", {}) if isinstance(template, dict) else {}
    for word, value in (("runTemplate", template), ("spec", inner)):
        if not isinstance(value, dict):
            kind = gotext.type_name(value)
            raise ForbiddenError(
                f"failed to default runTemplate: {word} is {kind}, expected object"
            )
    inner = {**inner, "serviceAccountName": _SERVICE_ACCOUNT}
    return {**spec, "runTemplate": {**template, "spec": inner}}


def problems(spec: Spec, path: str, *, cluster_wide: bool) -> Iterator[FieldError]:
    """Everything that is wrong with a workflow."""
    if cluster_wide:
        yield from references.workflow_plane(spec, path)
    yield from _template(spec.get("runTemplate"), f"{path}.runTemplate")
    seen: dict[str, int] = {}
    for index, (below, entry) in enumerate(
        reading.entries(spec.get("resources"), f"{path}.resources")
    ):
        yield from _unique(entry, below, index, seen=seen, word="resource")
        yield from _template(entry.get("template"), f"{below}.template")
    seen = {}
    for index, (below, entry) in enumerate(
        reading.entries(spec.get("externalRefs"), f"{path}.externalRefs")
    ):
        yield from _unique(entry, below, index, seen=seen, word="externalRef")
    yield from schemas.read({"parameters": spec.get("parameters")}, path).problems


def _unique(
    entry: Spec, path: str, index: int, *, seen: dict[str, int], word: str
) -> Iterator[FieldError]:
    identity = reading.text(entry.get("id"))
    if identity in seen:
        shown = f"{word} id {fielderrors.quote(identity)} is already used at index {seen[identity]}"
        yield fielderrors.duplicate(f"{path}.id", shown)
    seen[identity] = index


def _template(template: Any, path: str) -> Iterator[FieldError]:
    if template is None:
        return
    yield from templates.structure(template, path)
    namespace = reading.member(template, "metadata", "namespace")
    detail = f'must be set to "{templates.NAMESPACE}"'
    path = f"{path}.metadata.namespace"
    if namespace in (None, ""):
        yield fielderrors.required(path, f"metadata.namespace is required and {detail}")
    elif isinstance(namespace, str) and namespace != templates.NAMESPACE:
        yield fielderrors.invalid_value(path, namespace, f"metadata.namespace {detail}")
