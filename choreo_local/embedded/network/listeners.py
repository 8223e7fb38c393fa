"""Listeners of Gateways: what they accept, and what is wrong with them. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from choreo_local.embedded.network import references
from choreo_local.embedded.network.references import Manifest, Problem, World
from choreo_local.embedded.network.selectors import matches_labels
from choreo_local.embedded.network.table import Certificate

_KINDS = {
    "HTTP": ("HTTPRoute", "GRPCRoute"),
    "HTTPS": ("HTTPRoute", "GRPCRoute"),
    "TLS": ("TLSRoute",),
}


@dataclass(slots=True)
class Listener:
    """One listener while the table is being built.

    Attributes:
        refused: why it is not accepted at all.
        conflict: which other listener holds its place.
        unresolved: which reference of it cannot be used.
        attached: how many routes use it.
    """

    gateway: Manifest
    spec: Manifest
    kinds: tuple[str, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    refused: Problem | None = None
    conflict: Problem | None = None
    unresolved: Problem | None = None
    attached: set[tuple[str, str, str]] = field(default_factory=set)

    @property
    def name(self) -> str:
        """Its section name."""
        return str(self.spec["name"])

    @property
    def port(self) -> int:
        """The port that the Gateway asks for."""
        return int(self.spec["port"])

    @property
    def protocol(self) -> str:
        """HTTP, HTTPS or TLS."""
        return str(self.spec["protocol"])

    @property
    def hostname(self) -> str:
        """The host names it serves; empty for all."""
        return self.spec.get("hostname") or ""

    @property
    def is_passing_through(self) -> bool:
        """Whether TLS is not ended here."""
        return (self.spec.get("tls") or {}).get("mode") == "Passthrough"

    @property
    def works(self) -> bool:
        """Whether it can serve requests."""
        ends_tls = self.protocol == "HTTPS"
        usable = not ends_tls or bool(self.certificates)
        return self.refused is None and self.conflict is None and usable


def of_gateway(world: World, gateway: Manifest) -> list[Listener]:
    """The listeners of a Gateway, judged each for itself."""
    return [_listener(world, gateway, spec) for spec in gateway["spec"].get("listeners") or ()]


def _listener(world: World, gateway: Manifest, spec: Manifest) -> Listener:
    listener = Listener(gateway, spec)
    supported = _KINDS.get(listener.protocol)
    if supported is None:
        message = f'protocol "{listener.protocol}" is not supported'
        listener.refused = Problem("UnsupportedProtocol", message)
        return listener
    if listener.protocol == "TLS" and not listener.is_passing_through:
        message = "a TLS listener that ends TLS needs TCPRoutes, which are not supported"
        listener.refused = Problem("UnsupportedProtocol", message)
        return listener
    _choose_kinds(listener, supported)
    if listener.protocol == "HTTPS":
        _load_certificates(world, listener)
    return listener


def _choose_kinds(listener: Listener, supported: Sequence[str]) -> None:
    asked = (listener.spec.get("allowedRoutes") or {}).get("kinds")
    if not asked:
        listener.kinds = tuple(supported)
        return
    fitting = [
        each["kind"]
        for each in asked
        if each["kind"] in supported and each.get("group", references.GROUP) == references.GROUP
    ]
    listener.kinds = tuple(dict.fromkeys(fitting))
    if len(fitting) != len(asked):
        names = ", ".join(sorted({each["kind"] for each in asked} - set(fitting)))
        listener.unresolved = Problem("InvalidRouteKinds", f"route kinds not supported: {names}")


def _load_certificates(world: World, listener: Listener) -> None:
    tls: Mapping[str, Any] = listener.spec.get("tls") or {}
    found = [_certificate(world, listener, each) for each in tls.get("certificateRefs") or ()]
    listener.certificates = tuple(each for each in found if isinstance(each, Certificate))
    problems = [each for each in found if isinstance(each, Problem)]
    if not found:
        problems = [Problem("InvalidCertificateRef", "an HTTPS listener needs a certificate")]
    if problems:
        listener.unresolved = problems[0]


def _certificate(world: World, listener: Listener, reference: Manifest) -> Certificate | Problem:
    kind, group = reference.get("kind", "Secret"), reference.get("group", "")
    own, name = listener.gateway["metadata"]["namespace"], reference["name"]
    namespace = reference.get("namespace") or own
    if (group, kind) != ("", "Secret"):
        return Problem("InvalidCertificateRef", f"{kind} cannot hold a certificate, use a Secret")
    if not references.is_granted(
        world.grants,
        group=references.GROUP,
        kind="Gateway",
        namespace=own,
        to_kind="Secret",
        to_namespace=namespace,
        to_name=name,
    ):
        message = f"no ReferenceGrant allows the use of Secret {namespace}/{name}"
        return Problem("RefNotPermitted", message)
    secret = world.secrets.get((namespace, name))
    if secret is None:
        return Problem("InvalidCertificateRef", f"Secret {namespace}/{name} does not exist")
    data = secret.get("data") or {}
    try:
        chain, key = (
            base64.b64decode(data[each], validate=True).decode() for each in ("tls.crt", "tls.key")
        )
    except (KeyError, ValueError, binascii.Error):
        message = f"Secret {namespace}/{name} holds no key pair"
        return Problem("InvalidCertificateRef", message)
    if "BEGIN CERTIFICATE" not in chain or "PRIVATE KEY" not in key:
        message = f"Secret {namespace}/{name} holds no key pair in PEM"
        return Problem("InvalidCertificateRef", message)
    return Certificate(chain, key)


def mark_conflicts(listeners: Sequence[Listener]) -> None:
    """Of listeners that want the same place the first keeps it; order is that of their Gateways."""
    protocols: dict[int, bool] = {}
    taken: dict[tuple[int, str], Listener] = {}
    for listener in listeners:
        if listener.refused:
            continue
        is_tls = listener.protocol != "HTTP"
        first = protocols.setdefault(listener.port, is_tls)
        place = (listener.port, listener.hostname)
        if first != is_tls:
            message = f"port {listener.port} already serves another protocol"
            listener.conflict = Problem("ProtocolConflict", message)
        elif place in taken:
            holder = taken[place]
            message = f'listener "{holder.name}" of {_owner(holder)} has the same port and hostname'
            listener.conflict = Problem("HostnameConflict", message)
        else:
            taken[place] = listener


def _owner(listener: Listener) -> str:
    metadata = listener.gateway["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}"


def allows(world: World, listener: Listener, route: Manifest) -> bool:
    """Whether a listener takes routes of that kind and namespace."""
    if route["kind"] not in listener.kinds:
        return False
    rule = (listener.spec.get("allowedRoutes") or {}).get("namespaces") or {}
    namespace = route["metadata"]["namespace"]
    match rule.get("from", "Same"):
        case "All":
            return True
        case "Same":
            return bool(namespace == listener.gateway["metadata"]["namespace"])
        case "Selector":
            return matches_labels(rule.get("selector"), world.namespaces.get(namespace) or {})
    return False
