"""Rules of the kinds of storage."""

from __future__ import annotations

from choreo_local.embedded.kubeapi.validation import classes, csi
from choreo_local.embedded.kubeapi.validation.rules import Rules

RULES = {
    "CSIDriver": Rules(
        csi.validate_driver, csi.validate_driver_update, namespaced=False, repeats=False
    ),
    "CSINode": Rules(csi.validate_node, csi.validate_node_update, namespaced=False),
    "CSIStorageCapacity": Rules(csi.validate_capacity, csi.validate_capacity_update),
    "StorageClass": Rules(
        classes.validate_storage, classes.validate_storage_update, namespaced=False
    ),
    "VolumeAttachment": Rules(
        csi.validate_attachment, csi.validate_attachment_update, namespaced=False
    ),
    "VolumeAttributesClass": Rules(
        classes.validate_attributes, classes.validate_attributes_update, namespaced=False
    ),
}
