"""Addresses and ranges of addresses of services."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi.validation import checks, metadata, names, printed
from choreo_local.embedded.kubeapi.validation.metadata import Problems

Manifest = dict[str, Any]
Object = Mapping[str, Any]

_PATH = "spec.cidrs"


def validate_address(obj: Manifest) -> Problems:
    """The problems of an address."""
    parent, path = obj["spec"].get("parentRef"), "spec.parentRef"
    if parent is None:
        yield fielderrors.required(path)
        return
    if parent.get("group"):
        yield from checks.fits(f"{path}.group", parent["group"], names.dns_subdomain)
    for field in ("resource", "name"):
        yield from checks.reference_part(f"{path}.{field}", parent.get(field))
    if parent.get("namespace"):
        yield from checks.fits(f"{path}.namespace", parent["namespace"], names.path_segment)


def validate_address_update(new: Manifest, old: Manifest) -> Problems:
    """The problems of a changed address."""
    yield from validate_address(new)
    parent = new["spec"].get("parentRef")
    if parent != old["spec"].get("parentRef"):
        shown = printed.internal("networking.IPAddressSpec", new["spec"])["ParentRef"]
        yield metadata.immutable("spec.parentRef", shown)


def validate_range(obj: Manifest) -> Problems:
    """The problems of ranges of addresses."""
    ranges = obj["spec"].get("cidrs") or ()
    if not ranges:
        yield fielderrors.required(_PATH, "at least one CIDR required")
        return
    if len(ranges) > 2:
        yield fielderrors.invalid_value(_PATH, {"CIDRs": ranges}, "may only hold up to 2 values")
        return
    for index, text in enumerate(ranges):
        yield from checks.fits(f"{_PATH}[{index}]", text, names.cidr)
    yield from _families(ranges)


def _families(ranges: Sequence[str]) -> Problems:
    versions = [parsed.version for text in ranges if (parsed := names.parse_cidr(text))]
    if len(versions) == 2 and versions[0] == versions[1]:
        yield fielderrors.invalid_value(
            _PATH,
            ranges,
            "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and "
            "2001:db8::/64",
        )


def validate_range_update(new: Manifest, old: Manifest) -> Problems:
    """The problems of changed ranges: a second family may be added."""
    after, before = new["spec"].get("cidrs") or (), old["spec"].get("cidrs") or ()
    if len(after) < len(before) or len(after) > max(len(before), 2):
        yield metadata.immutable(_PATH, new["spec"].get("cidrs"))
        return
    for index, text in enumerate(before):
        if after[index] != text:
            yield metadata.immutable(f"{_PATH}[{index}]", after[index])
    if len(after) != len(before):
        yield from validate_range(new)
