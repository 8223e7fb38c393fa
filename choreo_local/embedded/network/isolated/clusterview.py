"""What the cluster says that the rules of pod networks are made of.

Only what has changed is read anew: there may be hundreds of pods, and each that starts waits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from choreo_local.embedded.network import backends, ciliumpolicies, kinds, serviceports
from choreo_local.embedded.network.isolated.ruleset import End, Service
from choreo_local.embedded.network.policy import Peer
from choreo_local.embedded.network.serviceports import Entrance, ServicePort
from choreo_local.embedded.network.slices import SlicesByService
from choreo_local.embedded.network.sources import InformerSource, Sources
from choreo_local.embedded.network.table import Endpoint
from choreo_local.kubeclient.client import KubeClient
from choreo_local.kubeclient.interfaces import Manifest

_NONE: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Attached:
    """Where a pod is attached: the name of its link, and its address."""

    link: str
    address: str


@dataclass(frozen=True, slots=True)
class _Seen:
    """A pod's end, and what it was made of."""

    attached: Attached
    pod: Manifest | None
    labels: Mapping[str, str]
    end: End


class ClusterView:
    """Follows pods, namespaces, services and policies.

    Args:
        gateway: the router's address, at which what listens on this machine is reached.
        node_addresses: where pods find node ports.
        on_change: told of every change that may concern rules.
    """

    def __init__(
        self,
        client: KubeClient,
        informers: InformerSource,
        *,
        gateway: str,
        node_addresses: Sequence[str],
        on_change: Callable[[], object],
    ) -> None:
        self._gateway = gateway
        self._node_addresses = node_addresses
        self._on_change = on_change
        self._pods_by_uid: dict[str, Manifest] = {}
        self._ends: dict[str, _Seen] = {}
        self._pods = informers.of(kinds.PODS)
        self._spaces = informers.of(kinds.NAMESPACES)
        self._services = informers.of(kinds.SERVICES)
        self._policies = informers.of(kinds.NETWORK_POLICIES)
        # A kind that clusters have when somebody has defined it.
        self._cilium = Sources(
            client, informers, [kinds.CILIUM_POLICIES], lambda _old, _new: self._forget_policies()
        )
        self._known_services: dict[Entrance, Service] | None = None
        self._known_policies: list[Manifest] | None = None
        # Tells of what is known at once.
        self._slices = SlicesByService(
            informers.of(kinds.ENDPOINT_SLICES), lambda _namespace, _name: self._forget_services()
        )

    def start(self) -> None:
        """Follow what every cluster has."""
        self._pods.add_callback(self._pod_changed)
        self._spaces.add_callback(self._changed)
        self._services.add_callback(lambda _old, _new: self._forget_services())
        self._policies.add_callback(lambda _old, _new: self._forget_policies())

    async def run(self) -> None:
        """Follow kinds that appear later too, until cancelled."""
        await self._cilium.run()

    def _pod_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        if old is not None:
            self._pods_by_uid.pop(old["metadata"]["uid"], None)
        if new is not None:
            self._pods_by_uid[new["metadata"]["uid"]] = new
        before, after = (each and _seen_by_policies(each) for each in (old, new))
        if before != after:
            self._on_change()

    def _changed(self, old: Manifest | None, new: Manifest | None) -> None:
        self._on_change()

    def _forget_services(self) -> None:
        self._known_services = None
        self._on_change()

    def _forget_policies(self) -> None:
        self._known_policies = None
        self._on_change()

    # --- what is known ---------------------------------------------------------------------------

    def resolver(self) -> Peer:
        """The peer that the DNS of the cluster is to policies."""
        namespace = "kube-system"
        labels = self._labels_of_namespaces().get(namespace, {})
        return Peer(self._gateway, namespace, {"k8s-app": "kube-dns"}, labels)

    def ends(self, attached: Mapping[str, Attached]) -> list[End]:
        """The pods that are attached, by their uid."""
        labels = self._labels_of_namespaces()
        seen = {
            uid: self._seen(uid, each, self._pods_by_uid.get(uid), labels)
            for uid, each in sorted(attached.items())
        }
        self._ends = seen
        return [each.end for each in seen.values()]

    def _seen(
        self,
        uid: str,
        attached: Attached,
        pod: Manifest | None,
        labels: Mapping[str, Mapping[str, str]],
    ) -> _Seen:
        known = self._ends.get(uid)
        own = labels.get(pod["metadata"]["namespace"], _NONE) if pod else _NONE
        if known and known.attached is attached and known.pod is pod and known.labels is own:
            return known
        return _Seen(attached, pod, own, _end(attached, pod, own))

    def _labels_of_namespaces(self) -> dict[str, Mapping[str, str]]:
        return {
            each["metadata"]["name"]: each["metadata"].get("labels") or _NONE
            for each in self._spaces.list()
        }

    def policies(self, pods: str) -> list[Manifest]:
        """All policies, in a fixed order; `pods` is the network of the pods."""
        if self._known_policies is None:
            found: list[Manifest] = [
                translated
                for each in self._cilium.list(kinds.CILIUM_POLICIES)
                for translated in ciliumpolicies.translated(each, pods=pods, node=self._gateway)
            ]
            found += self._policies.list()
            self._known_policies = sorted(found, key=lambda each: str(each["metadata"]["uid"]))
        return self._known_policies

    def services(self) -> dict[Entrance, Service]:
        """Where Services are reached, and what stands behind them."""
        if self._known_services is None:
            found = serviceports.entrances(
                self._services.list(),
                self._node_addresses,
                is_offered=serviceports.is_translatable,
            )
            self._known_services = {
                entrance: self._service(entrance, meant)
                for entrance, meant in sorted(found.items(), key=lambda each: str(each[0]))
            }
        return self._known_services

    def _service(self, entrance: Entrance, meant: ServicePort) -> Service:
        endpoints = [self._reachable(each) for each in self._endpoints(entrance, meant)]
        return Service(endpoints, sticky=bool(meant.affinity_seconds))

    def _endpoints(self, entrance: Entrance, meant: ServicePort) -> tuple[Endpoint, ...]:
        service = self._services.get(meant.service, meant.namespace)
        if service is None:
            return ()
        port = backends.service_port(service, meant.port, entrance.protocol)
        if port is None:
            return ()
        return backends.endpoints(port, self._slices.get(meant.namespace, meant.service))

    def _reachable(self, endpoint: Endpoint) -> Endpoint:
        if serviceports.is_loopback(endpoint.address):
            return Endpoint(self._gateway, endpoint.port)
        return endpoint


def _seen_by_policies(pod: Manifest) -> tuple[object, ...]:
    containers = pod["spec"].get("containers") or ()
    return pod["metadata"].get("labels"), [each.get("ports") for each in containers]


def _end(found: Attached, pod: Manifest | None, labels: Mapping[str, str]) -> End:
    if pod is None:
        return End(found.link, Peer(found.address), is_known=False)
    metadata = pod["metadata"]
    containers = [
        *(pod["spec"].get("initContainers") or ()),
        *(pod["spec"].get("containers") or ()),
    ]
    ports = {
        port["name"]: int(port["containerPort"])
        for container in containers
        for port in container.get("ports") or ()
        if port.get("name")
    }
    peer = Peer(
        found.address,
        metadata["namespace"],
        metadata.get("labels") or {},
        labels,
        ports,
    )
    return End(found.link, peer)
