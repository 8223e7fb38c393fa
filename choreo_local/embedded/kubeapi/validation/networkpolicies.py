"""Network policies: who may talk to whom, through which ports."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi.validation import checks, names
from choreo_local.embedded.kubeapi.validation.metadata import Problems

Manifest = dict[str, Any]
Object = Mapping[str, Any]

_TYPES = ("Ingress", "Egress")
_PROTOCOLS = ("TCP", "UDP", "SCTP")


def validate(obj: Manifest) -> Problems:
    """The problems of a policy."""
    spec = obj["spec"]
    yield from checks.label_selector("spec.podSelector", spec.get("podSelector"))
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for index, rule in enumerate(spec.get(direction) or ()):
            path = f"spec.{direction}[{index}]"
            for number, port in enumerate(rule.get("ports") or ()):
                yield from _port(f"{path}.ports[{number}]", port)
            for number, peer in enumerate(rule.get(peers) or ()):
                yield from _peer(f"{path}.{peers}[{number}]", peer)
    types = spec.get("policyTypes") or ()
    if len(types) > len(_TYPES):
        yield fielderrors.invalid_value(
            "spec.policyTypes", types, "may not specify more than two policyTypes"
        )
        return
    for index, type_ in enumerate(types):
        yield from checks.one_of(f"spec.policyTypes[{index}]", type_, _TYPES)


def validate_update(new: Manifest, _old: Manifest) -> Problems:
    """The problems of a changed policy."""
    yield from validate(new)


def _port(path: str, found: Object) -> Problems:
    if found.get("protocol") is not None:
        yield from checks.one_of(f"{path}.protocol", found["protocol"], _PROTOCOLS)
    port, end = found.get("port"), found.get("endPort")
    if isinstance(port, int):
        yield from checks.port_number(f"{path}.port", port)
        if end is not None:
            yield from _range(f"{path}.endPort", port, end)
        return
    if end is not None:
        trouble = "is not specified" if port is None else "is non-numeric"
        yield fielderrors.invalid_value(
            f"{path}.endPort", end, f"may not be specified when `port` {trouble}"
        )
    if port is not None:
        yield from checks.port(f"{path}.port", port)


def _range(path: str, port: int, end: int) -> Problems:
    if end < port:
        # The real one shows the beginning here.
        yield fielderrors.invalid_value(path, port, "must be greater than or equal to `port`")
    yield from checks.port_number(path, end)


def _peer(path: str, peer: Object) -> Problems:
    given = [
        field
        for field in ("podSelector", "namespaceSelector", "ipBlock")
        if peer.get(field) is not None
    ]
    for field in given:
        if field == "ipBlock":
            yield from _block(f"{path}.ipBlock", peer[field])
        else:
            yield from checks.label_selector(f"{path}.{field}", peer[field])
    if not given:
        yield fielderrors.required(path, "must specify a peer")
    elif len(given) > 1 and "ipBlock" in given:
        yield fielderrors.forbidden(path, "may not specify both ipBlock and another peer")


def _block(path: str, block: Object) -> Problems:
    if not block.get("cidr"):
        yield fielderrors.required(f"{path}.cidr")
        return
    yield from checks.fits(f"{path}.cidr", block["cidr"], names.cidr)
    whole = names.parse_cidr(block["cidr"])
    if whole is None:
        return
    for index, text in enumerate(block.get("except") or ()):
        here = f"{path}.except[{index}]"
        yield from checks.fits(here, text, names.cidr)
        part = names.parse_cidr(text)
        if part is not None and not _is_strict_subset(part, whole):
            yield fielderrors.invalid_value(here, text, "must be a strict subset of `cidr`")


def _is_strict_subset(
    part: ipaddress.IPv4Network | ipaddress.IPv6Network,
    whole: ipaddress.IPv4Network | ipaddress.IPv6Network,
) -> bool:
    return (
        part.version == whole.version
        and part.network_address in whole
        and part.prefixlen > whole.prefixlen
    )
