"""What Envoy has taken over of its configuration, by its statistics."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from choreo_local.embedded.network import xds
from choreo_local.embedded.network.admin import EnvoyAdmin

LDS = "listener_manager.lds"
CDS = "cluster_manager.cds"


def routes(configuration: str) -> str:
    """The subscription of routes."""
    return f"http.http.rds.{configuration}"


def endpoints(cluster: str) -> str:
    """The subscription of a cluster's endpoints."""
    return f"cluster.{cluster}"


@dataclass(frozen=True, slots=True)
class Count:
    """How often a subscription was taken over and refused."""

    taken: int = 0
    refused: int = 0


Counts = Mapping[str, Count]


async def counts(admin: EnvoyAdmin) -> Counts:
    """All subscriptions; nothing while Envoy does not answer, as it reads everything anew then."""
    try:
        found = await admin.stats(f"({'|'.join(xds.STATISTICS)})$")
    except OSError:
        return {}
    result: dict[str, Count] = {}
    for name, value in found.items():
        subscription, _, what = name.rpartition(".")
        known = result.get(subscription, Count())
        if what == "update_success":
            result[subscription] = replace(known, taken=int(value))
        else:
            result[subscription] = replace(known, refused=known.refused + int(value))
    return result


def is_settled(changed: Collection[str], before: Counts, after: Counts) -> bool:
    """Whether everything that changed was read; routes of a refused listener never are."""
    if LDS in changed and LDS in refused(changed, before, after):
        return True
    nothing = Count()
    return all(after.get(each, nothing) != before.get(each, nothing) for each in changed)


def refused(changed: Collection[str], before: Counts, after: Counts) -> frozenset[str]:
    """What was refused meanwhile."""
    nothing = Count()
    return frozenset(
        each
        for each in changed
        if after.get(each, nothing).refused > before.get(each, nothing).refused
    )
