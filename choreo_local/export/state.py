"""What an export is made of and what it is made for: values only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Manifest = Mapping[str, Any]

# Charts refuse to be rendered while a host name ends so: nothing is installed by accident.
UNDECIDED = "openchoreo.invalid"


class Key(NamedTuple):
    """Which object; `namespace` is empty where the kind has none."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        place = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind} {place}{self.name}"


def key_of(obj: Manifest) -> Key:
    """The key of an object."""
    metadata = obj["metadata"]
    return Key(obj["kind"], metadata.get("namespace") or "", metadata["name"])


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate and its private key, PEM."""

    certificate: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class State:
    """An instance as it was read.

    Attributes:
        objects: everything that was read, of all kinds.
        defaults: what every installation brings by itself: roles and who has them.
        ports: purpose → port of this machine.
        folders: paths of this machine that its objects may speak of.
        settings: names of the files in which this instance is told whom to trust.
    """

    objects: Sequence[Manifest]
    defaults: Sequence[Manifest] = ()
    ports: Mapping[str, int] = field(default_factory=dict)
    folders: Sequence[str] = ()
    settings: Sequence[str] = ()

    def of_kind(self, *kinds: str) -> list[Manifest]:
        """The objects of some kinds, by namespace and name."""
        found = [obj for obj in self.objects if obj["kind"] in kinds]
        return sorted(found, key=key_of)


@dataclass(frozen=True, slots=True)
class Choices:
    """What the person wants.

    Attributes:
        domain: below which the platform's host names lie.
        apps_domain: below which the components' host names lie.
        with_secrets: whether the values of secrets are written, too.
        authorities: folder of a plane → the authority of its agents; read back from the plane
            where there is none.
    """

    domain: str = UNDECIDED
    apps_domain: str = f"apps.{UNDECIDED}"
    with_secrets: bool = False
    authorities: Mapping[str, Identity] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class File:
    """A file of an export; a private one is readable by its owner alone."""

    path: str
    content: str
    private: bool = False


@dataclass(frozen=True, slots=True)
class Left:
    """Something that does not move: what, why not, and what to do instead."""

    what: str
    why: str
    instead: str
