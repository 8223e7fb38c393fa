"""The planes of an instance as clusters of their own, and the objects that register them. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from choreo_local.api import labels
from choreo_local.export import order
from choreo_local.export.addresses import Addresses, outward
from choreo_local.export.cleaning import cleaned
from choreo_local.export.state import Choices, Key, Manifest, State, key_of

CONTROL = "control-plane"
REGISTRATIONS = f"{CONTROL}/planes"
# Secret of a plane that holds the authority of its agents, where one was made for the export.
AGENT_AUTHORITY = "cluster-agent-plane-ca"

_TYPES = {
    **dict.fromkeys(order.OBSERVABILITY_PLANES, "observability-plane"),
    **dict.fromkeys(order.DATA_PLANES, "data-plane"),
    **dict.fromkeys(order.WORKFLOW_PLANES, "workflow-plane"),
}


@dataclass(frozen=True, slots=True)
class Plane:
    """A plane: what agents call it, and the objects that register it.

    Attributes:
        type: `data-plane`, `workflow-plane` or `observability-plane`.
        id: under which its agents connect.
    """

    type: str
    id: str
    objects: tuple[Manifest, ...]

    @property
    def folder(self) -> str:
        """Where its files lie."""
        return f"{self.type}-{self.id}"

    @property
    def namespace(self) -> str:
        """Where its components live, on its cluster."""
        return f"openchoreo-{self.type}"

    @property
    def chart(self) -> str:
        """What installs it."""
        return f"openchoreo-{self.type}"

    @property
    def agent_certificate(self) -> str:
        """The Certificate of its agent, as its chart names it."""
        return f"cluster-agent-{self.type.replace('-', '')}-tls"

    @property
    def is_here(self) -> bool:
        """Whether it lived in the instance itself, and so becomes a new cluster."""
        return self.id == labels.DEFAULT

    @property
    def stores(self) -> list[str]:
        """Names of the secret stores that its objects name."""
        references = (obj["spec"].get("secretStoreRef") or {} for obj in self.objects)
        return sorted({str(each["name"]) for each in references if each.get("name")})


def planes(state: State) -> list[Plane]:
    """All planes, observability first."""
    found: dict[tuple[str, str], list[Manifest]] = {}
    for kind in order.PLANES:
        for obj in state.of_kind(kind):
            found.setdefault((_TYPES[kind], plane_id(obj)), []).append(obj)
    return [Plane(kind, name, tuple(objs)) for (kind, name), objs in found.items()]


def plane_id(obj: Manifest) -> str:
    """Under which id the agents of a plane object connect."""
    return str(obj["spec"].get("planeID") or obj["metadata"]["name"])


def type_of(obj: Manifest) -> str:
    """`data-plane`, `workflow-plane` or `observability-plane`."""
    return _TYPES[obj["kind"]]


def folder_of(obj: Manifest) -> str:
    """The folder of the plane that an object registers."""
    return f"{type_of(obj)}-{plane_id(obj)}"


def registration(obj: Manifest, state: State, choices: Choices) -> dict[str, Any]:
    """The object that registers a plane with the new control plane.

    Where nobody can know the authority of its agents yet, that field is empty: it is read from the
    plane and filled in when both clusters are there.
    """
    moved = cleaned(obj)
    addresses = Addresses(choices.domain, choices.apps_domain)
    spec = outward(moved["spec"], addresses, state.ports)
    authority = _authority(obj, state, choices)
    client = {"value": authority} if authority else {}
    return {**moved, "spec": {**spec, "clusterAgent": {"clientCA": client}}}


def hosts(registered: Manifest) -> set[str]:
    """Below which names a plane's gateways answer."""
    gateway = registered["spec"].get("gateway") or {}
    entries = [entry for pair in gateway.values() for entry in pair.values()]
    listeners = [value for entry in entries for value in entry.values()]
    return {str(each["host"]) for each in listeners if isinstance(each, Mapping) and "host" in each}


def is_pending(registered: Manifest) -> bool:
    """Whether the authority of the agents is still to be filled in."""
    return not _client(registered).get("value")


def file_name(obj: Manifest) -> str:
    """The file of a registration."""
    key = key_of(obj)
    words = [key.kind.lower(), *([key.namespace] if key.namespace else []), key.name]
    return f"{REGISTRATIONS}/{10 + order.PLANES.index(key.kind)}-{'-'.join(words)}.yaml"


def _authority(obj: Manifest, state: State, choices: Choices) -> str:
    made = choices.authorities.get(folder_of(obj))
    if made is not None:
        return made.certificate
    client = _client(obj)
    if client.get("value"):
        return str(client["value"])
    if plane_id(obj) == labels.DEFAULT:
        # Its agent is this instance; that of the new cluster has another certificate.
        return ""
    return _from_secret(client.get("secretKeyRef") or {}, obj, state.of_kind("Secret"))


def _client(obj: Manifest) -> Mapping[str, Any]:
    agent = obj["spec"].get("clusterAgent") or {}
    client: Mapping[str, Any] = agent.get("clientCA") or {}
    return client


def _from_secret(reference: Mapping[str, str], obj: Manifest, secrets: Iterable[Manifest]) -> str:
    namespace = reference.get("namespace") or obj["metadata"].get("namespace") or ""
    wanted = Key("Secret", namespace, reference.get("name", ""))
    for secret in secrets:
        if key_of(secret) == wanted:
            try:
                data = base64.b64decode((secret.get("data") or {}).get(reference.get("key"), ""))
                text = data.decode()
            except (binascii.Error, UnicodeDecodeError, TypeError):
                return ""
            # The certificate alone: what else a Secret holds is nobody's business.
            return text if "PRIVATE KEY" not in text else ""
    return ""
