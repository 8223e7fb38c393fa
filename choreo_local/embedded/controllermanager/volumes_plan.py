"""PersistentVolumeClaims and PersistentVolumes: binding, local volumes on demand, release. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from choreo_local.embedded.controllermanager import claimexpansion, kinds, plans, pods
from choreo_local.embedded.controllermanager.goquantity import whole_bytes
from choreo_local.embedded.controllermanager.plans import Manifest, Note, Plan, Write
from choreo_local.embedded.controllermanager.selectors import label_selector

# Classes of these provisioners get volumes that are folders of this machine.
LOCAL_PROVISIONERS = ("choreo.dev/local", "rancher.io/local-path")
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
CLAIM_PROTECTION = "kubernetes.io/pvc-protection"
VOLUME_PROTECTION = "kubernetes.io/pv-protection"
_BOUND_BY = "pv.kubernetes.io/bound-by-controller"
_BIND_COMPLETED = "pv.kubernetes.io/bind-completed"
_PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
_NO_CLASS = "no persistent volumes available for this claim and no storage class is set"


@dataclass(frozen=True, slots=True)
class ClaimObserved:
    """Everything that a look at a claim may use.

    Attributes:
        volume: the volume that the claim names.
        volumes: all volumes.
        classes: storage classes by name.
        users: the Pods that use the claim.
        folder: below which local volumes lie.
    """

    claim: Manifest
    volume: Manifest | None
    volumes: Sequence[Manifest]
    classes: Mapping[str, Manifest]
    users: Sequence[Manifest]
    folder: str


def claim_plan(observed: ClaimObserved) -> Plan:
    """What to do for a claim now."""
    claim = observed.claim
    if claim["metadata"].get("deletionTimestamp"):
        return Plan(tuple(_unprotected(observed)))
    if claim["spec"].get("volumeName"):
        return _settled(claim, observed.volume)
    found = _fitting(observed)
    if found is not None:
        return Plan((_taken(found, claim), _bound(claim, found)))
    return _provisioned(observed)


def _unprotected(observed: ClaimObserved) -> list[Write]:
    finalizers = observed.claim["metadata"].get("finalizers") or ()
    used = any(not pods.is_finished(pod) for pod in observed.users)
    if CLAIM_PROTECTION not in finalizers or used:
        return []
    return [_without(kinds.PERSISTENT_VOLUME_CLAIMS, observed.claim, CLAIM_PROTECTION)]


def _without(kind: Any, obj: Manifest, finalizer: str) -> Write:
    rest = [each for each in obj["metadata"]["finalizers"] if each != finalizer]
    change = {"metadata": {"uid": obj["metadata"]["uid"], "finalizers": rest or None}}
    return plans.patch(kind, obj, change)


def _settled(claim: Manifest, volume: Manifest | None) -> Plan:
    """A claim that names its volume: bound while that exists, lost without."""
    phase = (claim.get("status") or {}).get("phase")
    if volume is None:
        if phase != "Bound":
            return Plan()
        message = "Bound claim has lost its PersistentVolume. Data on the volume is lost!"
        note = Note(claim, "ClaimLost", message, warning=True)
        return Plan((_claim_status(claim, {"phase": "Lost"}),), (note,))
    holder = volume["spec"].get("claimRef") or {}
    if holder and holder.get("uid") not in (None, "", claim["metadata"]["uid"]):
        return Plan()
    if phase == "Bound" and holder.get("uid"):
        annotations = volume["metadata"].get("annotations") or {}
        is_local = annotations.get(_PROVISIONED_BY) in LOCAL_PROVISIONERS
        expansion = claimexpansion.plan(claim, volume, is_local=is_local)
        if expansion is not None:
            return expansion
    writes = [] if holder.get("uid") else [_taken(volume, claim)]
    wanted = _bound_status(volume)
    if any((claim.get("status") or {}).get(key) != value for key, value in wanted.items()):
        writes.append(_claim_status(claim, wanted))
    return Plan(tuple(writes))


def _bound_status(volume: Manifest) -> dict[str, Any]:
    spec = volume["spec"]
    return {
        "phase": "Bound",
        "accessModes": spec.get("accessModes") or [],
        "capacity": spec.get("capacity") or {},
    }


def _claim_status(claim: Manifest, change: Mapping[str, Any]) -> Write:
    status = {**(claim.get("status") or {}), **change}
    return plans.update_status(kinds.PERSISTENT_VOLUME_CLAIMS, {**claim, "status": status})


def _fitting(observed: ClaimObserved) -> Manifest | None:
    """The smallest free volume that fulfils a claim; one that was made for it before others."""
    claim = observed.claim
    meant = [each for each in observed.volumes if _is_meant(each, claim)]
    if meant:
        return meant[0]
    free = [each for each in observed.volumes if _fulfils(each, claim)]
    return min(free, key=lambda each: _capacity(each["spec"].get("capacity")), default=None)


def _is_meant(volume: Manifest, claim: Manifest) -> bool:
    holder, metadata = volume["spec"].get("claimRef") or {}, claim["metadata"]
    named = (holder.get("namespace"), holder.get("name"))
    same = named == (metadata["namespace"], metadata["name"])
    return same and holder.get("uid") in (None, "", metadata["uid"])


def _fulfils(volume: Manifest, claim: Manifest) -> bool:
    spec, wanted = volume["spec"], claim["spec"]
    if spec.get("claimRef") or volume["metadata"].get("deletionTimestamp"):
        return False
    if (spec.get("storageClassName") or "") != (wanted.get("storageClassName") or ""):
        return False
    if not set(wanted.get("accessModes") or ()) <= set(spec.get("accessModes") or ()):
        return False
    if spec.get("volumeMode", "Filesystem") != wanted.get("volumeMode", "Filesystem"):
        return False
    labels = volume["metadata"].get("labels") or {}
    if "selector" in wanted and not label_selector(wanted["selector"]).matches(labels):
        return False
    requested = (wanted.get("resources") or {}).get("requests")
    return _capacity(spec.get("capacity")) >= _capacity(requested)


def _capacity(resources: Mapping[str, Any] | None) -> int:
    return whole_bytes((resources or {}).get("storage", "0"))


def _taken(volume: Manifest, claim: Manifest) -> Write:
    annotations = {**(volume["metadata"].get("annotations") or {}), _BOUND_BY: "yes"}
    changed = {
        **volume,
        "metadata": {**volume["metadata"], "annotations": annotations},
        "spec": {**volume["spec"], "claimRef": _claim_reference(claim)},
    }
    return plans.update(kinds.PERSISTENT_VOLUMES, changed)


def _claim_reference(claim: Manifest) -> dict[str, Any]:
    metadata = claim["metadata"]
    return {
        "kind": "PersistentVolumeClaim",
        "apiVersion": "v1",
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "resourceVersion": metadata.get("resourceVersion", ""),
    }


def _bound(claim: Manifest, volume: Manifest) -> Write:
    annotations = {
        **(claim["metadata"].get("annotations") or {}),
        _BIND_COMPLETED: "yes",
        _BOUND_BY: "yes",
    }
    changed = {
        **claim,
        "metadata": {**claim["metadata"], "annotations": annotations},
        "spec": {**claim["spec"], "volumeName": volume["metadata"]["name"]},
    }
    return plans.update(kinds.PERSISTENT_VOLUME_CLAIMS, changed)


def _provisioned(observed: ClaimObserved) -> Plan:
    """Make a volume for a claim, or say why there is none."""
    claim = observed.claim
    name = claim["spec"].get("storageClassName")
    if not name:
        return Plan(notes=(Note(claim, "FailedBinding", _NO_CLASS),))
    class_ = observed.classes.get(name)
    if class_ is None:
        message = f'storageclass.storage.k8s.io "{name}" not found'
        return Plan(notes=(Note(claim, "ProvisioningFailed", message, warning=True),))
    if class_.get("volumeBindingMode") == "WaitForFirstConsumer" and not observed.users:
        message = "waiting for first consumer to be created before binding"
        return Plan(notes=(Note(claim, "WaitForFirstConsumer", message),))
    if class_["provisioner"] in LOCAL_PROVISIONERS:
        volume = _local_volume(claim, class_, observed.folder)
        message = f"Successfully provisioned volume {volume['metadata']['name']}"
        note = Note(claim, "ProvisioningSucceeded", message)
        return Plan((plans.create(kinds.PERSISTENT_VOLUMES, volume, note),))
    message = (
        "Waiting for a volume to be created either by the external provisioner "
        f"'{class_['provisioner']}' or manually by the system administrator. If volume creation "
        "is delayed, please verify that the provisioner is running and correctly registered."
    )
    return Plan(notes=(Note(claim, "ExternalProvisioning", message),))


def _local_volume(claim: Manifest, class_: Manifest, folder: str) -> dict[str, Any]:
    uid = claim["metadata"]["uid"]
    requested = (claim["spec"].get("resources") or {}).get("requests") or {}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {
            "name": f"pvc-{uid}",
            "annotations": {_PROVISIONED_BY: class_["provisioner"]},
        },
        "spec": {
            "capacity": {"storage": requested.get("storage", "1Gi")},
            "accessModes": list(claim["spec"].get("accessModes") or ["ReadWriteOnce"]),
            "persistentVolumeReclaimPolicy": class_.get("reclaimPolicy", "Delete"),
            "storageClassName": class_["metadata"]["name"],
            "volumeMode": claim["spec"].get("volumeMode", "Filesystem"),
            "claimRef": _claim_reference(claim),
            "hostPath": {"path": f"{folder.rstrip('/')}/{uid}", "type": "DirectoryOrCreate"},
        },
    }


def volume_plan(volume: Manifest, claim: Manifest | None) -> Plan:
    """What to do for a volume now; `claim` is the one that it is bound to, if that exists."""
    holder = volume["spec"].get("claimRef") or {}
    held = claim is not None and claim["metadata"]["uid"] == holder.get("uid")
    if volume["metadata"].get("deletionTimestamp"):
        protected = VOLUME_PROTECTION in (volume["metadata"].get("finalizers") or ())
        if protected and not held:
            return Plan((_without(kinds.PERSISTENT_VOLUMES, volume, VOLUME_PROTECTION),))
        return Plan()
    if not holder.get("uid"):
        return _phase(volume, "Available")
    if held:
        return _phase(volume, "Bound")
    if volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete":
        return Plan((plans.delete(kinds.PERSISTENT_VOLUMES, volume),))
    return _phase(volume, "Released")


def _phase(volume: Manifest, phase: str) -> Plan:
    before = volume.get("status") or {}
    if before.get("phase") == phase:
        return Plan()
    changed = {**volume, "status": {**before, "phase": phase}}
    return Plan((plans.update_status(kinds.PERSISTENT_VOLUMES, changed),))
