"""Volumes, claims, storage classes and their drivers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from choreo_local.embedded.kubeapi.columns import cells
from choreo_local.embedded.kubeapi.columns.printer import (
    AGE,
    NAME,
    Object,
    Printer,
    column,
    wide,
)

_MODES = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}
_CLASS = "volume.beta.kubernetes.io/storage-class"
_DEFAULT_CLASSES = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)


def _access_modes(modes: Any) -> str:
    return ",".join(short for mode, short in _MODES.items() if mode in (modes or ()))


def _storage_class_name(obj: Object) -> str:
    annotations = cells.get(obj, "metadata.annotations", {})
    return str(annotations.get(_CLASS) or cells.get(obj, "spec.storageClassName", ""))


def _phase(obj: Object) -> str:
    if cells.get(obj, "metadata.deletionTimestamp"):
        return "Terminating"
    return str(cells.get(obj, "status.phase", ""))


def _claim(obj: Object, now: datetime) -> list[Any]:
    volume = cells.get(obj, "spec.volumeName", "")
    return [
        cells.name(obj),
        _phase(obj),
        volume,
        cells.get(obj, "status.capacity.storage", "0") if volume else "",
        _access_modes(cells.get(obj, "status.accessModes")) if volume else "",
        _storage_class_name(obj),
        cells.get(obj, "spec.volumeAttributesClassName", cells.UNSET),
        cells.age(obj, now),
        cells.get(obj, "spec.volumeMode", cells.UNSET),
    ]


def _volume(obj: Object, now: datetime) -> list[Any]:
    claim = cells.get(obj, "spec.claimRef")
    return [
        cells.name(obj),
        cells.get(obj, "spec.capacity.storage", "0"),
        _access_modes(cells.get(obj, "spec.accessModes")),
        cells.get(obj, "spec.persistentVolumeReclaimPolicy", ""),
        _phase(obj),
        f"{claim.get('namespace') or ''}/{claim.get('name') or ''}" if claim else "",
        _storage_class_name(obj),
        cells.get(obj, "spec.volumeAttributesClassName", cells.UNSET),
        cells.get(obj, "status.reason", ""),
        cells.age(obj, now),
        cells.get(obj, "spec.volumeMode", cells.UNSET),
    ]


def _storage_class(obj: Object, now: datetime) -> list[Any]:
    annotations = cells.get(obj, "metadata.annotations", {})
    name = cells.name(obj)
    if any(annotations.get(key) == "true" for key in _DEFAULT_CLASSES):
        name += " (default)"
    return [
        name,
        obj.get("provisioner") or "",
        obj.get("reclaimPolicy") or "Delete",
        obj.get("volumeBindingMode") or "Immediate",
        bool(obj.get("allowVolumeExpansion")),
        cells.age(obj, now),
    ]


def _attributes_class(obj: Object, now: datetime) -> list[Any]:
    return [cells.name(obj), obj.get("driverName") or "", cells.age(obj, now)]


def _csi_node(obj: Object, now: datetime) -> list[Any]:
    return [cells.name(obj), len(cells.get(obj, "spec.drivers", ())), cells.age(obj, now)]


def _csi_driver(obj: Object, now: datetime) -> list[Any]:
    requests = cells.get(obj, "spec.tokenRequests")
    audiences = ",".join(str(one.get("audience") or "") for one in requests or ())
    return [
        cells.name(obj),
        bool(cells.get(obj, "spec.attachRequired", True)),
        bool(cells.get(obj, "spec.podInfoOnMount")),
        bool(cells.get(obj, "spec.storageCapacity")),
        cells.UNSET if requests is None else audiences,
        bool(cells.get(obj, "spec.requiresRepublish")),
        ",".join(cells.get(obj, "spec.volumeLifecycleModes", ())) or cells.NONE,
        cells.age(obj, now),
    ]


def _attachment(obj: Object, now: datetime) -> list[Any]:
    return [
        cells.name(obj),
        cells.get(obj, "spec.attacher", ""),
        cells.get(obj, "spec.source.persistentVolumeName", ""),
        cells.get(obj, "spec.nodeName", ""),
        bool(cells.get(obj, "status.attached")),
        cells.age(obj, now),
    ]


_ATTRIBUTES = column("VolumeAttributesClass", "Class of changeable settings of the volume.")
_MODE = wide("VolumeMode", "Whether the volume is a file system or a block device.")
PRINTERS = {
    ("", "PersistentVolumeClaim"): Printer(
        (
            NAME,
            column("Status", "Whether the claim has its volume."),
            column("Volume", "Volume that the claim is bound to."),
            column("Capacity", "Size of the volume."),
            column("Access Modes", "How the volume may be mounted."),
            column("StorageClass", "Class that the volume is made by."),
            _ATTRIBUTES,
            AGE,
            _MODE,
        ),
        _claim,
    ),
    ("", "PersistentVolume"): Printer(
        (
            NAME,
            column("Capacity", "Size of the volume."),
            column("Access Modes", "How the volume may be mounted."),
            column("Reclaim Policy", "What becomes of it when its claim goes."),
            column("Status", "Whether the volume is in use."),
            column("Claim", "Claim that the volume is bound to."),
            column("StorageClass", "Class that the volume belongs to."),
            _ATTRIBUTES,
            column("Reason", "Why the volume failed."),
            AGE,
            _MODE,
        ),
        _volume,
    ),
    ("storage.k8s.io", "StorageClass"): Printer(
        (
            NAME,
            column("Provisioner", "What makes the volumes."),
            column("ReclaimPolicy", "What becomes of volumes when their claims go."),
            column("VolumeBindingMode", "When volumes are made and bound."),
            column("AllowVolumeExpansion", "Whether volumes may grow."),
            AGE,
        ),
        _storage_class,
    ),
    ("storage.k8s.io", "VolumeAttributesClass"): Printer(
        (NAME, column("DriverName", "Driver that the class is for."), AGE), _attributes_class
    ),
    ("storage.k8s.io", "CSINode"): Printer(
        (NAME, column("Drivers", "Number of drivers on the node.", type="integer"), AGE), _csi_node
    ),
    ("storage.k8s.io", "CSIDriver"): Printer(
        (
            NAME,
            column("AttachRequired", "Whether volumes are attached first.", type="boolean"),
            column("PodInfoOnMount", "Whether the driver is told of the pod.", type="boolean"),
            column("StorageCapacity", "Whether the scheduler minds free space.", type="boolean"),
            column("TokenRequests", "Audiences of the tokens that the driver gets."),
            column("RequiresRepublish", "Whether volumes are published again.", type="boolean"),
            column("Modes", "Kinds of volumes that the driver serves."),
            AGE,
        ),
        _csi_driver,
    ),
    ("storage.k8s.io", "VolumeAttachment"): Printer(
        (
            NAME,
            column("Attacher", "Driver that attaches the volume.", format="name"),
            column("PV", "Volume that is attached."),
            column("Node", "Node that it is attached to."),
            column("Attached", "Whether it is attached.", type="boolean"),
            AGE,
        ),
        _attachment,
    ),
}
