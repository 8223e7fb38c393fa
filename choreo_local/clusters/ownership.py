"""What is ours on a cluster that we share: decided before it is applied, and found again by label.

Every object that we create carries the label `choreo.dev/instance`. What was there before is left
as it is; only labels that a namespace lacks are added, and taken back at the end. OpenChoreo's own
definitions must be ours: two control planes on one cluster would undo each other's work.

Pure: `decide`, `owned`. Shell: `Ownership`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from choreo_local.api import labels
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.errors import ChoreoError, NotFoundError, RefusedError
from choreo_local.kubeclient.client import KubeClient

Manifest = Mapping[str, Any]

LABEL = "choreo.dev/instance"
# On namespaces that were there before; says which instance added labels to them.
EXTENDED = "choreo.dev/extended-by"
_EXTENDING = "choreo-extensions"


class Action(StrEnum):
    """What happens to an object."""

    CREATE = "create"
    UPDATE = "update"
    EXTEND = "add labels to"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class Step:
    """What is done about one manifest."""

    action: Action
    manifest: Manifest
    reason: str = ""

    def __str__(self) -> str:
        metadata = self.manifest["metadata"]
        where = f"in {metadata['namespace']}" if metadata.get("namespace") else "cluster-wide"
        words = f"{self.action} {self.manifest['kind']} {metadata['name']} ({where})"
        return f"{words}: {self.reason}" if self.reason else words


def owned(manifest: Manifest, instance_id: str) -> dict[str, Any]:
    """A manifest that says whose it is."""
    metadata = manifest["metadata"]
    marked = {**(metadata.get("labels") or {}), LABEL: instance_id}
    return {**manifest, "metadata": {**metadata, "labels": marked}}


def decide(manifest: Manifest, found: Manifest | None, instance_id: str) -> Step:
    """What to do about a manifest, given the object that is there.

    Raises RefusedError when the object belongs to another control plane.
    """
    if found is None:
        return Step(Action.CREATE, manifest)
    owner = (found["metadata"].get("labels") or {}).get(LABEL)
    if owner == instance_id:
        return Step(Action.UPDATE, manifest)
    if owner is not None:
        raise _taken(manifest, f"another instance of choreo ({LABEL}={owner})", owner)
    if _is_openchoreo(manifest):
        raise _taken(manifest, "an OpenChoreo that choreo did not install", "")
    if manifest["kind"] == "Namespace" and (added := _added_labels(manifest, found)):
        extended = {**manifest, "metadata": {**manifest["metadata"], "labels": added}}
        return Step(Action.EXTEND, extended, "it was there before, and stays")
    return Step(Action.LEAVE, manifest, "it is there already, and not ours")


def _taken(manifest: Manifest, by: str, owner: str) -> RefusedError:
    what = f"{manifest['kind']} {manifest['metadata']['name']}"
    remedy = "Choose another cluster, or remove that installation first"
    if owner:
        remedy += "; if its state is lost, remove what carries the label, definitions last"
    return RefusedError(f"cannot use this cluster: {what} belongs to {by}", remedy=remedy)


def _is_openchoreo(manifest: Manifest) -> bool:
    group = (manifest.get("spec") or {}).get("group") if _is_definition(manifest) else None
    return group == labels.GROUP


def _is_definition(manifest: Manifest) -> bool:
    return bool(manifest["kind"] == "CustomResourceDefinition")


def _added_labels(manifest: Manifest, found: Manifest) -> dict[str, str]:
    """The labels that a namespace has of us or is to get; empty when it lacks none.

    A label that it has of others keeps its value.
    """
    wanted = manifest["metadata"].get("labels") or {}
    there = found["metadata"].get("labels") or {}
    ours = _labels_of_ours(found)
    added = {name: value for name, value in wanted.items() if name not in there or name in ours}
    return {} if added.items() <= there.items() else added


def _labels_of_ours(found: Manifest) -> set[str]:
    """The labels that an extension of ours has set."""
    for entry in found["metadata"].get("managedFields") or ():
        if entry.get("manager") == _EXTENDING:
            fields = (entry.get("fieldsV1") or {}).get("f:metadata") or {}
            return {name.removeprefix("f:") for name in fields.get("f:labels") or {}}
    return set()


class Ownership:
    """Applies manifests to a shared cluster, and takes away again what it applied.

    Args:
        instance_id: whose the objects are.
        field_manager: under which fields are owned.
    """

    def __init__(self, instance_id: str, *, field_manager: str) -> None:
        self._id = instance_id
        self._field_manager = field_manager

    def owns(self, obj: Manifest) -> bool:
        """Whether we created an object."""
        return (obj["metadata"].get("labels") or {}).get(LABEL) == self._id

    async def steps(self, client: KubeClient, manifests: Sequence[Manifest]) -> list[Step]:
        """What `apply` would do; RefusedError when the cluster is somebody else's."""
        return [decide(manifest, await _find(client, manifest), self._id) for manifest in manifests]

    async def apply(self, client: KubeClient, manifests: Sequence[Manifest]) -> None:
        """Apply manifests in order."""
        for manifest in manifests:
            step = decide(manifest, await _find(client, manifest), self._id)
            try:
                await self._carry_out(client, step)
            except ChoreoError as error:
                error.add_note(f"while it should {step}")
                raise

    async def _carry_out(self, client: KubeClient, step: Step) -> None:
        if step.action is Action.LEAVE:
            return
        manifest = step.manifest
        kind = await client.resolve(manifest["apiVersion"], manifest["kind"])
        if step.action is Action.EXTEND:
            extension = _extension(manifest, self._id)
            await client.apply(kind, extension, field_manager=_EXTENDING)
            return
        owned_manifest = owned(manifest, self._id)
        await client.apply(kind, owned_manifest, field_manager=self._field_manager)

    async def ours(self, client: KubeClient, kind: ResourceKind) -> list[dict[str, Any]]:
        """All objects of a kind that we created."""
        try:
            found = await client.list(kind, label_selector=f"{LABEL}={self._id}")
        except NotFoundError:
            return []
        return found.items

    async def withdraw(self, client: KubeClient, namespace: str) -> bool:
        """Take our labels from a namespace that was there before; whether it had any."""
        kind = await client.resolve("v1", "Namespace")
        try:
            found = await client.get(kind, namespace)
        except NotFoundError:
            return False
        if (found["metadata"].get("annotations") or {}).get(EXTENDED) != self._id:
            return False
        nothing = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        await client.apply(kind, nothing, field_manager=_EXTENDING)
        return True


def _extension(manifest: Manifest, instance_id: str) -> dict[str, Any]:
    metadata = manifest["metadata"]
    return {
        "apiVersion": manifest["apiVersion"],
        "kind": manifest["kind"],
        "metadata": {
            "name": metadata["name"],
            "labels": metadata["labels"],
            "annotations": {EXTENDED: instance_id},
        },
    }


async def _find(client: KubeClient, manifest: Manifest) -> Manifest | None:
    metadata = manifest["metadata"]
    try:
        kind = await client.resolve(manifest["apiVersion"], manifest["kind"])
        return await client.get(kind, metadata["name"], metadata.get("namespace"))
    except NotFoundError:
        return None
