"""The instance that this process runs: what is known of it changes, and is written at once."""

from __future__ import annotations

from dataclasses import replace

from choreo_local.allinone import instance as instances
from choreo_local.allinone.instance import Instance
from choreo_local.paths import InstancePaths


class Record:
    """Keeps the instance file as it is; for who holds the instance's lock.

    Attributes:
        current: the instance as it is now.
    """

    def __init__(self, paths: InstancePaths, last: Instance) -> None:
        self._paths = paths
        self.current = last

    def set(self, current: Instance) -> None:
        """The instance is this from now on."""
        self.current = current
        instances.save(self._paths, current)

    def update(self, **changes: object) -> None:
        """Change some fields."""
        self.set(replace(self.current, **changes))  # type: ignore[arg-type]  # field by name

    def has_applied(self, bundle: str, content: str) -> None:
        """Note the fingerprint of what was applied of a bundle."""
        self.update(bundles={**self.current.bundles, bundle: content})
