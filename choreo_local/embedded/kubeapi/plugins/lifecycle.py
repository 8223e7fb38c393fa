"""Namespaces: nothing is created in one that is missing or ending; the system's own stay."""

from __future__ import annotations

from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.embedded.kubeapi import problems
from choreo_local.embedded.kubeapi.core import Attributes
from choreo_local.embedded.storage.store import Store
from choreo_local.errors import Cause, ForbiddenError

_PROTECTED = frozenset({"default", "kube-public", "kube-system"})
_NAMESPACE = ResourceKind("", "v1", "Namespace", "namespaces", namespaced=False)


class NamespaceLifecycle:
    """Guards namespaces.

    Args:
        store: where they are.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def mutate(self, attributes: Attributes) -> None:
        """Refuse early: other plugins need not look at what cannot be."""
        if attributes.operation == "CREATE" and attributes.call.collection.kind.namespaced:
            self._check_namespace(attributes)

    def validate(self, attributes: Attributes) -> None:
        """Keep the system's namespaces."""
        kind = attributes.call.collection.kind
        if attributes.operation != "DELETE" or kind.group_resource != _NAMESPACE.plural:
            return
        if attributes.name in _PROTECTED:
            raise problems.forbidden(kind, attributes.name, "this namespace may not be deleted")

    def _check_namespace(self, attributes: Attributes) -> None:
        name = attributes.namespace
        stored = self._store.get(_NAMESPACE.plural, name)
        if stored is None:
            raise problems.not_found(_NAMESPACE, name)
        if (stored.object.get("status") or {}).get("phase") != "Terminating":
            return
        kind = attributes.call.collection.kind
        refusal = problems.forbidden(
            kind,
            attributes.name,
            f"unable to create new content in namespace {name} because it is being terminated",
        )
        cause = Cause(
            "NamespaceTerminating", f"namespace {name} is being terminated", "metadata.namespace"
        )
        raise ForbiddenError(refusal.message, causes=[cause], details=refusal.details)
