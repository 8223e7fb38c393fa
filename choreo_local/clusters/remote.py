"""What drivers share whose cluster is not in this process: reach it, be somebody there, serve it.

The parts that an ordinary cluster lacks run in this process when they meet the rest through the
Kubernetes API alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import yaml

from choreo_local import pki
from choreo_local.clusters import callbacks, identities, inventory, kubeconfigs, ownership
from choreo_local.clusters.driver import Callback, Capability, ClusterSpec
from choreo_local.clusters.identities import Tokens
from choreo_local.clusters.inventory import Inventory
from choreo_local.clusters.ownership import Ownership
from choreo_local.kubeclient.access import KubeAccess, ServerAccess
from choreo_local.kubeclient.client import KubeClient
from choreo_local.threads import LoopThread

if TYPE_CHECKING:
    from choreo_local.clusters.hosting import HostedParts

logger = logging.getLogger(__name__)

Manifest = Mapping[str, Any]

_SECONDS = 60
FIELD_MANAGER = "choreo-bundles"
# What a shared cluster has of its own, or what would change it for others.
_NOT_FOR_SHARED = ("StorageClass",)


def adapted(manifests: Iterable[Manifest]) -> list[Manifest]:
    """Manifests of bundles as a cluster that is not ours gets them. Pure."""
    return [
        identities.bound_to_accounts(manifest)
        for manifest in manifests
        if manifest["kind"] not in _NOT_FOR_SHARED
    ]


class RemoteCluster:
    """A cluster that a kubeconfig with one context reaches.

    Args:
        spec: what the platform wants.
        content: says the kubeconfig; asked whenever we connect, as users' credentials expire.
    """

    def __init__(self, spec: ClusterSpec, content: Callable[[], Mapping[str, Any]]) -> None:
        self._spec = spec
        self._content = content
        self._thread = LoopThread("kube")
        self._tokens = Tokens(self._administrator)
        self._trust: ServerAccess | None = None
        self._hosted: HostedParts | None = None
        self.inventory: Inventory | None = None
        self.server = ""

    @property
    def ownership(self) -> Ownership:
        """How to tell our objects from others'."""
        return Ownership(self._spec.instance_id, field_manager=FIELD_MANAGER)

    @property
    def identity(self) -> str:
        """Tells the cluster from all others, once it has been looked at."""
        return self.inventory.identity if self.inventory else ""

    def start(self) -> None:
        """Look at the cluster, and keep its kubeconfig; nothing is changed there."""
        content = self._content()
        self.server = kubeconfigs.server(content)
        text = yaml.safe_dump(dict(content), sort_keys=False)
        pki.write_private(self._spec.paths.kubeconfig, text.encode())
        self._thread.start()
        try:
            self._thread.call(self._look(), timeout=_SECONDS)
        except BaseException:
            self.stop()
            raise

    async def _look(self) -> None:
        self._trust = await kubeconfigs.connect(_without_user(self._content()))
        client = await self._administrator()
        try:
            await inventory.reachable(client)
            mine = f"{ownership.LABEL}={self._spec.instance_id}"
            self.inventory = await inventory.take(client, ours=mine)
        finally:
            await client.close()
        inventory.check(self.inventory)

    def identify(self, *, on_death: Callable[[BaseException], None]) -> None:
        """Get tokens for all planes, whose accounts exist by now."""
        self._thread.call(self._tokens.renew(), timeout=_SECONDS)
        self._thread.spawn(self._tokens.keep_fresh(), on_death=on_death)
        self._thread.call(self._host(), timeout=_SECONDS)

    async def _host(self) -> None:
        # Loaded late: only who runs a cluster's parts needs them.
        from choreo_local.clusters.hosting import HostedParts

        assert self.inventory is not None
        self._hosted = HostedParts(
            self._spec,
            self.inventory,
            gateway=self.access("gateway"),
            secrets=self.access("secrets"),
        )
        await self._hosted.start()

    def access(self, plane: str) -> KubeAccess:
        """As a plane's own identity; after `start`, and to be used after `identify`."""
        assert self._trust is not None
        return ServerAccess(self.server, self._trust.trust, self._tokens.source(plane))

    async def admin(self) -> KubeAccess:
        """As the user of the kubeconfig."""
        return await kubeconfigs.connect(self._content())

    async def _administrator(self) -> KubeClient:
        return (await self.admin()).client(field_manager=FIELD_MANAGER)

    def stop(self) -> None:
        """End what runs in this process; the cluster stays as it is."""
        try:
            if self._hosted is not None:
                self._thread.call(self._hosted.stop(), timeout=_SECONDS)
        finally:
            self._thread.stop()

    def capabilities(self) -> Sequence[Capability]:
        """What the cluster can do, and what is served for it here."""
        hosted = self._hosted.capabilities() if self._hosted else []
        return [*(inventory.capabilities(self.inventory) if self.inventory else []), *hosted]

    def processes(self) -> Mapping[str, int]:
        """Purpose → pid of child processes."""
        return self._hosted.processes() if self._hosted else {}

    def callback(self) -> Callback:
        """Where the cluster reaches this process: as the route to it says, unless told."""
        return callbacks.towards(self.server, told=self._spec.target.reachable_at)


def _without_user(content: Mapping[str, Any]) -> dict[str, Any]:
    """Whom to trust, and nothing of who asks."""
    return {**content, "users": [{"name": user["name"], "user": {}} for user in content["users"]]}
