"""The webhooks as a plugin of a kube API's admission chain; pure.

The chain of the embedded kube API takes it as it is:
`kube_api.admission.plugins.append(plugin.Webhooks())`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from choreo_local.api import labels
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.errors import ForbiddenError

from . import registry
from .registry import Manifest


class Collection(Protocol):
    """The resource that is written to."""

    @property
    def kind(self) -> ResourceKind: ...


class Call(Protocol):
    """The request for it."""

    @property
    def collection(self) -> Collection: ...

    @property
    def subresource(self) -> str: ...


class Attributes(Protocol):
    """What a kube API tells of a write."""

    @property
    def operation(self) -> str: ...

    @property
    def call(self) -> Call: ...

    @property
    def new(self) -> Manifest | None: ...

    @property
    def old(self) -> Manifest | None: ...

    @property
    def warn(self) -> Callable[[str], None]: ...


class Webhooks:
    """Completes and judges OpenChoreo's objects."""

    def mutate(self, attributes: Attributes) -> None:
        """Set in the new object what mutating webhooks set.

        Raises:
            ForbiddenError: there is no place for it.
        """
        kind, new = _concerned(attributes), attributes.new
        if not kind or new is None:
            return
        try:
            patched = registry.completed(attributes.operation, kind, new, attributes.old)
        except ForbiddenError as error:
            raise registry.obstacle(kind, error) from error
        new.update(patched)

    def validate(self, attributes: Attributes) -> None:
        """Warn of the new object or refuse it.

        Raises:
            InvalidError: it is refused.
        """
        kind, new = _concerned(attributes), attributes.new
        if not kind or new is None:
            return
        found = registry.review(attributes.operation, kind, new, attributes.old)
        for warning in found.warnings:
            attributes.warn(warning)
        if found.causes:
            raise registry.denial(kind, new, found.causes)


def _concerned(attributes: Attributes) -> str:
    """The kind that is written, when it is one of ours and no subresource."""
    call = attributes.call
    kind = call.collection.kind
    return kind.kind if kind.group == labels.GROUP and not call.subresource else ""
