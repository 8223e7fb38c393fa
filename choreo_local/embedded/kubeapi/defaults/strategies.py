"""What belongs to the system when a builtin object is created or updated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from choreo_local import clock
from choreo_local.apimachinery import copying
from choreo_local.apimachinery.gvk import GroupVersionKind
from choreo_local.embedded.kubeapi import typed
from choreo_local.embedded.kubeapi.defaults import disabled, qos, services
from choreo_local.embedded.kubeapi.defaults.engine import Object

_TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"
# Nodes report themselves: whoever creates one says what it has.
_KEEPS_STATUS = frozenset({"Node", "Event", "Eviction", "TokenRequest", "Scale", "Binding"})
_REVIEWS = "Review"
_POD_PARTS = frozenset({"ephemeralcontainers", "resize"})
# What the owner of an object says in its metadata, and nobody who writes a subresource.
_META_OF_OWNER = ("labels", "annotations", "finalizers", "ownerReferences", "deletionTimestamp")

Create = Callable[[Object], None]
Update = Callable[[Object, Object, str], None]


def prepare_create(gvk: GroupVersionKind, obj: Object) -> None:
    """Reset what a creator has no say in."""
    if gvk.kind not in _KEEPS_STATUS and not gvk.kind.endswith(_REVIEWS):
        typed.reset_field(gvk, obj, "status")
    disabled.drop((gvk.group, gvk.kind), obj)
    function = _CREATE.get((gvk.group, gvk.kind))
    if function is not None:
        function(obj)


def prepare_update(gvk: GroupVersionKind, new: Object, old: Object, *, subresource: str) -> None:
    """Reset what an updater has no say in."""
    if subresource == "":
        disabled.drop((gvk.group, gvk.kind), new, old)
    function = _UPDATE.get((gvk.group, gvk.kind))
    if function is not None:
        function(new, old, subresource)


def _pod(obj: Object) -> None:
    spec: Object = obj["spec"]
    obj["status"] = {"phase": "Pending", "qosClass": qos.quality_of_service(spec)}
    if spec.get("schedulingGates"):
        obj["status"]["conditions"] = [
            {
                "type": "PodScheduled",
                "status": "False",
                "lastProbeTime": None,
                "lastTransitionTime": clock.timestamp(),
                "reason": "SchedulingGated",
                "message": "Scheduling is blocked due to non-empty scheduling gates",
            }
        ]


def _pod_update(new: Object, old: Object, subresource: str) -> None:
    if subresource in _POD_PARTS:
        _pod_part_update(new, old, subresource)
    elif subresource == "status":
        _pod_status_update(new, old)


def _pod_part_update(new: Object, old: Object, part: str) -> None:
    """Keep everything of a pod but the part that the subresource is about."""
    given: Object = new["spec"]
    new["spec"] = copying.deep_copy(old["spec"])
    _keep(new, old, "status")
    for field in _META_OF_OWNER:
        _keep(new["metadata"], old["metadata"], field)
    if part == "ephemeralcontainers":
        _keep(new["spec"], given, "ephemeralContainers")
        return
    for field in ("containers", "initContainers"):
        sizes, kept = given.get(field) or (), new["spec"].get(field) or ()
        if [one.get("name") for one in sizes] != [one.get("name") for one in kept]:
            # Not what a resize may do, and validation says so.
            _keep(new["spec"], given, field)
            continue
        for container, size in zip(kept, sizes, strict=True):
            _keep(container, size, "resources")
            _keep(container, size, "resizePolicy")


def _pod_status_update(new: Object, old: Object) -> None:
    metadata: Object = new["metadata"]
    metadata.pop("deletionTimestamp", None)
    if "deletionTimestamp" in old["metadata"]:
        metadata["deletionTimestamp"] = old["metadata"]["deletionTimestamp"]
    _keep(metadata, old["metadata"], "ownerReferences")
    status: Object = new.setdefault("status", {})
    if not status.get("qosClass"):
        _keep(status, old.get("status") or {}, "qosClass")


def _keep(new: Object, old: Mapping[str, Any], field: str) -> None:
    if field in old:
        new[field] = old[field]
    else:
        new.pop(field, None)


def _namespace(obj: Object) -> None:
    obj["status"] = {"phase": "Active"}
    finalizers = obj.setdefault("spec", {}).setdefault("finalizers", [])
    if "kubernetes" not in finalizers:
        finalizers.append("kubernetes")


def _namespace_update(new: Object, old: Object, subresource: str) -> None:
    if subresource == "":
        _keep(new.setdefault("spec", {}), old.get("spec") or {}, "finalizers")


def _persistent_volume(obj: Object) -> None:
    obj["status"] = {"phase": "Pending", "lastPhaseTransitionTime": clock.timestamp()}


def _persistent_volume_update(new: Object, old: Object, subresource: str) -> None:
    if subresource != "status":
        return
    status, before = new.setdefault("status", {}), old.get("status") or {}
    moment = status.get("lastPhaseTransitionTime")
    if status.get("phase") == before.get("phase"):
        if moment is None:
            _keep(status, before, "lastPhaseTransitionTime")
    elif moment in (None, before.get("lastPhaseTransitionTime")):
        status["lastPhaseTransitionTime"] = clock.timestamp()


def _claim(obj: Object) -> None:
    obj["status"] = {"phase": "Pending"}
    _data_sources(obj["spec"])


def _claim_update(new: Object, old: Object, subresource: str) -> None:
    if subresource == "":
        _data_sources(new["spec"])


def _data_sources(spec: Object) -> None:
    """The older field for the origin of a volume and the newer one say the same."""
    source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
    if source is not None and reference is None:
        spec["dataSourceRef"] = dict(source)
    elif reference is not None and source is None and not reference.get("namespace"):
        spec["dataSource"] = dict(reference)


def _daemon_set(obj: Object) -> None:
    annotations = obj["metadata"].setdefault("annotations", {})
    if not _is_positive(annotations.get(_TEMPLATE_GENERATION)):
        annotations[_TEMPLATE_GENERATION] = "1"


def _daemon_set_update(new: Object, old: Object, subresource: str) -> None:
    before = (old["metadata"].get("annotations") or {}).get(_TEMPLATE_GENERATION, "0")
    generation = int(before) if _is_positive(before) else 0
    if subresource == "" and new["spec"].get("template") != old["spec"].get("template"):
        generation += 1
    new["metadata"].setdefault("annotations", {})[_TEMPLATE_GENERATION] = str(generation)


def _is_positive(text: Any) -> bool:
    return isinstance(text, str) and text.isascii() and text.isdigit() and int(text) > 0


def _job(obj: Object) -> None:
    spec: Object = obj["spec"]
    if spec.get("manualSelector"):
        return
    metadata: Object = obj["metadata"]
    name, uid = metadata.get("name") or "", metadata.get("uid") or ""
    labels = spec["template"].setdefault("metadata", {}).setdefault("labels", {})
    for key, value in (
        ("job-name", name),
        ("batch.kubernetes.io/job-name", name),
        ("controller-uid", uid),
        ("batch.kubernetes.io/controller-uid", uid),
    ):
        labels.setdefault(key, value)
    selector = spec.get("selector") or {}
    selector.setdefault("matchLabels", {}).setdefault("batch.kubernetes.io/controller-uid", uid)
    spec["selector"] = selector
    if not metadata.get("labels"):
        metadata["labels"] = dict(labels)


def _limit_range(obj: Object) -> None:
    if not obj["metadata"].get("name"):
        obj["metadata"]["name"] = clock.new_uid()


def _endpoint_slice(obj: Object) -> None:
    # Where an endpoint runs has fields of its own since the first stable version.
    for endpoint in obj.get("endpoints") or ():
        endpoint.pop("deprecatedTopology", None)


def _endpoint_slice_update(new: Object, old: Object, subresource: str) -> None:
    if new.get("endpoints") != old.get("endpoints"):
        _endpoint_slice(new)


def _service(obj: Object) -> None:
    services.prepare_create(obj)


def _service_update(new: Object, old: Object, subresource: str) -> None:
    if subresource == "":
        services.prepare_update(new, old)


def _service_account(obj: Object) -> None:
    """References to secrets hold names only."""
    for name in ("secrets", "imagePullSecrets"):
        if obj.get(name):
            obj[name] = [{"name": one["name"]} if one.get("name") else {} for one in obj[name]]


def _certificate_request(obj: Object) -> None:
    # Who asks is for the server to say, not for the asker.
    for field in ("username", "uid", "groups", "extra"):
        obj["spec"].pop(field, None)


def _certificate_request_update(new: Object, old: Object, subresource: str) -> None:
    new["spec"] = old["spec"]
    status = new.setdefault("status", {})
    conditions = status.get("conditions") or []
    before = {one.get("type"): one for one in (old.get("status") or {}).get("conditions") or ()}
    if subresource == "":
        new["status"] = old.get("status") or {}
        return
    if subresource == "status":
        conditions = _preserved(conditions, before)
        if conditions:
            status["conditions"] = conditions
    for condition in conditions:
        _stamp(condition, before.get(condition.get("type")))
    if subresource == "approval":
        new["status"] = {**(old.get("status") or {}), "conditions": conditions}
        if not conditions:
            del new["status"]["conditions"]


def _preserved(conditions: list[Object], before: Mapping[str, Object]) -> list[Object]:
    """Approval is not for the status subresource to change."""
    kept = [one for one in conditions if one.get("type") not in ("Approved", "Denied")]
    approvals = [one for type_, one in before.items() if type_ in ("Approved", "Denied")]
    return [*approvals, *kept] if approvals else conditions


def _stamp(condition: Object, before: Mapping[str, Any] | None) -> None:
    now = clock.timestamp()
    if condition.get("lastTransitionTime") is None:
        same = before is not None and before.get("status") == condition.get("status")
        previous = before.get("lastTransitionTime") if before is not None and same else None
        condition["lastTransitionTime"] = previous or now
    if condition.get("lastUpdateTime") is None:
        condition["lastUpdateTime"] = now


def _custom_resource_definition(obj: Object) -> None:
    stored = [one.get("name") for one in obj["spec"].get("versions") or () if one.get("storage")]
    obj["status"]["storedVersions"] = stored[:1]


def _custom_resource_definition_update(new: Object, old: Object, subresource: str) -> None:
    if subresource != "":
        return
    stored = [one.get("name") for one in new["spec"].get("versions") or () if one.get("storage")]
    status = new["status"] = dict(old.get("status") or {})
    versions = list(status.get("storedVersions") or ())
    status["storedVersions"] = versions + [one for one in stored[:1] if one not in versions]


def _api_service(obj: Object) -> None:
    if (obj.get("spec") or {}).get("service") is None:
        obj["status"] = {
            "conditions": [
                {
                    "type": "Available",
                    "status": "True",
                    "lastTransitionTime": clock.timestamp(),
                    "reason": "Local",
                    "message": "Local APIServices are always available",
                }
            ]
        }


_CREATE: dict[tuple[str, str], Create] = {
    ("", "LimitRange"): _limit_range,
    ("", "Namespace"): _namespace,
    ("", "PersistentVolume"): _persistent_volume,
    ("", "PersistentVolumeClaim"): _claim,
    ("", "Pod"): _pod,
    ("", "Service"): _service,
    ("", "ServiceAccount"): _service_account,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _custom_resource_definition,
    ("apiregistration.k8s.io", "APIService"): _api_service,
    ("apps", "DaemonSet"): _daemon_set,
    ("batch", "Job"): _job,
    ("certificates.k8s.io", "CertificateSigningRequest"): _certificate_request,
    ("discovery.k8s.io", "EndpointSlice"): _endpoint_slice,
}
_UPDATE: dict[tuple[str, str], Update] = {
    ("", "Namespace"): _namespace_update,
    ("", "PersistentVolume"): _persistent_volume_update,
    ("", "PersistentVolumeClaim"): _claim_update,
    ("", "Pod"): _pod_update,
    ("", "Service"): _service_update,
    ("", "ServiceAccount"): lambda new, old, subresource: _service_account(new),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _custom_resource_definition_update,
    ("apps", "DaemonSet"): _daemon_set_update,
    ("certificates.k8s.io", "CertificateSigningRequest"): _certificate_request_update,
    ("discovery.k8s.io", "EndpointSlice"): _endpoint_slice_update,
}
