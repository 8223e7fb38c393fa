"""Endpoints and endpoint slices: where the traffic of services goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi.validation import checks, metadata, names, services
from choreo_local.embedded.kubeapi.validation.metadata import Problems

Manifest = dict[str, Any]
Object = Mapping[str, Any]

_ADDRESS_TYPES = ("FQDN", "IPv4", "IPv6")
_PROTOCOLS = ("SCTP", "TCP", "UDP")
_MAX_PORTS, _MAX_ENDPOINTS, _MAX_ADDRESSES = 20000, 1000, 100
_MAX_TOPOLOGY, _MAX_HINTS = 16, 8


def validate_slice(obj: Manifest) -> Problems:
    """The problems of a new endpoint slice."""
    yield from _head(obj)
    yield from _endpoints(obj)


def validate_slice_update(new: Manifest, old: Manifest) -> Problems:
    """The problems of a changed endpoint slice; endpoints that stay may be wrong."""
    yield from _head(new)
    if new.get("endpoints") != old.get("endpoints"):
        yield from _endpoints(new)
    yield from checks.unchanged("addressType", new.get("addressType"), old.get("addressType"))


def _head(obj: Manifest) -> Problems:
    yield from checks.required_one_of("addressType", obj.get("addressType"), _ADDRESS_TYPES)
    ports = obj.get("ports") or ()
    if len(ports) > _MAX_PORTS:
        yield fielderrors.too_many("ports", len(ports), _MAX_PORTS)
        return
    seen: set[str] = set()
    for index, port in enumerate(ports):
        path, name = f"ports[{index}]", port.get("name") or ""
        if name:
            yield from checks.fits(f"{path}.name", name, names.dns_label)
        if name in seen:
            yield fielderrors.duplicate(f"{path}.name", name)
        seen.add(name)
        yield from _protocol(f"{path}.protocol", port.get("protocol"))
        yield from _app_protocol(path, port)


def _protocol(path: str, protocol: str | None) -> Problems:
    if protocol is None:
        yield fielderrors.required(path)
    else:
        yield from checks.one_of(path, protocol, _PROTOCOLS)


def _app_protocol(path: str, port: Object) -> Problems:
    if port.get("appProtocol") is not None:
        yield from checks.fits(f"{path}.appProtocol", port["appProtocol"], names.qualified_name)


def _endpoints(obj: Manifest) -> Problems:
    endpoints, type_ = obj.get("endpoints") or (), obj.get("addressType") or ""
    if len(endpoints) > _MAX_ENDPOINTS:
        yield fielderrors.too_many("endpoints", len(endpoints), _MAX_ENDPOINTS)
        return
    for index, endpoint in enumerate(endpoints):
        yield from _endpoint(f"endpoints[{index}]", endpoint, type_)


def _endpoint(path: str, endpoint: Object, type_: str) -> Problems:
    addresses = endpoint.get("addresses") or ()
    if not addresses:
        yield fielderrors.required(f"{path}.addresses", "must contain at least 1 address")
    elif len(addresses) > _MAX_ADDRESSES:
        yield fielderrors.too_many(f"{path}.addresses", len(addresses), _MAX_ADDRESSES)
    for index, address in enumerate(addresses):
        if type_ == "FQDN":
            yield from _domain(f"{path}.addresses[{index}]", address)
        elif type_ in _ADDRESS_TYPES:
            yield from _address(f"{path}.addresses", index, address, type_)
    if endpoint.get("nodeName") is not None:
        yield from checks.fits(f"{path}.nodeName", endpoint["nodeName"], names.dns_subdomain)
    topology = endpoint.get("deprecatedTopology") or {}
    if len(topology) > _MAX_TOPOLOGY:
        yield fielderrors.too_many(f"{path}.deprecatedTopology", len(topology), _MAX_TOPOLOGY)
    yield from metadata.check_labels(topology, f"{path}.deprecatedTopology")
    if endpoint.get("hostname") is not None:
        yield from checks.fits(f"{path}.hostname", endpoint["hostname"], names.dns_label)
    if endpoint.get("hints") is not None:
        yield from _hints(f"{path}.hints", endpoint["hints"])


def _address(path: str, index: int, text: str, type_: str) -> Problems:
    address = names.parse_ip(text)
    if address is None:
        yield from checks.ip_address(f"{path}[{index}]", text)
        return
    if f"IPv{address.version}" != type_:
        yield fielderrors.invalid_value(path, text, f"must be an {type_} address")
    yield from services.not_special(f"{path}[{index}]", text, address)


def _domain(path: str, name: str) -> Problems:
    if not name:
        yield fielderrors.required(path)
        return
    name = name.removesuffix(".")
    problems = names.dns_subdomain(name)
    if problems:
        yield fielderrors.invalid_value(path, name, names.first_of(problems))
    elif "." not in name:
        yield fielderrors.invalid_value(
            path, name, "should be a domain with at least two segments separated by dots"
        )
    else:
        long = [label for label in name.split(".") if names.dns_label(label)]
        for label in long[:1]:
            yield fielderrors.invalid_value(path, label, names.first_of(names.dns_label(label)))


def _hints(path: str, hints: Object) -> Problems:
    for field, rule in (("forZones", names.label_value), ("forNodes", names.dns_subdomain)):
        found: Sequence[Object] = hints.get(field) or ()
        if len(found) > _MAX_HINTS:
            yield fielderrors.too_many(f"{path}.{field}", len(found), _MAX_HINTS)
            return
        seen: set[str] = set()
        for index, hint in enumerate(found):
            name, here = hint.get("name") or "", f"{path}.{field}[{index}].name"
            if name in seen:
                yield fielderrors.duplicate(here, name)
            seen.add(name)
            yield from checks.fits(here, name, rule)


def validate(obj: Manifest) -> Problems:
    """The problems of new endpoints."""
    for index, subset in enumerate(obj.get("subsets") or ()):
        yield from _subset(f"subsets[{index}]", subset)


def validate_update(new: Manifest, old: Manifest) -> Problems:
    """The problems of changed endpoints."""
    if new.get("subsets") != old.get("subsets"):
        yield from validate(new)


def _subset(path: str, subset: Object) -> Problems:
    if not subset.get("addresses") and not subset.get("notReadyAddresses"):
        yield fielderrors.required(path, "must specify `addresses` or `notReadyAddresses`")
    for field in ("addresses", "notReadyAddresses"):
        for index, address in enumerate(subset.get(field) or ()):
            yield from _subset_address(f"{path}.{field}[{index}]", address)
    ports = subset.get("ports") or ()
    for index, port in enumerate(ports):
        yield from _subset_port(f"{path}.ports[{index}]", port, required=len(ports) > 1)


def _subset_address(path: str, found: Object) -> Problems:
    text = found.get("ip") or ""
    address = names.parse_ip(text)
    yield from checks.ip_address(f"{path}.ip", text)
    if found.get("hostname"):
        yield from checks.fits(f"{path}.hostname", found["hostname"], names.dns_label)
    if found.get("nodeName") is not None:
        yield from checks.fits(f"{path}.nodeName", found["nodeName"], names.dns_subdomain)
    if address is None:
        yield fielderrors.invalid_value(f"{path}.ip", text, "must be a valid IP address")
    else:
        yield from services.not_special(f"{path}.ip", text, address)


def _subset_port(path: str, port: Object, *, required: bool) -> Problems:
    if port.get("name"):
        yield from checks.fits(f"{path}.name", port["name"], names.dns_label)
    elif required:
        yield fielderrors.required(f"{path}.name")
    yield from checks.port_number(f"{path}.port", port.get("port") or 0)
    yield from checks.required_one_of(f"{path}.protocol", port.get("protocol"), _PROTOCOLS)
    yield from _app_protocol(path, port)
