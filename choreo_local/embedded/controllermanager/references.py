"""Owner references: who controls an object, and which objects may be adopted. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.embedded.controllermanager import plans
from choreo_local.embedded.controllermanager.plans import Manifest, Write
from choreo_local.embedded.controllermanager.selectors import Selector


def controller_of(obj: Manifest) -> Manifest | None:
    """The owner reference of the managing controller."""
    for reference in obj["metadata"].get("ownerReferences") or ():
        if reference.get("controller"):
            found: Manifest = reference
            return found
    return None


def controller_uid(obj: Manifest) -> str:
    """The uid of the managing controller, empty when there is none."""
    reference = controller_of(obj)
    return str(reference["uid"]) if reference else ""


def controller_reference(owner: Manifest, kind: ResourceKind) -> dict[str, Any]:
    """The reference that makes `owner` the managing controller."""
    return {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


@dataclass(frozen=True, slots=True)
class Claim:
    """Which dependants an owner has, and the writes by which it adopts and releases."""

    owned: tuple[Manifest, ...]
    writes: tuple[Write, ...]


def claim(
    owner: Manifest,
    candidates: Iterable[Manifest],
    *,
    owner_kind: ResourceKind,
    kind: ResourceKind,
    selector: Selector,
) -> Claim:
    """Sort candidates into owned, to adopt (matching orphans) and to release (no longer matching).

    An owner under deletion neither adopts nor releases. Adopted objects count from the pass after
    their adoption.
    """
    owned: list[Manifest] = []
    writes: list[Write] = []
    alive = not owner["metadata"].get("deletionTimestamp")
    uid = owner["metadata"]["uid"]
    for obj in candidates:
        matches = selector.matches(obj["metadata"].get("labels") or {})
        holder = controller_uid(obj)
        if holder == uid and (matches or not alive):
            owned.append(obj)
        elif holder == uid:
            writes.append(_release(kind, obj, uid))
        elif not holder and matches and alive and not obj["metadata"].get("deletionTimestamp"):
            writes.append(_adopt(kind, obj, controller_reference(owner, owner_kind)))
    return Claim(tuple(owned), tuple(writes))


def _adopt(kind: ResourceKind, obj: Manifest, reference: Manifest) -> Write:
    references = [*(obj["metadata"].get("ownerReferences") or ()), reference]
    return plans.patch(kind, obj, _with_references(obj, references))


def _release(kind: ResourceKind, obj: Manifest, uid: str) -> Write:
    references = [
        each for each in obj["metadata"].get("ownerReferences") or () if each["uid"] != uid
    ]
    return plans.patch(kind, obj, _with_references(obj, references))


def _with_references(obj: Manifest, references: Sequence[Manifest]) -> dict[str, Any]:
    # The uid is a precondition: an object that was replaced under the same name is left alone.
    return {
        "metadata": {
            "uid": obj["metadata"]["uid"],
            "resourceVersion": obj["metadata"]["resourceVersion"],
            "ownerReferences": list(references) or None,
        }
    }
