"""API services: which group and version is served, and by whom."""

from __future__ import annotations

from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi.validation import checks, names
from choreo_local.embedded.kubeapi.validation.metadata import Problems

Manifest = dict[str, Any]


def validate(obj: Manifest) -> Problems:
    """The problems of an API service."""
    spec, name = obj["spec"], obj["metadata"].get("name") or ""
    group, version = spec.get("group") or "", spec.get("version") or ""
    expected = f"{version}.{group}"
    if name and not names.path_segment(name) and name != expected:
        yield fielderrors.invalid_value(
            "metadata.name",
            name,
            f'must be `spec.version+"."+spec.group`: {fielderrors.quote(expected)}',
        )
    if not group and version != "v1":
        yield fielderrors.required(
            "spec.group", "only v1 may have an empty group and it better be legacy kube"
        )
    if group:
        yield from checks.fits("spec.group", group, names.dns_subdomain)
    yield from checks.fits("spec.version", version, names.dns_1035_label)
    for field, limit in (("groupPriorityMinimum", 20000), ("versionPriority", 1000)):
        if not 0 < (spec.get(field) or 0) <= limit:
            yield fielderrors.invalid_value(
                f"spec.{field}",
                spec.get(field) or 0,
                f"must be positive and less than {limit}",
            )
    yield from _backend(spec)


def _backend(spec: dict[str, Any]) -> Problems:
    service, insecure = spec.get("service"), spec.get("insecureSkipTLSVerify")
    bundle = spec.get("caBundle") or ""
    if service is None:
        if bundle:
            size = len(bundle) * 3 // 4 - bundle.count("=")
            yield fielderrors.invalid_value(
                "spec.caBundle", f"{size} bytes", "local APIServices may not have a caBundle"
            )
        if insecure:
            yield fielderrors.invalid_value(
                "spec.insecureSkipTLSVerify",
                insecure,
                "local APIServices may not have insecureSkipTLSVerify",
            )
        return
    for field in ("namespace", "name"):
        if not service.get(field):
            yield fielderrors.required(f"spec.service.{field}")
    for text in names.port_number(service.get("port") or 0):
        yield fielderrors.invalid_value(
            "spec.service.port", service.get("port") or 0, f"port is not valid: {text}"
        )
    if insecure and bundle:
        yield fielderrors.invalid_value(
            "spec.insecureSkipTLSVerify", insecure, "may not be true if caBundle is present"
        )


def validate_update(new: Manifest, _old: Manifest) -> Problems:
    """The problems of a changed API service."""
    yield from validate(new)


def validate_status(new: Manifest, _old: Manifest) -> Problems:
    """The problems of a changed status."""
    for index, condition in enumerate((new.get("status") or {}).get("conditions") or ()):
        yield from checks.one_of(
            f"status.conditions[{index}].status",
            condition.get("status") or "",
            ("True", "False", "Unknown"),
        )
