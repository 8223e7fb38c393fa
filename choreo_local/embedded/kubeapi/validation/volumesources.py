"""Sources of persistent volumes: one each, and what they must say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi.validation import checks, names, volumes
from choreo_local.embedded.kubeapi.validation.metadata import Problems

Object = Mapping[str, Any]


def validate(spec: Object, path: str) -> Problems:
    """Exactly one source, and its own rules."""
    given = [name for name in SOURCES if spec.get(name) is not None]
    if not given:
        yield fielderrors.required(path, "must specify a volume type")
        return
    for name in given[1:]:
        # The real one forgets to count this type.
        if name != "flexVolume":
            yield fielderrors.forbidden(
                f"{path}.{volumes.MISNAMED.get(name, name)}",
                "may not specify more than 1 volume type",
            )
    yield from SOURCES[given[0]](spec[given[0]], f"{path}.{given[0]}")
    if given[0] == "local" and spec.get("nodeAffinity") is None:
        yield fielderrors.required(f"{path}.nodeAffinity", "Local volume requires node affinity")


def _local(source: Object, path: str) -> Problems:
    if not source.get("path"):
        yield fielderrors.required(f"{path}.path")
        return
    yield from checks.no_back_steps(f"{path}.path", source["path"])


def _csi(source: Object, path: str) -> Problems:
    yield from volumes.csi_driver_name(f"{path}.driver", source.get("driver") or "")
    yield from volumes.needs("volumeHandle")(source, path)
    for field in (
        "controllerPublishSecretRef",
        "controllerExpandSecretRef",
        "nodePublishSecretRef",
        "nodeExpandSecretRef",
    ):
        reference = source.get(field)
        if reference is not None:
            yield from _secret(reference, f"{path}.{field}")


def _secret(reference: Object, path: str) -> Problems:
    for field, check in (("name", names.dns_subdomain), ("namespace", names.dns_label)):
        if not reference.get(field):
            yield fielderrors.required(f"{path}.{field}")
        else:
            yield from checks.fits(f"{path}.{field}", reference[field], check)


SOURCES: dict[str, Callable[[Object, str], Problems]] = {
    "hostPath": volumes.host_path,
    "gcePersistentDisk": volumes.needs("pdName"),
    "awsElasticBlockStore": volumes.needs("volumeID"),
    "glusterfs": volumes.needs("endpoints", "path"),
    "flocker": lambda source, path: iter(()),
    "nfs": volumes.nfs,
    "rbd": volumes.needs("monitors", "image"),
    "quobyte": volumes.needs("registry", "volume"),
    "cephfs": volumes.needs("monitors"),
    "iscsi": volumes.needs("targetPortal", "iqn"),
    "cinder": volumes.needs("volumeID"),
    "fc": lambda source, path: iter(()),
    "flexVolume": volumes.needs("driver"),
    "azureFile": volumes.needs("secretName", "shareName"),
    "vsphereVolume": volumes.needs("volumePath"),
    "photonPersistentDisk": volumes.needs("pdID"),
    "portworxVolume": volumes.needs("volumeID"),
    "azureDisk": volumes.needs("diskName", "diskURI"),
    "scaleIO": volumes.needs("gateway", "system", "volumeName"),
    "local": _local,
    "storageos": volumes.needs("volumeName"),
    "csi": _csi,
}
