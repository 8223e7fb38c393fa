"""Host names and ports: those of this machine and those of an installation on clusters. Pure.

The ports are those of upstream's own installations, so that the URLs of components stay the same
where a domain is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlsplit

Spec = Mapping[str, Any]

LOCAL_APPS = "openchoreoapis.localhost"


class Ports(NamedTuple):
    """Where a plane's gateway listens."""

    http: int
    https: int


CONTROL = Ports(8080, 8443)
DATA = Ports(19080, 19443)
OBSERVABILITY = Ports(11080, 11085)
# purpose of a port of an instance → that of an installation
_OUTWARD = {"gateway": DATA.http, "gateway-tls": DATA.https}
_URLS = {"observerURL": "observer", "rcaAgentURL": "rca-agent", "finOpsAgentURL": "finops-agent"}
_PORTS_OF_URLS = OBSERVABILITY.http


@dataclass(frozen=True, slots=True)
class Addresses:
    """The names of an installation.

    Attributes:
        domain: of the platform.
        apps: of the components.
    """

    domain: str
    apps: str

    def host(self, name: str) -> str:
        """The host name of a part of the platform."""
        return f"{name}.{self.domain}"

    def control(self, name: str = "") -> str:
        """Base URL of a part of the control plane."""
        return f"http://{self.host(name) if name else self.domain}:{CONTROL.http}"

    def observability(self, name: str) -> str:
        """Base URL of a part of the observability plane."""
        return f"http://{self.host(name)}:{_PORTS_OF_URLS}"

    @property
    def agents(self) -> str:
        """Where the agents of planes connect to."""
        return f"wss://{self.host('cluster-gateway')}:{CONTROL.https}/ws"


def outward(spec: Spec, addresses: Addresses, ports: Mapping[str, int]) -> dict[str, Any]:
    """The spec of a plane object with an installation's addresses for those of this machine."""
    known = {ports[name]: port for name, port in _OUTWARD.items() if name in ports}

    def listener(entry: Spec) -> dict[str, Any]:
        changed = dict(entry)
        if is_local(str(entry.get("host", ""))):
            changed["host"] = _moved_out(str(entry["host"]), addresses.apps)
        if entry.get("port") in known:
            changed["port"] = known[entry["port"]]
        return changed

    moved = _with_listeners(spec, listener)
    for field, name in _URLS.items():
        if is_local(urlsplit(str(spec.get(field) or "")).hostname or ""):
            moved[field] = addresses.observability(name)
    return moved


def inward(
    spec: Spec, addresses: Addresses, ports: Mapping[str, int], *, observer: str
) -> dict[str, Any]:
    """The reverse: what an empty instance makes of an exported plane object."""
    known = {port: ports[name] for name, port in _OUTWARD.items() if name in ports}

    def listener(entry: Spec) -> dict[str, Any]:
        changed = dict(entry)
        if "host" in entry:
            changed["host"] = _moved_in(str(entry["host"]), addresses.apps)
        if entry.get("port") in known:
            changed["port"] = known[entry["port"]]
        return changed

    moved = _with_listeners(spec, listener)
    for field, name in _URLS.items():
        if spec.get(field) == addresses.observability(name):
            moved[field] = observer
    return moved


def is_local(host: str) -> bool:
    """Whether a host name or address means the machine that uses it."""
    host = host.strip("[]").lower()
    return host in ("localhost", "::1") or host.endswith(".localhost") or host.startswith("127.")


def _moved_out(host: str, apps: str) -> str:
    rest = host.removesuffix(".localhost")
    return apps if host == LOCAL_APPS or rest == host else f"{rest}.{apps}"


def _moved_in(host: str, apps: str) -> str:
    if host == apps:
        return LOCAL_APPS
    rest = host.removesuffix(f".{apps}")
    return host if rest == host else f"{rest}.localhost"


def _with_listeners(spec: Spec, change: Callable[[Spec], dict[str, Any]]) -> dict[str, Any]:
    gateway = spec.get("gateway")
    if not isinstance(gateway, Mapping):
        return dict(spec)
    sides = {
        side: {
            reach: {
                name: change(value) if isinstance(value, Mapping) else value
                for name, value in entry.items()
            }
            for reach, entry in pair.items()
        }
        for side, pair in gateway.items()
    }
    return {**spec, "gateway": sides}
