"""Measures authorization: decisions among many bindings, and how fast a new binding counts."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from choreo_local.allinone import bundles
from choreo_local.allinone.figures import Figure
from choreo_local.api import registry
from choreo_local.authz.enforcer import Enforcer
from choreo_local.authz.live import LivePolicies
from choreo_local.authz.types import Hierarchy, Request, Subject
from choreo_local.embedded.kubeapi.app import KubeApi
from choreo_local.embedded.kubeapi.server import Server
from choreo_local.embedded.storage.store import MemoryBackend, Store
from choreo_local.errors import WaitTimeoutError
from choreo_local.kubeclient.client import KubeClient
from choreo_local.kubeclient.transport import AiohttpTransport

_API_VERSION = "openchoreo.dev/v1alpha1"
_NAMESPACES = 200
_ACTIONS = ("component:view", "component:delete", "releasebinding:view", "secret:view")
_ROLE_ACTIONS = ("component:*", "releasebinding:*", "project:view", "namespace:view", "logs:view")
_CONDITION = {
    "actions": ["releasebinding:*"],
    "expression": "resource.environment in ['n1/development', 'n1/staging']",
}
_DECISION_TARGET = "p99 ≤ 200 µs"
_FOLLOW_TARGET = "≤ 100 ms"
_WAIT_SECONDS = 30.0

Say = Callable[[str], None]
Manifest = dict[str, Any]
Build = Callable[[int], Manifest]


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured.

    Attributes:
        bindings: that are in force.
        decisions: in one round.
        rounds: samples of a figure; each is the 99th percentile of its round.
        changes: samples of how fast a binding counts.
    """

    bindings: int = 10_000
    decisions: int = 5_000
    rounds: int = 5
    changes: int = 40


def measure(extent: Extent, say: Say) -> list[Figure]:
    """Decisions in several layouts of bindings, then how fast changes follow."""
    figures = []
    for name, build in _LAYOUTS.items():
        say(f"{extent.bindings} bindings: {name}")
        known = _filled(extent.bindings, build)
        figure = Figure(f"p99 of decisions, {name}", _DECISION_TARGET, unit="µs")
        for _ in range(extent.rounds):
            figure.samples.append(_percentile(_timed(known, extent), 0.99))
        figures.append(figure)
    say("changes of bindings")
    figures.append(asyncio.run(_follow(extent)))
    return figures


# Layouts: binding number → manifest.


def _everybody_somewhere(number: int) -> Manifest:
    return _binding(number, f"group-{number}", _scope(number))


def _one_group_everywhere(number: int) -> Manifest:
    return _binding(number, "group-0", _scope(number))


def _one_group_one_scope(number: int) -> Manifest:
    return _binding(number, "group-0", {"namespace": "n0"})


def _conditions(number: int) -> Manifest:
    return _binding(number, "group-0", _scope(number), conditions=[_CONDITION])


def _denials(number: int) -> Manifest:
    effect = "deny" if number % 2 else "allow"
    return _binding(number, "group-0", _scope(number // 2), effect=effect)


_LAYOUTS: Mapping[str, Build] = {
    "a group each": _everybody_somewhere,
    "one group, a project each": _one_group_everywhere,
    "one group, one namespace": _one_group_one_scope,
    "with conditions": _conditions,
    "half of them denials": _denials,
}


def _scope(number: int) -> Manifest:
    return {"namespace": f"n{number % _NAMESPACES}", "project": f"p{number}"}


def _binding(number: int, group: str, scope: Manifest, **more: Any) -> Manifest:
    conditions = {"conditions": more["conditions"]} if "conditions" in more else {}
    reference = {"kind": "ClusterAuthzRole", "name": "bench"}
    return {
        "apiVersion": _API_VERSION,
        "kind": "ClusterAuthzRoleBinding",
        "metadata": {"name": f"bench-{number}"},
        "spec": {
            "effect": more.get("effect", "allow"),
            "entitlement": {"claim": "groups", "value": group},
            "roleMappings": [{"roleRef": reference, "scope": scope, **conditions}],
        },
    }


def _role() -> Manifest:
    return {
        "apiVersion": _API_VERSION,
        "kind": "ClusterAuthzRole",
        "metadata": {"name": "bench"},
        "spec": {"actions": list(_ROLE_ACTIONS)},
    }


def _filled(count: int, build: Build) -> Enforcer:
    known = Enforcer()
    known.put(_role())
    for number in range(count):
        known.put(build(number))
    return known


def _timed(known: Enforcer, extent: Extent) -> list[float]:
    """Microseconds of each decision of a round; the first ones are not left out."""
    samples = []
    for request in _requests(extent):
        began = time.perf_counter()
        known.decide(request)
        samples.append((time.perf_counter() - began) * 1e6)
    return samples


def _requests(extent: Extent) -> Iterator[Request]:
    """Somebody in three groups asks here and there, allowed or not."""
    # A step that shares no factor with the number of bindings meets all of them.
    step = 7919
    for turn in range(extent.decisions):
        number = turn * step % extent.bindings
        groups = (f"group-{number}", "group-0", "others")
        where = Hierarchy(f"n{number % _NAMESPACES}", f"p{number}", "cart")
        action = _ACTIONS[turn % len(_ACTIONS)]
        seen = {"environment": "n1/production"}
        yield Request(Subject("user", "groups", groups), action, where, attributes=seen)


def _percentile(samples: list[float], part: float) -> float:
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


# How fast a change counts, over a socket as in an instance.


async def _follow(extent: Extent) -> Figure:
    figure = Figure("binding written → it counts", _FOLLOW_TARGET)
    api = KubeApi(Store(MemoryBackend()))
    await api.start()
    server = Server(api)
    with tempfile.TemporaryDirectory(prefix="choreo-bench-") as folder:
        socket = Path(folder) / "kube.sock"
        await server.listen_unix(socket)
        client = KubeClient(AiohttpTransport("http://kube", unix_socket=socket))
        try:
            await _prepare(client)
            policies = LivePolicies(client)
            await policies.start()
            for number in range(extent.changes):
                figure.samples.append(await _until_it_counts(client, policies, number))
            await policies.stop()
        finally:
            await client.close()
            await server.stop()
            await api.stop()
    return figure


async def _prepare(client: KubeClient) -> None:
    core = bundles.load("core")
    manifests = core.manifests({})
    await bundles.apply(client, manifests)
    await bundles.wait_for(client, core, manifests, timeout_seconds=_WAIT_SECONDS)
    await client.create(registry.CLUSTER_AUTHZ_ROLE, _role())


async def _until_it_counts(client: KubeClient, policies: LivePolicies, number: int) -> float:
    """Milliseconds from the request that writes a binding to the first decision by it."""
    group = f"new-group-{number}"
    where = Hierarchy(f"n{number}", f"p{number}")
    request = Request(Subject("user", "groups", (group,)), "project:view", where)
    manifest = _binding(number, group, {"namespace": where.namespace})
    began = time.perf_counter()
    writing = asyncio.ensure_future(client.create(registry.CLUSTER_AUTHZ_ROLE_BINDING, manifest))
    while not policies.enforcer.decide(request).allowed:
        if time.perf_counter() - began > _WAIT_SECONDS:
            raise WaitTimeoutError(f"a binding did not count within {_WAIT_SECONDS:.0f} s")
        await asyncio.sleep(0)
    elapsed = (time.perf_counter() - began) * 1e3
    await writing
    return elapsed
