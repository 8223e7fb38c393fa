"""What the rules of a kind are: those of names, of new objects, of changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from choreo_local.embedded.kubeapi.validation import names
from choreo_local.embedded.kubeapi.validation.metadata import Problems
from choreo_local.embedded.kubeapi.validation.names import Check

Manifest = dict[str, Any]
Create = Callable[[Manifest], Problems]
Update = Callable[[Manifest, Manifest], Problems]


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of a kind.

    Attributes:
        create: of a new object, beside its metadata.
        update: of a changed object, beside its metadata.
        subresources: of changes through a subresource, instead of those of `update`.
        name: of names.
        namespaced: it has a namespace.
        repeats: changes are held to the rules for new metadata, too; problems come twice then.
        any_finalizer: finalizers need not be those of Kubernetes or have a domain.
    """

    create: Create | None = None
    update: Update | None = None
    subresources: Mapping[str, Update] = field(default_factory=dict)
    name: Check = names.dns_subdomain
    namespaced: bool = True
    repeats: bool = True
    any_finalizer: bool = False
