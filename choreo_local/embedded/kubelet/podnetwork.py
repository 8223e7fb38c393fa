"""What a runtime with network namespaces asks of the network: the part that CNI plays elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class Attachment(Protocol):
    """A pod's place in the network; `enter` runs a command in the pod's network namespace."""

    @property
    def address(self) -> str: ...

    @property
    def enter(self) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True)
class _ThisMachine:
    """The place of a pod that shares this machine's network."""

    address: str = "127.0.0.1"
    enter: Sequence[str] = ()


HOST_NETWORK = _ThisMachine()


class PodNetwork(Protocol):
    """Gives pods a network namespace with an address; both may be repeated without harm.

    When `attach` answers, the pod's policies are in force. `resolver` is where pods find the
    cluster's DNS. `datagram_obstacle` says why UDP does not leave; empty when it does.
    """

    @property
    def resolver(self) -> str: ...

    @property
    def datagram_obstacle(self) -> str: ...

    async def attach(self, uid: str, *, address: str) -> Attachment: ...

    async def detach(self, uid: str) -> None: ...


class AdoptingNetwork(PodNetwork, Protocol):
    """The same for pods whose network namespace, given as a descriptor, somebody else has made."""

    async def adopt(self, uid: str, *, address: str, namespace: int) -> Attachment: ...
