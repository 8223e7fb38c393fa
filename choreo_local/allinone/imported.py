"""Fill an empty instance from an export, instead of with what a new one holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from choreo_local.allinone import bundles, seeding
from choreo_local.allinone import instance as instances
from choreo_local.allinone.seeding import Manifests
from choreo_local.errors import RefusedError
from choreo_local.export import importing, reading
from choreo_local.export.index import Index
from choreo_local.export.reading import Tree

APPLY_SECONDS = 600
_PLATFORM = "platform"
_NAME = "export"


@dataclass(frozen=True, slots=True)
class Imported:
    """An export that an instance may be filled from."""

    folder: str
    tree: Tree
    described: Index

    def manifests(self, record: instances.Instance, *, is_remote: bool) -> Manifests:
        """The instance's own planes, and on them everything of the export."""
        bundle = bundles.load(_PLATFORM)
        own: list[Any] = list(seeding.manifests(bundle, record, is_remote=is_remote))
        exported = importing.manifests(
            self.tree,
            self.described,
            ports=record.ports,
            observer=seeding.values(record)["OBSERVER_URL"],
        )
        return [*filter(importing.is_of_every_instance, own), *exported]

    def before(self, record: instances.Instance) -> dict[str, str]:
        """The bundles of the instance while it is being filled."""
        return {**record.bundles, seeding.PENDING_EXPORT: self.folder}

    def after(self, record: instances.Instance) -> dict[str, str]:
        """The bundles of the instance afterwards: the platform's own content is not added later."""
        content = bundles.load(_PLATFORM).fingerprint(seeding.values(record))
        kept = {
            name: value for name, value in record.bundles.items() if name != seeding.PENDING_EXPORT
        }
        return {**kept, _PLATFORM: content, _NAME: importing.fingerprint(self.tree)}


def load(folder: str, record: instances.Instance | None) -> Imported | None:
    """The export in a folder, an absolute path; None when the instance came from this very export.

    Raises:
        RefusedError: the export has problems, or the instance holds something else.
        UsageError: there is no export.
    """
    tree = reading.read(Path(folder))
    described = importing.checked(tree, folder)
    if record is not None and _PLATFORM in record.bundles:
        if record.bundles.get(_NAME) == importing.fingerprint(tree):
            return None
        raise RefusedError(
            f'cannot start instance "{record.name}" from {folder}: it is not empty',
            remedy="Give the new one a name of its own: choreo --instance NAME up --from "
            f"{folder}; or remove everything of the old one: choreo down --purge",
        )
    if record is not None and record.bundles.get(seeding.PENDING_EXPORT, folder) != folder:
        raise RefusedError(
            f'cannot start instance "{record.name}" from {folder}: a start from '
            f"{record.bundles[seeding.PENDING_EXPORT]} was not finished",
            remedy="Finish that one: choreo up; or remove everything of it: choreo down --purge",
        )
    return Imported(folder, tree, described)
