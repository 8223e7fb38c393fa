"""Who owns which field: managedFields of every write. Used by the verbs that write."""

from __future__ import annotations

from dataclasses import dataclass

from choreo_local.embedded.kubeapi.core import Call, Manifest
from choreo_local.embedded.kubeapi.options import WriteOptions
from choreo_local.embedded.kubeapi.registry import Collection

_MAX_MANAGER_BYTES = 128


@dataclass(slots=True)
class Ownership:
    """Tracks one write that is not a server-side apply.

    Attributes:
        manager: `fieldManager`, or the User-Agent up to its first slash.
    """

    collection: Collection
    manager: str
    subresource: str

    @classmethod
    def of(cls, call: Call, options: WriteOptions) -> Ownership:
        """The tracking of a create, update or patch."""
        manager = options.field_manager or default_manager(call)
        return cls(call.collection, manager, call.subresource)

    def track(self, old: Manifest | None, new: Manifest) -> None:
        """Bring `metadata.managedFields` of the new object up to date."""


def default_manager(call: Call) -> str:
    """The manager of a writer that does not name itself."""
    agent = call.request.header("user-agent").partition("/")[0]
    clean = "".join(character for character in agent if character.isprintable())
    return clean.encode()[:_MAX_MANAGER_BYTES].decode(errors="ignore") or "unknown"
