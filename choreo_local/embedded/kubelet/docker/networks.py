"""Where pods of an engine get their network from: the cluster's, or the engine's own."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from choreo_local.embedded.kubelet.podnetwork import AdoptingNetwork
from choreo_local.embedded.kubelet.runtime import Capability, StartError
from choreo_local.errors import ChoreoError


class EngineNetwork(Protocol):
    """Gives the container that holds a pod's network its address.

    `mode` is what the engine is told; `resolver` is where pods find the cluster's DNS, empty when
    they cannot. `join` gets what the engine says of the running container.
    """

    @property
    def mode(self) -> str: ...

    @property
    def resolver(self) -> str: ...

    def capabilities(self) -> Sequence[Capability]: ...

    async def join(self, uid: str, state: Mapping[str, Any], *, address: str) -> str: ...

    async def leave(self, uid: str) -> None: ...


class OwnNetwork:
    """The network of the cluster: the engine makes empty namespaces, and we link them."""

    mode = "none"

    def __init__(self, network: AdoptingNetwork) -> None:
        self._network = network

    @property
    def resolver(self) -> str:
        """The cluster's own."""
        return self._network.resolver

    def capabilities(self) -> Sequence[Capability]:
        """As in sandboxes."""
        return [
            Capability("pod-address", enforced=True),
            Capability("network-policy", enforced=True),
            Capability(
                "outside-datagrams",
                enforced=not self._network.datagram_obstacle,
                reason=self._network.datagram_obstacle,
            ),
        ]

    async def join(self, uid: str, state: Mapping[str, Any], *, address: str) -> str:
        """Link the namespace of a process that the engine started."""
        pid = int(state["State"]["Pid"])
        try:
            namespace = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            place = await self._network.adopt(uid, address=address, namespace=namespace)
        except (OSError, ChoreoError) as error:
            raise StartError(f"cannot attach the pod to its network: {error}") from error
        return place.address

    async def leave(self, uid: str) -> None:
        """Let go of it."""
        await self._network.detach(uid)


class BridgeNetwork:
    """The engine's own network, where this process must not change networks.

    Args:
        reason: why it must not.
    """

    mode = "bridge"
    resolver = ""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def capabilities(self) -> Sequence[Capability]:
        """Pods have addresses, and that is all."""
        missing = ("network-policy", "cluster-names")
        return [
            Capability("pod-address", enforced=True),
            *(Capability(name, enforced=False, reason=self._reason) for name in missing),
        ]

    async def join(self, uid: str, state: Mapping[str, Any], *, address: str) -> str:
        """The address that the engine gave."""
        settings = state.get("NetworkSettings") or {}
        networks = (settings.get("Networks") or {}).values()
        found = [settings.get("IPAddress"), *(each.get("IPAddress") for each in networks)]
        given = next((str(each) for each in found if each), "")
        if not given:
            raise StartError("the container engine gave the pod no address")
        return given

    async def leave(self, uid: str) -> None:
        """The engine takes it back."""
