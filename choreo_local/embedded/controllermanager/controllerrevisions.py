"""The history of Pod templates of StatefulSets and DaemonSets. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.embedded.controllermanager import kinds, plans
from choreo_local.embedded.controllermanager.plans import Manifest, Write
from choreo_local.embedded.controllermanager.references import controller_reference
from choreo_local.embedded.controllermanager.templatehash import fnv32, safe_encode

HASH = "controller.kubernetes.io/hash"
POD_REVISION = "controller-revision-hash"
_LONGEST_PREFIX = 223


@dataclass(frozen=True, slots=True)
class History:
    """The revisions of an owner.

    Attributes:
        update: the revision of the present template.
        writes: what must be written for `update` to exist with the highest number.
        revisions: all others, oldest first.
    """

    update: Manifest
    writes: tuple[Write, ...]
    revisions: tuple[Manifest, ...]

    def named(self, name: str) -> Manifest | None:
        """A revision by its name."""
        for each in (*self.revisions, self.update):
            if each["metadata"]["name"] == name:
                return each
        return None


def history(
    owner: Manifest, kind: ResourceKind, revisions: Sequence[Manifest], *, hash_: str = ""
) -> History:
    """Find or make the revision of the present template; an equal older one is renumbered.

    A DaemonSet names and labels its revisions by the hash of the template, given as `hash_`.
    """
    known = sorted(revisions, key=_order)
    number = known[-1]["revision"] + 1 if known else 1
    made = new_revision(owner, kind, number, hash_)
    equal = [each for each in known if each.get("data") == made["data"]]
    if not equal:
        write = plans.create(kinds.CONTROLLER_REVISIONS, made)
        return History(made, (write,), tuple(known))
    found = equal[-1]
    others = tuple(each for each in known if each is not found)
    if found is known[-1]:
        return History(found, (), others)
    renumbered = {**found, "revision": number}
    write = plans.update(kinds.CONTROLLER_REVISIONS, renumbered)
    return History(renumbered, (write,), others)


def _order(revision: Manifest) -> tuple[int, str, str]:
    metadata = revision["metadata"]
    return revision["revision"], metadata.get("creationTimestamp", ""), metadata["name"]


def new_revision(
    owner: Manifest, kind: ResourceKind, number: int, hash_: str = ""
) -> dict[str, Any]:
    """The revision of an owner's present template."""
    template = owner["spec"]["template"]
    data = {"spec": {"template": {**template, "$patch": "replace"}}}
    collisions = (owner.get("status") or {}).get("collisionCount", 0)
    label = POD_REVISION if hash_ else HASH
    hash_ = hash_ or revision_hash(data, collisions)
    metadata = owner["metadata"]
    made: dict[str, Any] = {
        "apiVersion": kinds.CONTROLLER_REVISIONS.api_version,
        "kind": kinds.CONTROLLER_REVISIONS.kind,
        "metadata": {
            "name": f"{metadata['name'][:_LONGEST_PREFIX]}-{hash_}",
            "namespace": metadata["namespace"],
            "labels": {**((template.get("metadata") or {}).get("labels") or {}), label: hash_},
            "ownerReferences": [controller_reference(owner, kind)],
        },
        "data": data,
        "revision": number,
    }
    if metadata.get("annotations"):
        made["metadata"]["annotations"] = dict(metadata["annotations"])
    return made


def revision_hash(data: Mapping[str, Any], collisions: int) -> str:
    """The hash that names a revision: of its JSON as Go writes it, and the number of collisions."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return safe_encode(str(fnv32(text.encode() + str(collisions).encode())))


def template_of(revision: Manifest) -> dict[str, Any]:
    """The Pod template that a revision keeps."""
    template = dict(revision["data"]["spec"]["template"])
    template.pop("$patch", None)
    return template


def superfluous(
    revisions: Sequence[Manifest], *, used: Collection[str], limit: int
) -> list[Manifest]:
    """The oldest revisions beyond the limit that no Pod uses."""
    unused = [each for each in revisions if each["metadata"]["name"] not in used]
    return unused[: max(0, len(unused) - limit)]
