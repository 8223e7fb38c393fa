"""IP addresses and networks: `ip('::1')`, `cidr('10.0.0.0/8')` and what they can tell."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from choreo_local.cel.declarations import Library
from choreo_local.cel.errors import EvaluationError
from choreo_local.cel.libraries.declaring import functions, methods, size_weight
from choreo_local.cel.types import BOOL, INT, STRING, opaque

IP_TYPE = opaque("net.IP")
CIDR_TYPE = opaque("net.CIDR")
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_LINK_LOCAL_MULTICAST = (
    ipaddress.ip_network("224.0.0.0/24"),
    # Flags and reserved bits aside, ffx2::/16.
    ipaddress.ip_network("ff02::/16"),
)


@dataclass(frozen=True, slots=True)
class Ip:
    """An address."""

    cel_type: ClassVar[str] = IP_TYPE.name
    address: _Address


@dataclass(frozen=True, slots=True)
class Cidr:
    """An address with the length of a prefix."""

    cel_type: ClassVar[str] = CIDR_TYPE.name
    address: _Address
    length: int

    def network(self) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
        """The addresses that share the prefix."""
        return ipaddress.ip_network((self.address, self.length), strict=False)


def _parse_address(text: str) -> Ip:
    if "%" in text:
        raise EvaluationError(f'IP address "{text}" with zone value is not allowed')
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise EvaluationError(
            f'IP Address "{text}" parse error during conversion from string:'
            f' ParseAddr("{text}"): unable to parse IP'
        ) from None
    if _is_mapped(address):
        raise EvaluationError(f'IPv4-mapped IPv6 address "{text}" is not allowed')
    return Ip(address)


def _is_mapped(address: _Address) -> bool:
    return isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None


def _parse_network(text: str) -> Cidr:
    address, _, length = text.partition("/")
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        raise _no_network(text, "unable to parse IP") from None
    if "%" in text:
        raise _no_network(text, "IPv6 zones cannot be present in a prefix")
    if not (length.isascii() and length.isdecimal()) or (length[0] == "0" and length != "0"):
        raise _no_network(text, f'bad bits after slash: "{length}"')
    if len(length) > 3 or int(length) > parsed.max_prefixlen:
        raise _no_network(text, "prefix length out of range")
    if _is_mapped(parsed):
        raise EvaluationError(
            "network address parse error during conversion from string:"
            f' IPv4-mapped IPv6 address "{text}" is not allowed'
        )
    return Cidr(parsed, int(length))


def _no_network(text: str, reason: str) -> EvaluationError:
    # Upstream says it twice, and others compare the text.
    twice = "network address parse error during conversion from string: " * 2
    return EvaluationError(f'{twice}netip.ParsePrefix("{text}"): {reason}')


def _valid(parse: Callable[[str], Any]) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            parse(text)
        except EvaluationError:
            return False
        return True

    return check


def _is_canonical(text: str) -> bool:
    return str(_parse_address(text).address) == text


def _is_unicast_everywhere(value: Ip) -> bool:
    address = value.address
    if address == ipaddress.IPv4Address("255.255.255.255"):
        return False
    return not (
        address.is_unspecified
        or address.is_loopback
        or address.is_multicast
        or _is_link_local(value)
    )


def _is_link_local(value: Ip) -> bool:
    return value.address.is_link_local


def _is_link_local_multicast(value: Ip) -> bool:
    return any(value.address in network for network in _LINK_LOCAL_MULTICAST)


def _contains_ip(network: Cidr, other: Ip | str) -> bool:
    inner = _parse_address(other) if isinstance(other, str) else other
    return inner.address in network.network()


def _contains_cidr(network: Cidr, other: Cidr | str) -> bool:
    inner = _parse_network(other) if isinstance(other, str) else other
    return inner.length >= network.length and inner.address in network.network()


def _masked(network: Cidr) -> Cidr:
    return Cidr(network.network().network_address, network.length)


def _test(name: str) -> Callable[[Ip], bool]:
    return lambda value: bool(getattr(value.address, name))


LIBRARY = Library(
    "kubernetes.net",
    functions=(
        functions("ip", ((STRING,), IP_TYPE, _parse_address), weight=size_weight),
        methods("ip", ((CIDR_TYPE,), IP_TYPE, lambda network: Ip(network.address))),
        functions("isIP", ((STRING,), BOOL, _valid(_parse_address)), weight=size_weight),
        functions("ip.isCanonical", ((STRING,), BOOL, _is_canonical), weight=size_weight),
        methods("family", ((IP_TYPE,), INT, lambda value: value.address.version)),
        methods("isUnspecified", ((IP_TYPE,), BOOL, _test("is_unspecified"))),
        methods("isLoopback", ((IP_TYPE,), BOOL, _test("is_loopback"))),
        methods("isLinkLocalMulticast", ((IP_TYPE,), BOOL, _is_link_local_multicast)),
        methods("isLinkLocalUnicast", ((IP_TYPE,), BOOL, _is_link_local)),
        methods("isGlobalUnicast", ((IP_TYPE,), BOOL, _is_unicast_everywhere)),
        functions("cidr", ((STRING,), CIDR_TYPE, _parse_network), weight=size_weight),
        functions("isCIDR", ((STRING,), BOOL, _valid(_parse_network)), weight=size_weight),
        methods(
            "containsIP",
            ((CIDR_TYPE, STRING), BOOL, _contains_ip),
            ((CIDR_TYPE, IP_TYPE), BOOL, _contains_ip),
        ),
        methods(
            "containsCIDR",
            ((CIDR_TYPE, STRING), BOOL, _contains_cidr),
            ((CIDR_TYPE, CIDR_TYPE), BOOL, _contains_cidr),
        ),
        methods("masked", ((CIDR_TYPE,), CIDR_TYPE, _masked)),
        methods("prefixLength", ((CIDR_TYPE,), INT, lambda network: network.length)),
        functions(
            "string",
            ((IP_TYPE,), STRING, lambda value: str(value.address)),
            ((CIDR_TYPE,), STRING, lambda network: f"{network.address}/{network.length}"),
        ),
    ),
    types={IP_TYPE.name: IP_TYPE, CIDR_TYPE.name: CIDR_TYPE},
)
