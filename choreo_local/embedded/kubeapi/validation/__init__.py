"""What kube-apiserver refuses in builtin objects, with its texts. Pure.

`strategy` asks on every write of a builtin object, after defaulting. An object has the shape of its
type already. Problems come in no particular order.
"""

from __future__ import annotations

from typing import Any

from choreo_local.apimachinery.fielderrors import FieldError
from choreo_local.apimachinery.gvk import GroupVersionKind
from choreo_local.embedded.kubeapi.validation import cautions, groups, metadata, names
from choreo_local.embedded.kubeapi.validation.metadata import Problems
from choreo_local.embedded.kubeapi.validation.rules import Rules

Manifest = dict[str, Any]


def validate_metadata(found: Manifest, *, namespaced: bool) -> list[FieldError]:
    """The problems of metadata of a kind without a rule for names, e.g. a custom one."""
    return list(metadata.validate(found, namespaced=namespaced, name=names.dns_subdomain))


def validate_create(gvk: GroupVersionKind, obj: Manifest) -> list[FieldError]:
    """The problems of a new object."""
    return list(_of_new(gvk, obj))


def _of_new(gvk: GroupVersionKind, obj: Manifest) -> Problems:
    rules = groups.of_group(gvk.group).get(gvk.kind)
    if rules is None:
        return
    yield from _metadata(rules, obj["metadata"])
    if rules.create is not None:
        yield from rules.create(obj)


def _metadata(rules: Rules, found: Manifest) -> Problems:
    yield from metadata.validate(found, namespaced=rules.namespaced, name=rules.name)
    if not rules.any_finalizer:
        yield from metadata.check_kube_finalizers(found.get("finalizers"), "metadata.finalizers")


def validate_update(
    gvk: GroupVersionKind, new: Manifest, old: Manifest, *, subresource: str = ""
) -> list[FieldError]:
    """The problems of a change, those of the metadata's own rules for changes left out."""
    return list(_of_change(gvk, new, old, subresource=subresource))


def _of_change(
    gvk: GroupVersionKind, new: Manifest, old: Manifest, *, subresource: str
) -> Problems:
    rules = groups.of_group(gvk.group).get(gvk.kind)
    if rules is None:
        return
    yield from metadata.validate_update(new["metadata"], old["metadata"])
    if subresource:
        if subresource in rules.subresources:
            yield from rules.subresources[subresource](new, old)
        return
    if rules.repeats:
        yield from _metadata(rules, new["metadata"])
    if rules.update is not None:
        yield from rules.update(new, old)


def warnings(gvk: GroupVersionKind, obj: Manifest, old: Manifest | None = None) -> list[str]:
    """What to warn about in a new object, or in a change that does not go to a subresource."""
    return list(cautions.of_object(gvk, obj, old))
