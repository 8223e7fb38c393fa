"""Which manifests must be applied (again): never applied as they are now, or changed by others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from choreo_local.controllers import identity
from choreo_local.controllers.applied import Applied
from choreo_local.controllers.observed import Manifest


def to_apply(
    wanted: Sequence[Manifest],
    live: Sequence[Manifest],
    applied: Mapping[identity.ObjectKey, Applied],
) -> Iterator[Manifest]:
    """The manifests whose objects are missing, differ, or were not applied by this process yet.

    A field that a new manifest no longer names shows only in the digest; one that somebody else
    changed shows only in the live object.
    """
    found = {identity.key(obj): obj for obj in live}
    for manifest in wanted:
        name = identity.key(manifest)
        obj, known = found.get(name), applied.get(name)
        if obj is None or known is None or not known.is_current(obj, manifest):
            yield manifest
