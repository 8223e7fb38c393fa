"""Gives each Service of type LoadBalancer an address of this machine's loopback network.

What the cloud's controller does elsewhere. The network listens on these addresses; Services that
name a `loadBalancerClass` are left to whoever implements that class.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from choreo_local.embedded.controllermanager import kinds, plans
from choreo_local.embedded.controllermanager.informers import ObjectKey, SharedInformers, key_of
from choreo_local.embedded.controllermanager.loop import Loop
from choreo_local.embedded.controllermanager.objects import Objects
from choreo_local.embedded.controllermanager.plans import Manifest, Note, Plan
from choreo_local.tasks import TaskGroup


def is_ours(service: Manifest) -> bool:
    """Whether a Service wants an address of us."""
    spec = service["spec"]
    return spec.get("type") == "LoadBalancer" and not spec.get("loadBalancerClass")


def addresses(service: Manifest) -> Iterator[IPv4Address]:
    """The addresses that the status of a Service tells."""
    told = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    for each in told:
        try:
            yield IPv4Address(str(each.get("ip")))
        except ValueError:
            continue


def plan(service: Manifest, pool: IPv4Network, taken: Collection[IPv4Address]) -> Plan:
    """Give an address, or take it back from a Service that is no balancer any more.

    `taken` are the addresses of all other Services.
    """
    own = [each for each in addresses(service) if each in pool]
    if not is_ours(service):
        return Plan((_told(service, None),)) if own else Plan()
    if own and own[0] not in taken:
        return Plan()
    free = next((each for each in pool.hosts() if each not in taken), None)
    if free is None:
        message = f"Error syncing load balancer: all addresses of {pool} are used"
        return Plan(notes=(Note(service, "SyncLoadBalancerFailed", message, warning=True),))
    return Plan(
        (_told(service, free),),
        (Note(service, "EnsuredLoadBalancer", "Ensured load balancer"),),
    )


def _told(service: Manifest, address: IPv4Address | None) -> plans.Write:
    told: dict[str, Any] = {}
    if address is not None:
        told["ingress"] = [{"ip": str(address), "ipMode": "VIP"}]
    status = {**(service.get("status") or {}), "loadBalancer": told}
    return plans.update_status(kinds.SERVICES, {**service, "status": status})


class LoadBalancersLoop:
    """Follows Services.

    Args:
        pool: the addresses to give; no other Service may have them.
    """

    def __init__(self, informers: SharedInformers, objects: Objects, pool: IPv4Network) -> None:
        self._objects = objects
        self._pool = pool
        self._services = informers.of(kinds.SERVICES)
        # One after the other, so that no address is given twice.
        self._loop: Loop[ObjectKey] = Loop("load balancers", self._look, workers=1)
        self._services.add_callback(self._service_changed)

    def start(self, tasks: TaskGroup) -> None:
        """Begin to work."""
        self._loop.start(tasks)

    def _service_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        if new is not None and (is_ours(new) or any(addresses(new))):
            self._loop.queue.add(key_of(dict(new)))

    async def _look(self, key: ObjectKey) -> float | None:
        await self._services.synced.wait()
        service = self._services.get(key[1], key[0])
        if service is None or service["metadata"].get("deletionTimestamp"):
            return None
        taken = {
            address
            for each in self._services.list()
            if key_of(dict(each)) != key
            for address in addresses(each)
        }
        return await self._objects.carry_out(plan(service, self._pool, taken))
