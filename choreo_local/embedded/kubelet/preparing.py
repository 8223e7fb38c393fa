"""Makes a pod ready for containers: its address and its volumes; keeps the volumes up to date."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from choreo_local.embedded.kubelet import podnames, sysctls, trees
from choreo_local.embedded.kubelet.places import Places
from choreo_local.embedded.kubelet.podspec import Manifest
from choreo_local.embedded.kubelet.projections import VolumeError
from choreo_local.embedded.kubelet.runtime import PodRequest, StartError
from choreo_local.embedded.kubelet.starting import ReadyPod
from choreo_local.embedded.kubelet.tools import Tools

_FIRST_RETRY = timedelta(seconds=0.5)
_LONGEST_RETRY = timedelta(seconds=122)


class PodPreparer:
    """The address and volumes of one pod.

    Attributes:
        ready: the pod as containers are started in it; None until it is prepared.
        address: of the pod; empty until it has one.
    """

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._is_stale = True
        self._failures = 0
        self.ready: ReadyPod | None = None
        self.address = ""

    def refresh(self) -> None:
        """Read what the volumes are made of again, at the next pass."""
        self._is_stale = True

    async def prepare(self, pod: Manifest) -> datetime | None:
        """Do what is left to do; when to come back, if at all."""
        request = pod_request(pod, self._tools.places)
        if not self.address:
            try:
                self.address = await self._tools.runtime.start_pod(request)
            except StartError as error:
                message = f"Failed to create pod sandbox: {error.message}"
                return self._failed(pod, "FailedCreatePodSandBox", message)
        uid = pod["metadata"]["uid"]
        renewal = self._tools.sources.next_renewal(uid)
        now = self._tools.now()
        if self.ready is not None and not self._is_stale and (renewal is None or renewal > now):
            return renewal
        try:
            await self._make_volumes(pod, request)
        except VolumeError as error:
            return self._failed(pod, "FailedMount", error.message)
        self._failures = 0
        self._is_stale = False
        return self._tools.sources.next_renewal(uid)

    def _failed(self, pod: Manifest, reason: str, message: str) -> datetime:
        """Tell of it; when to try again."""
        self._tools.warn(pod, reason, message)
        self._failures += 1
        wait = min(_FIRST_RETRY * 2 ** min(self._failures, 10), _LONGEST_RETRY)
        retry: datetime = self._tools.now() + wait
        return retry

    async def _make_volumes(self, pod: Manifest, request: PodRequest) -> None:
        read = await self._tools.sources.for_volumes(pod, [self.address])
        folder = self._tools.places.pod(request.uid)
        places = self._tools.volumes.prepare(pod, folder, read.sources, read.claims)
        if self.ready is None:
            await asyncio.to_thread(self._tools.volumes.give_to_group, pod, places)
        self.ready = ReadyPod(pod, request, [self.address], places)

    def release(self, uid: str) -> None:
        """Drop the volumes that do not outlive a pod."""
        self.ready = None
        self._tools.sources.forget(uid)
        trees.remove(self._tools.places.pod(uid) / "volumes")


def pod_request(pod: Manifest, places: Places) -> PodRequest:
    """What the runtime has to know of a pod."""
    metadata, spec = pod["metadata"], pod["spec"]
    dns = spec.get("dnsConfig") or {}
    return PodRequest(
        uid=metadata["uid"],
        namespace=metadata["namespace"],
        name=metadata["name"],
        hostname=podnames.hostname(metadata, spec),
        folder=places.pod(metadata["uid"]),
        address=(pod.get("status") or {}).get("podIP") or "",
        host_network=bool(spec.get("hostNetwork")),
        host_aliases={
            name: alias["ip"]
            for alias in spec.get("hostAliases") or ()
            for name in alias.get("hostnames") or ()
        },
        uses_cluster_dns=_uses_cluster_dns(spec),
        full_name=podnames.full(metadata, spec),
        search_domains=tuple(dns.get("searches") or ()),
        nameservers=tuple(dns.get("nameservers") or ()),
        only_own_servers=spec.get("dnsPolicy") == "None",
        resolver_options=tuple(_option(each) for each in dns.get("options") or ()),
        sysctls=sysctls.of_pod(spec),
    )


def _option(option: Manifest) -> str:
    value = option.get("value")
    return str(option["name"]) if value is None else f"{option['name']}:{value}"


def _uses_cluster_dns(spec: Manifest) -> bool:
    policy = spec.get("dnsPolicy") or "ClusterFirst"
    # With the network of its node, a pod resolves names as its node does, unless it insists.
    is_own = policy == "ClusterFirst" and not spec.get("hostNetwork")
    return is_own or policy == "ClusterFirstWithHostNet"
