"""What the names of a cluster stand for. Pure.

Follows the Kubernetes DNS specification 1.1: Services, headless Services and their endpoints,
Pods by address, SRV for named ports, PTR.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from choreo_local.embedded.network.dnswire import Code, Record, Reply, Type

Manifest = Mapping[str, Any]

_REVERSE = ".in-addr.arpa"
_MOST_ALIASES = 8
# Refresh, retry and expire are for secondary servers, of which there are none.
_TIMES = "7200 1800 86400"


class Directory(Protocol):
    """The Services and endpoints that there are."""

    def service(self, namespace: str, name: str) -> Manifest | None: ...

    def slices(self, namespace: str, name: str) -> Iterable[Manifest]: ...

    def service_of_address(self, address: str) -> Manifest | None: ...

    def endpoints_of_address(self, address: str) -> Iterable[tuple[str, str, Manifest]]: ...

    def has_namespace(self, name: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class Zone:
    """Answers for a cluster domain.

    Attributes:
        domain: e.g. cluster.local.
        ttl: seconds for which answers may be kept.
        aliases: names outside of the domain → names inside that they mean.
    """

    domain: str = "cluster.local"
    ttl: int = 5
    aliases: Mapping[str, str] = field(default_factory=dict)

    def covers(self, name: str) -> bool:
        """Whether names like this one are answered here, and only here."""
        if name in self.aliases:
            return True
        return self._is_own(name) or (name.endswith(_REVERSE) and not _is_public(name))

    def _is_own(self, name: str) -> bool:
        return name == self.domain or name.endswith(f".{self.domain}")

    def answer(self, directory: Directory, name: str, type_: int) -> Reply | None:
        """The reply; None for an address that is not of this cluster."""
        if name.endswith(_REVERSE):
            return self._pointer(directory, name, type_)
        aliases: list[Record] = []
        for _ in range(_MOST_ALIASES):
            found = self._of_name(directory, name)
            if found is None:
                return Reply(Code.NO_SUCH_NAME, tuple(aliases), authority=(self._authority(),))
            told = [each for each in found if each.type == type_]
            further = [each for each in found if each.type is Type.CNAME]
            if told or not further:
                authority = () if told else (self._authority(),)
                additional = self._targets(directory, told)
                return Reply(Code.OK, (*aliases, *told), authority, additional)
            aliases += further
            name = further[0].data.lower()
            if not self._is_own(name):
                return Reply(records=tuple(aliases), onward=name)
        return Reply(Code.FAILURE)

    def _of_name(self, directory: Directory, name: str) -> list[Record] | None:
        if name in self.aliases:
            return [self._record(name, Type.CNAME, self.aliases[name])]
        labels = name.removesuffix(self.domain).rstrip(".").split(".")
        return self._records(directory, labels, name)

    def _authority(self) -> Record:
        names = f"ns.dns.{self.domain} hostmaster.{self.domain}"
        return Record(self.domain, Type.SOA, f"{names} 1 {_TIMES} {self.ttl}", self.ttl)

    def _targets(self, directory: Directory, told: Iterable[Record]) -> tuple[Record, ...]:
        """The addresses of what SRV records name, so that nobody has to ask for them."""
        names = dict.fromkeys(each.data.split(" ")[3] for each in told if each.type is Type.SRV)
        found = (record for name in names for record in self._of_name(directory, name) or ())
        return tuple(each for each in found if each.type is Type.A)

    def _records(self, directory: Directory, labels: list[str], name: str) -> list[Record] | None:
        """All records of a name; None when there is no such name."""
        if labels == [""]:
            return [self._authority()]
        if labels == ["dns-version"]:
            return [self._record(name, Type.TXT, "1.1.0")]
        match labels:
            case ["svc"] | ["pod"]:
                return []
            case [namespace, "svc"] | [namespace, "pod"]:
                return [] if directory.has_namespace(namespace) else None
            case [dashed, namespace, "pod"]:
                return self._pod(directory, dashed, namespace, name)
            case [service, namespace, "svc"]:
                return self._service(directory, service, namespace, name)
            case [hostname, service, namespace, "svc"]:
                return self._endpoint(directory, hostname, (service, namespace), name)
            case [port, protocol, service, namespace, "svc"]:
                return self._named_port(directory, (port, protocol), (service, namespace), name)
        return None

    def _record(self, name: str, type_: Type, data: str) -> Record:
        return Record(name, type_, data, self.ttl)

    def _pod(
        self, directory: Directory, dashed: str, namespace: str, name: str
    ) -> list[Record] | None:
        try:
            address = ipaddress.IPv4Address(dashed.replace("-", "."))
        except ValueError:
            return None
        if not directory.has_namespace(namespace):
            return None
        return [self._record(name, Type.A, str(address))]

    def _service(
        self, directory: Directory, service: str, namespace: str, name: str
    ) -> list[Record] | None:
        obj = directory.service(namespace, service)
        if obj is None:
            return None
        spec = obj["spec"]
        if spec.get("type") == "ExternalName":
            return [self._record(name, Type.CNAME, str(spec["externalName"]).rstrip("."))]
        if not is_headless(obj):
            own = [self._record(name, Type.A, str(spec["clusterIP"]))]
            ports = [(port, f"{service}.{namespace}.svc") for port in spec.get("ports") or ()]
            return own + [self._srv(name, int(port["port"]), target) for port, target in ports]
        found: list[Record] = []
        for endpoint, port in _endpoints(directory.slices(namespace, service)):
            target = f"{hostname_of(endpoint)}.{service}.{namespace}.svc"
            found += [self._record(name, Type.A, each) for each in endpoint["addresses"]]
            if port.get("port"):
                found.append(self._srv(name, int(port["port"]), target))
        # A headless Service without endpoints does not resolve.
        return list(dict.fromkeys(found)) or None

    def _srv(self, name: str, port: int, target: str) -> Record:
        return self._record(name, Type.SRV, f"0 100 {port} {target}.{self.domain}")

    def _endpoint(
        self, directory: Directory, hostname: str, service: tuple[str, str], name: str
    ) -> list[Record] | None:
        obj = directory.service(service[1], service[0])
        if obj is None or not is_headless(obj):
            return None
        found = [
            self._record(name, Type.A, address)
            for endpoint, _ in _endpoints(directory.slices(service[1], service[0]))
            if hostname_of(endpoint) == hostname
            for address in endpoint["addresses"]
        ]
        return list(dict.fromkeys(found)) or None

    def _named_port(
        self,
        directory: Directory,
        wanted: tuple[str, str],
        service: tuple[str, str],
        name: str,
    ) -> list[Record] | None:
        obj = directory.service(service[1], service[0])
        if obj is None or not all(each.startswith("_") for each in wanted):
            return None
        port_name, protocol = wanted[0][1:], wanted[1][1:].upper()
        base = f"{service[0]}.{service[1]}.svc"
        if not is_headless(obj):
            return [
                self._srv(name, int(port["port"]), base)
                for port in obj["spec"].get("ports") or ()
                if (port.get("name"), port.get("protocol", "TCP")) == (port_name, protocol)
            ] or None
        return [
            self._srv(name, int(port["port"]), f"{hostname_of(endpoint)}.{base}")
            for endpoint, port in _endpoints(directory.slices(service[1], service[0]))
            if (port.get("name"), port.get("protocol", "TCP")) == (port_name, protocol)
        ] or None

    def _pointer(self, directory: Directory, name: str, type_: int) -> Reply | None:
        address = _address_of(name)
        names: list[str] = []
        service = directory.service_of_address(address)
        if service is not None:
            metadata = service["metadata"]
            names.append(f"{metadata['name']}.{metadata['namespace']}.svc.{self.domain}")
        for namespace, owner, endpoint in directory.endpoints_of_address(address):
            names.append(f"{hostname_of(endpoint)}.{owner}.{namespace}.svc.{self.domain}")
        if not names:
            return None
        if type_ != Type.PTR:
            return Reply()
        return Reply(records=tuple(self._record(name, Type.PTR, each) for each in names))


def _address_of(name: str) -> str:
    """The address that a name for reverse look-ups means."""
    return ".".join(reversed(name.removesuffix(_REVERSE).split(".")))


def _is_public(name: str) -> bool:
    """Whether a name for reverse look-ups is that of an address that nobody here can have."""
    try:
        return ipaddress.IPv4Address(_address_of(name)).is_global
    except ValueError:
        return False


def is_headless(service: Manifest) -> bool:
    """Whether a Service has no address of its own."""
    return service["spec"].get("clusterIP") in (None, "", "None")


def hostname_of(endpoint: Manifest) -> str:
    """The label of an endpoint below its Service: its host name, or its address with dashes."""
    return str(endpoint.get("hostname") or endpoint["addresses"][0].replace(".", "-"))


def _endpoints(slices: Iterable[Manifest]) -> list[tuple[Manifest, Manifest]]:
    """Ready endpoints with each of their ports; with an empty port where there is none."""
    return [
        (endpoint, port)
        for each in slices
        for endpoint in each.get("endpoints") or ()
        if (endpoint.get("conditions") or {}).get("ready", True)
        for port in each.get("ports") or [{}]
    ]
