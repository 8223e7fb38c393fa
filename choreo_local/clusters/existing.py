"""A cluster of a kubeconfig as a driver: never made or removed, only what we applied is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from choreo_local.clusters import kubeconfigs
from choreo_local.clusters.driver import Callback, Capability, ClusterSpec
from choreo_local.clusters.ownership import Ownership
from choreo_local.clusters.remote import RemoteCluster
from choreo_local.kubeclient.access import KubeAccess


class ExistingDriver:
    """Runs the platform on a cluster that others own; implements `driver.ClusterDriver`.

    Args:
        spec: what the platform wants.
    """

    name = "existing"

    def __init__(self, spec: ClusterSpec) -> None:
        self._spec = spec
        self._remote = RemoteCluster(spec, self._content)

    def _content(self) -> Mapping[str, Any]:
        target = self._spec.target
        return kubeconfigs.single(
            kubeconfigs.read(kubeconfigs.sources(target.kubeconfig)), target.context
        )

    @property
    def server(self) -> str:
        """Base URL of the Kubernetes API."""
        return self._remote.server

    @property
    def identity(self) -> str:
        """Tells the cluster from all others."""
        return self._remote.identity

    @property
    def ownership(self) -> Ownership:
        """How to tell our objects from others'."""
        return self._remote.ownership

    @property
    def node_network(self) -> None:
        """Its images come from elsewhere."""

    @property
    def callback(self) -> Callback:
        """Where the cluster asks for admission."""
        return self._remote.callback()

    def start_api(self) -> None:
        """Look at the cluster."""
        self._remote.start()

    def start_parts(self) -> None:
        """Take on the planes' identities."""
        self._remote.identify(on_death=self._spec.on_death)

    def access(self, plane: str) -> KubeAccess:
        """As a plane's own identity."""
        return self._remote.access(plane)

    async def admin(self) -> KubeAccess:
        """As the user of the context."""
        return await self._remote.admin()

    def provide_images(self) -> str:
        """Nothing can be put into the nodes of others."""
        return "their images are made for this machine, and no registry has them"

    def stop(self) -> None:
        """End what runs in this process; the cluster stays as it is."""
        self._remote.stop()

    def capabilities(self) -> Sequence[Capability]:
        """What the cluster can do."""
        return self._remote.capabilities()

    def processes(self) -> Mapping[str, int]:
        """The pid of the gateways' proxy."""
        return self._remote.processes()


def make(spec: ClusterSpec) -> ExistingDriver:
    """The driver for a spec; see `registry.choose`."""
    return ExistingDriver(spec)
