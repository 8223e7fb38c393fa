"""The Pods and claims of a StatefulSet: names, identity, storage. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from choreo_local.embedded.controllermanager import kinds, pods
from choreo_local.embedded.controllermanager.controllerrevisions import POD_REVISION
from choreo_local.embedded.controllermanager.plans import Manifest
from choreo_local.embedded.controllermanager.references import controller_reference

POD_NAME = "statefulset.kubernetes.io/pod-name"
POD_INDEX = "apps.kubernetes.io/pod-index"


def first_ordinal(owner: Manifest) -> int:
    """The ordinal of the first Pod."""
    return int((owner["spec"].get("ordinals") or {}).get("start", 0))


def ordinal_of(owner: Manifest, pod: Manifest) -> int | None:
    """The ordinal in a Pod's name; None for a name of another form."""
    prefix, _, number = pod["metadata"]["name"].rpartition("-")
    if prefix != owner["metadata"]["name"] or not number.isdecimal():
        return None
    return int(number)


def identity(owner: Manifest, ordinal: int) -> dict[str, str]:
    """The labels that say which Pod of the set it is."""
    return {POD_NAME: f"{owner['metadata']['name']}-{ordinal}", POD_INDEX: str(ordinal)}


def new_pod(
    owner: Manifest, template: Mapping[str, Any], ordinal: int, revision: str
) -> dict[str, Any]:
    """The Pod of an ordinal, made from the template of a revision."""
    pod = pods.from_template(
        template,
        namespace=owner["metadata"]["namespace"],
        owner=controller_reference(owner, kinds.STATEFUL_SETS),
    )
    metadata = pod["metadata"]
    name = f"{owner['metadata']['name']}-{ordinal}"
    metadata["name"] = name
    metadata["labels"] = {
        **(metadata.get("labels") or {}),
        **identity(owner, ordinal),
        POD_REVISION: revision,
    }
    spec = pod["spec"]
    spec["hostname"] = name
    if owner["spec"].get("serviceName"):
        spec["subdomain"] = owner["spec"]["serviceName"]
    claimed = [each["metadata"]["name"] for each in owner["spec"].get("volumeClaimTemplates") or ()]
    others = [each for each in spec.get("volumes") or () if each["name"] not in claimed]
    volumes = [_volume(each, name) for each in claimed] + others
    if volumes:
        spec["volumes"] = volumes
    return pod


def _volume(template_name: str, pod_name: str) -> dict[str, Any]:
    return {
        "name": template_name,
        "persistentVolumeClaim": {"claimName": f"{template_name}-{pod_name}"},
    }


def claims(owner: Manifest, pod: Manifest) -> list[dict[str, Any]]:
    """The claims that a Pod of the set needs."""
    found = []
    for template in owner["spec"].get("volumeClaimTemplates") or ():
        metadata = template["metadata"]
        labels = {
            **(metadata.get("labels") or {}),
            **(owner["spec"]["selector"].get("matchLabels") or {}),
        }
        made: dict[str, Any] = {
            "name": f"{metadata['name']}-{pod['metadata']['name']}",
            "namespace": owner["metadata"]["namespace"],
            "labels": labels,
        }
        if metadata.get("annotations"):
            made["annotations"] = dict(metadata["annotations"])
        references = claim_owners(owner, pod, is_condemned=False)
        if references:
            made["ownerReferences"] = references
        found.append(
            {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": made,
                "spec": dict(template["spec"]),
            }
        )
    return found


def claim_owners(owner: Manifest, pod: Manifest, *, is_condemned: bool) -> list[dict[str, Any]]:
    """The owners of a claim, so that it goes when the retention policy says so."""
    policy = owner["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
    if is_condemned and policy.get("whenScaled") == "Delete" and pod["metadata"].get("uid"):
        return [controller_reference(pod, kinds.PODS)]
    if policy.get("whenDeleted") == "Delete":
        return [controller_reference(owner, kinds.STATEFUL_SETS)]
    return []


def identity_patch(owner: Manifest, ordinal: int, pod: Manifest) -> dict[str, Any]:
    """What restores a Pod's identity; empty when nothing must change."""
    labels = pod["metadata"].get("labels") or {}
    wanted = identity(owner, ordinal)
    missing = {key: value for key, value in wanted.items() if labels.get(key) != value}
    return {"metadata": {"labels": missing}} if missing else {}
