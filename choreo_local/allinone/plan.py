"""What a start would apply to a cluster, and what taking it away again would remove.

Used by `choreo plan up`, and by `choreo up` and `choreo down --purge` before they touch a cluster
that others use too.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from choreo_local.allinone import bundles, ports, seeding
from choreo_local.allinone import instance as instances
from choreo_local.clusters import inventory, kubeconfigs, ownership, remote
from choreo_local.clusters.ownership import Action, Ownership, Step
from choreo_local.clusters.target import Target
from choreo_local.controllers import webhooks
from choreo_local.controllers.webhooks import AdmissionServer
from choreo_local.errors import PreflightError, UnreachableError
from choreo_local.kubeclient.client import KubeClient

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done.

    Attributes:
        cluster: which one, and what it is, a line each.
        steps: in order.
    """

    cluster: Sequence[str]
    steps: Sequence[Step]

    @property
    def changes(self) -> list[Step]:
        """The steps that add something to what is there."""
        return [step for step in self.steps if step.action in (Action.CREATE, Action.EXTEND)]


def names(record: instances.Instance, *, demo: bool, is_remote: bool) -> list[str]:
    """The bundles of a start, in order."""
    wanted = [*seeding.definitions(is_remote=is_remote), "platform"]
    return [*wanted, "demo"] if demo or record.demo else wanted


def of_own(record: instances.Instance, *, demo: bool, driver: str) -> Plan:
    """For a cluster that is all ours, and need not be there yet."""
    is_remote = driver != "embedded"
    record = _with_ports(record, ports.PREFERRED_REMOTE if is_remote else ports.PREFERRED)
    steps = []
    for name in names(record, demo=demo, is_remote=is_remote):
        bundle = bundles.load(name)
        is_new = record.bundles.get(name) != bundle.fingerprint(seeding.values(record))
        action = Action.CREATE if name not in record.bundles else Action.UPDATE
        if is_new:
            wanted = seeding.manifests(bundle, record, is_remote=is_remote)
            steps += [Step(action, manifest) for manifest in wanted]
    where = "a k3d cluster" if is_remote else "a cluster in the process of the instance"
    return Plan([f"{where}, with nothing else in it"], steps)


async def of_shared(record: instances.Instance, content: Mapping[str, Any], *, demo: bool) -> Plan:
    """For a cluster that a kubeconfig with one context reaches.

    Raises PreflightError when it is not fit, RefusedError when it is somebody else's or another
    one than before.
    """
    record = _with_ports(record, ports.PREFERRED_REMOTE)
    owner = Ownership(record.id, field_manager=remote.FIELD_MANAGER)
    client = (await kubeconfigs.connect(content)).client()
    try:
        await _reach(client, content)
        found = await inventory.take(client, ours=f"{ownership.LABEL}={record.id}")
        check_place(record, found.identity)
        inventory.check(found)
        wanted = [
            manifest
            for name in names(record, demo=demo, is_remote=True)
            for manifest in seeding.manifests(bundles.load(name), record, is_remote=True)
        ]
        steps = await owner.steps(client, [*_once(wanted), *webhook_configurations()])
    finally:
        await client.close()
    where = f"{kubeconfigs.server(content)} (context {content['current-context']})"
    return Plan([where, *inventory.lines(found)], steps)


def check_place(record: instances.Instance, identity: str) -> None:
    """RefusedError when a kubeconfig leads elsewhere than to what the instance has on a cluster."""
    inventory.check_same(
        identity,
        known=record.cluster if record.bundles else "",
        server=record.server,
        remedy="Let the context lead there again, or name the right one with --context; or give "
        "up what is there and remove only what is on this machine: "
        "choreo down --purge --keep-cluster",
    )


async def _reach(client: KubeClient, content: Mapping[str, Any]) -> None:
    try:
        await inventory.reachable(client)
    except UnreachableError as error:
        context = content["current-context"]
        raise PreflightError(
            f'cannot reach the cluster of the context "{context}": {error.message}',
            remedy=f"Try it by hand: kubectl --context {context} get namespaces; or choose another "
            "one: --context NAME",
        ) from error


def content(target: Target) -> dict[str, Any]:
    """The kubeconfig with the context that a person means."""
    files = kubeconfigs.sources(target.kubeconfig)
    return kubeconfigs.single(kubeconfigs.read(files), target.context)


def pinned(target: Target) -> Target:
    """The same cluster, whatever becomes of the working folder and the current context."""
    files = kubeconfigs.sources(target.kubeconfig)
    context: str = content(target)["current-context"]
    return replace(target, kubeconfig=os.pathsep.join(map(str, files)), context=context)


def _with_ports(record: instances.Instance, preferred: Mapping[str, int]) -> instances.Instance:
    return replace(record, ports={**preferred, **record.ports})


def _once(manifests: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Each object once, as it is at last: bundles may speak of one object twice."""
    found: dict[tuple[str, ...], Mapping[str, Any]] = {}
    for manifest in manifests:
        metadata = manifest["metadata"]
        key = (manifest["kind"], metadata.get("namespace", ""), metadata["name"])
        found[key] = manifest
    return list(found.values())


def webhook_configurations() -> list[dict[str, Any]]:
    """The objects that make the cluster ask us; where, is known when we listen."""
    nowhere = AdmissionServer(
        host="", port=0, certificate=bundles.root(), key=bundles.root(), authority=b""
    )
    return webhooks.configurations(nowhere)


def summary(steps: Iterable[Step]) -> list[str]:
    """Steps in a few lines: alike ones are counted. Pure."""
    counts: Counter[tuple[str, str, str]] = Counter()
    named: dict[tuple[str, str, str], list[str]] = {}
    for step in steps:
        metadata = step.manifest["metadata"]
        where = f"in {metadata['namespace']}" if metadata.get("namespace") else "cluster-wide"
        key = (step.action.value, step.manifest["kind"], where)
        counts[key] += 1
        named.setdefault(key, []).append(metadata["name"])
    return [
        f"{action} {count} {kind} ({where}): {_few(named[action, kind, where])}"
        for (action, kind, where), count in counts.items()
    ]


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return f"{shown} …" if len(names) > _SHOWN else shown
