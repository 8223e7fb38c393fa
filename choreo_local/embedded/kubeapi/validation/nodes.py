"""Nodes: taints, ranges of pod addresses, amounts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import re2

from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi.validation import checks, names, resources, scheduling
from choreo_local.embedded.kubeapi.validation.metadata import Problems

Manifest = dict[str, Any]

_FEATURE = re2.compile(r"^[A-Z][a-zA-Z0-9]*(/[a-zA-Z][a-zA-Z0-9]*)*$")
_MAX_FEATURE = 253
_ONCE = 'node updates may not change {} except from "" to valid'


def validate(obj: Manifest) -> Problems:
    """The problems of a new node."""
    # The real one puts the taints below the metadata.
    yield from scheduling.taints("metadata.taints", obj["spec"].get("taints") or ())
    yield from _amounts(obj)
    yield from _features((obj.get("status") or {}).get("declaredFeatures") or ())
    yield from _pod_ranges(obj["spec"].get("podCIDRs") or ())


def _amounts(obj: Manifest) -> Problems:
    status = obj.get("status") or {}
    for field in ("capacity", "allocatable"):
        for name, text in (status.get(field) or {}).items():
            yield from resources.amount(f"status.{field}.{name}", name, text)


def _features(found: Sequence[str]) -> Problems:
    for index, feature in enumerate(found):
        path = f"status.declaredFeatures[{index}]"
        if len(feature) > _MAX_FEATURE:
            yield fielderrors.invalid_value(
                path,
                feature,
                f"invalid feature name {fielderrors.quote(feature)}: must be no more than "
                f"{_MAX_FEATURE} characters",
            )
        elif _FEATURE.match(feature) is None:
            yield fielderrors.invalid_value(
                path,
                feature,
                f"invalid feature name {fielderrors.quote(feature)}: must start with an "
                "UpperCamelCase segment, with subsequent segments separated by '/' (e.g., "
                "MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters "
                "and slashes",
            )
        if index and found[index - 1] == feature:
            yield fielderrors.duplicate(path, feature)
        elif index and found[index - 1] > feature:
            yield fielderrors.invalid_value(path, feature, "list must be sorted alphabetically")


def _pod_ranges(ranges: Sequence[str]) -> Problems:
    path = "spec.podCIDRs"
    for index, text in enumerate(ranges):
        yield from checks.fits(f"{path}[{index}]", text, names.cidr)
    families = {parsed.version for text in ranges if (parsed := names.parse_cidr(text))}
    if len(ranges) > 2 or (len(ranges) == 2 and len(families) < 2):
        yield fielderrors.invalid_value(
            path, list(ranges), "may specify no more than one CIDR for each IP family"
        )


def validate_update(new: Manifest, old: Manifest) -> Problems:
    """The problems of a changed node, or of its status."""
    after, before = new["spec"], old["spec"]
    yield from validate(new)
    seen: list[Any] = []
    for index, address in enumerate((new.get("status") or {}).get("addresses") or ()):
        if address in seen:
            shown = {"Type": address.get("type") or "", "Address": address.get("address") or ""}
            yield fielderrors.duplicate(f"status.addresses[{index}]", shown)
        seen.append(address)
    ranges = before.get("podCIDRs") or []
    if ranges and ranges != (after.get("podCIDRs") or []):
        yield fielderrors.forbidden("spec.podCIDRs", _ONCE.format("podCIDR"))
    provider = before.get("providerID")
    if provider and provider != after.get("providerID"):
        yield fielderrors.forbidden("spec.providerID", _ONCE.format("providerID"))
    if (after.get("externalID") or "") != (before.get("externalID") or ""):
        yield fielderrors.forbidden("spec.externalID", "may not be updated")
