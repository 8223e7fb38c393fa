"""References from a pod to its own fields and to keys of config maps and secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi import quantity
from choreo_local.embedded.kubeapi.validation import checks, names
from choreo_local.embedded.kubeapi.validation.metadata import Problems

Object = Mapping[str, Any]

ENVIRONMENT_FIELDS = (
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
)
VOLUME_FIELDS = (
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
)
_FIELDS = frozenset(ENVIRONMENT_FIELDS) | {
    "metadata.annotations",
    "metadata.labels",
    "spec.restartPolicy",
    "spec.schedulerName",
    "status.phase",
}
_RENAMED = {"spec.host": "spec.nodeName"}
_SUBSCRIPTED = frozenset({"metadata.annotations", "metadata.labels"})
_RESOURCES = (
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
)
_HUGE_PAGES = ("limits.hugepages-", "requests.hugepages-")
_UNITS = "1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei"


def pod_field(path: str, selector: Object, supported: tuple[str, ...]) -> Problems:
    """A reference to a field of the pod itself."""
    version, field = selector.get("apiVersion") or "", selector.get("fieldPath") or ""
    if not version:
        yield fielderrors.required(f"{path}.apiVersion")
        return
    if not field:
        yield fielderrors.required(f"{path}.fieldPath")
        return
    base, key = _split_subscript(field)
    trouble = _conversion_trouble(version, base, key, field)
    if trouble:
        yield fielderrors.invalid_value(
            f"{path}.fieldPath", field, f"error converting fieldPath: {trouble}"
        )
        return
    base = _RENAMED.get(base, base)
    if key is not None:
        name = key.lower() if base == "metadata.annotations" else key
        yield from checks.fits(path, name, names.qualified_name)
    elif base not in supported:
        yield fielderrors.not_supported(f"{path}.fieldPath", base, supported)


def _conversion_trouble(version: str, base: str, key: str | None, field: str) -> str:
    if version != "v1":
        return f"unsupported pod version: {version}"
    if key is not None:
        if base in _SUBSCRIPTED:
            return ""
        return f"field label does not support subscript: {field}"
    return "" if base in _FIELDS or base in _RENAMED else f"field label not supported: {field}"


def _split_subscript(field: str) -> tuple[str, str | None]:
    if not field.endswith("']") or "['" not in field:
        return field, None
    base, _, key = field[:-2].partition("['")
    return (base, key) if base else (field, None)


def container_resource(path: str, selector: Object, *, needs_container: bool = False) -> Problems:
    """A reference to an amount that a container asks for."""
    resource = selector.get("resource") or ""
    if needs_container and not selector.get("containerName"):
        yield fielderrors.required(f"{path}.containerName")
    elif not resource:
        yield fielderrors.required(f"{path}.resource")
    elif resource not in _RESOURCES and not resource.startswith(_HUGE_PAGES):
        yield fielderrors.not_supported(f"{path}.resource", resource, _RESOURCES)
    yield from _divisor(path, resource, selector.get("divisor"))


def _divisor(path: str, resource: str, divisor: Any) -> Problems:
    if divisor is None or not checks.nanos(divisor):
        return
    text, unit = quantity.parse(str(divisor)).text, resource.partition(".")[2]
    if unit == "cpu" and text not in ("1m", "1"):
        yield fielderrors.invalid_value(
            f"{path}.divisor",
            resource,
            "only divisor's values 1m and 1 are supported with the cpu resource",
        )
    kinds = {"memory": "memory", "ephemeral-storage": "local ephemeral storage"}
    kind = "hugepages" if unit.startswith("hugepages-") else kinds.get(unit)
    if kind and text not in _UNITS.split(", "):
        yield fielderrors.invalid_value(
            f"{path}.divisor",
            resource,
            f"only divisor's values {_UNITS} are supported with the {kind} resource",
        )


def object_key(path: str, selector: Object) -> Problems:
    """A reference to a key of a config map or secret."""
    yield from checks.fits(f"{path}.name", selector.get("name") or "", names.dns_subdomain)
    if not selector.get("key"):
        yield fielderrors.required(f"{path}.key")
    else:
        yield from checks.fits(f"{path}.key", selector["key"], names.config_key)


def file_key(path: str, selector: Object) -> Problems:
    """A reference to a variable in a file of a volume."""
    if not selector.get("key"):
        yield fielderrors.required(f"{path}.key")
    else:
        yield from checks.fits(f"{path}.key", selector["key"], names.environment_variable)
    if not selector.get("volumeName"):
        yield fielderrors.required(f"{path}.volumeName")
    else:
        yield from checks.fits(f"{path}.volumeName", selector["volumeName"], names.dns_label)
    if not selector.get("path"):
        yield fielderrors.required(f"{path}.path")
    else:
        yield from checks.no_back_steps(f"{path}.path", selector["path"])


def file_volumes(path: str, spec: Object) -> Problems:
    """Files that variables come from are in volumes that live as long as the pod."""
    sources = {volume.get("name"): volume for volume in spec.get("volumes") or ()}
    for field in ("initContainers", "containers", "ephemeralContainers"):
        for index, container in enumerate(spec.get(field) or ()):
            for number, variable in enumerate(container.get("env") or ()):
                selector = (variable.get("valueFrom") or {}).get("fileKeyRef")
                if selector is None:
                    continue
                name = selector.get("volumeName") or ""
                here = f"{path}.{field}[{index}].env[{number}].valueFrom.fileKeyRef.volumeName"
                if name not in sources:
                    yield fielderrors.not_found(here, name)
                elif sources[name].get("emptyDir") is None:
                    yield fielderrors.invalid_value(
                        here, name, "referenced volume must be of type emptyDir"
                    )
