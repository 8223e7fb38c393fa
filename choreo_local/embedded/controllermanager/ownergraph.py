"""Who owns whom, over all kinds. Pure; the garbage collector feeds and asks it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from choreo_local.apimachinery.gvk import ResourceKind

Manifest = Mapping[str, Any]

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"


@dataclass(frozen=True, slots=True)
class Node:
    """What the graph keeps of an object."""

    kind: ResourceKind
    namespace: str
    name: str
    uid: str
    resource_version: str
    owners: tuple[Manifest, ...]
    finalizers: tuple[str, ...]
    is_ending: bool

    @property
    def awaits_dependants(self) -> bool:
        """Whether it goes only after its dependants."""
        return self.is_ending and FOREGROUND in self.finalizers

    @property
    def orphans_dependants(self) -> bool:
        """Whether its dependants are to be let go before it goes."""
        return self.is_ending and ORPHAN in self.finalizers

    def blocks(self, owner_uid: str) -> bool:
        """Whether the foreground deletion of an owner waits for this object."""
        return any(
            each["uid"] == owner_uid and each.get("blockOwnerDeletion") for each in self.owners
        )


def node_of(kind: ResourceKind, obj: Manifest) -> Node:
    """The node of an object."""
    metadata = obj["metadata"]
    return Node(
        kind=kind,
        namespace=metadata.get("namespace", ""),
        name=metadata["name"],
        uid=metadata["uid"],
        resource_version=str(metadata.get("resourceVersion", "")),
        owners=tuple(metadata.get("ownerReferences") or ()),
        finalizers=tuple(metadata.get("finalizers") or ()),
        is_ending=bool(metadata.get("deletionTimestamp")),
    )


@dataclass(slots=True)
class OwnerGraph:
    """All objects by uid, and the dependants of each uid, known or not."""

    nodes: dict[str, Node] = field(default_factory=dict)
    _dependants: dict[str, set[str]] = field(default_factory=dict)

    def put(self, node: Node) -> Node | None:
        """Add or replace an object; answers what was known before."""
        old = self.nodes.get(node.uid)
        before = {each["uid"] for each in old.owners} if old else set()
        after = {each["uid"] for each in node.owners}
        for uid in before - after:
            self._unlink(uid, node.uid)
        for uid in after - before:
            self._dependants.setdefault(uid, set()).add(node.uid)
        self.nodes[node.uid] = node
        return old

    def remove(self, uid: str) -> None:
        """Take an object out; its dependants keep pointing at its uid."""
        node = self.nodes.pop(uid, None)
        for reference in node.owners if node else ():
            self._unlink(reference["uid"], uid)

    def _unlink(self, owner: str, dependant: str) -> None:
        found = self._dependants.get(owner)
        if found is not None:
            found.discard(dependant)
            if not found:
                del self._dependants[owner]

    def dependants(self, uid: str) -> list[Node]:
        """The objects that name `uid` as an owner."""
        found = (self.nodes.get(each) for each in self._dependants.get(uid, ()))
        return [each for each in found if each is not None]

    def owners_of(self, node: Node) -> Iterable[str]:
        """The uids of the owners of an object."""
        return [each["uid"] for each in node.owners]


@dataclass(frozen=True, slots=True)
class Owners:
    """The owner references of an object, by what became of the owners.

    Attributes:
        solid: the owner is there and stays.
        gone: the owner does not exist.
        waiting: the owner ends as soon as this object is gone.
    """

    solid: Sequence[Manifest]
    gone: Sequence[Manifest]
    waiting: Sequence[Manifest]


def kept_references(node: Node, owners: Owners) -> list[Manifest] | None:
    """The references that remain where some owner is solid; None when nothing must change."""
    lost = {each["uid"] for each in (*owners.gone, *owners.waiting)}
    if not owners.solid or not lost:
        return None
    return [each for each in node.owners if each["uid"] not in lost]


def propagation_for(node: Node, owners: Owners, dependants: Iterable[Node]) -> str:
    """How an object is deleted whose owners are all gone or wait for it."""
    if owners.waiting and any(True for _ in dependants):
        return "Foreground"
    if ORPHAN in node.finalizers:
        return "Orphan"
    return "Foreground" if FOREGROUND in node.finalizers else "Background"


def in_circle(node: Node, dependants: Iterable[Node]) -> bool:
    """Whether a dependant that would block the deletion of an object is itself being deleted."""
    return any(each.awaits_dependants and each.blocks(node.uid) for each in dependants)
