"""Ends the containers of a pod in good order: preStop hook, signal, grace, then by force."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence

from choreo_local.embedded.kubelet import checks, podspec, starting
from choreo_local.embedded.kubelet.checks import Target
from choreo_local.embedded.kubelet.podspec import Manifest
from choreo_local.embedded.kubelet.records import ContainerRecord
from choreo_local.embedded.kubelet.tools import Tools

# Even without grace a program gets a moment to end by itself.
_LEAST_GRACE_SECONDS = 2.0


async def stop_container(
    tools: Tools,
    pod: Manifest,
    record: ContainerRecord,
    *,
    address: str,
    grace_seconds: float,
    message: str = "",
) -> None:
    """End one container; the preStop hook's time counts as part of the grace."""
    container = podspec.find_container(pod, record.name) or {}
    path = checks.field_path(pod, record.name)
    tools.note(pod, "Killing", message or f"Stopping container {record.name}", field_path=path)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    hook = (container.get("lifecycle") or {}).get("preStop")
    if hook and grace_seconds > 0:
        target = Target(pod, container, address, starting.runner_in(tools.runtime, record))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_seconds):
                problem = await starting.run_action(tools, hook, target)
                if problem:
                    tools.warn(
                        pod, "FailedPreStopHook", f"PreStopHook failed: {problem}", field_path=path
                    )
    left = grace_seconds - (loop.time() - begun)
    if grace_seconds > 0:
        left = max(left, _LEAST_GRACE_SECONDS)
    await tools.runtime.stop_container(record.id, left)


async def stop_all(
    tools: Tools,
    pod: Manifest,
    running: Mapping[str, ContainerRecord],
    *,
    address: str,
    grace_seconds: float,
) -> None:
    """End all containers: the regular ones together, then sidecars, the last one first."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + grace_seconds
    for together in _order(pod, running):
        left = max(0.0, deadline - loop.time()) if grace_seconds else 0.0
        await asyncio.gather(
            *(
                stop_container(tools, pod, running[name], address=address, grace_seconds=left)
                for name in together
            )
        )


def _order(pod: Manifest, running: Mapping[str, ContainerRecord]) -> list[Sequence[str]]:
    regular = [name for name in running if not _is_sidecar(pod, name)]
    sidecars = [
        container["name"]
        for container in reversed(podspec.init_containers(pod))
        if container["name"] in running and podspec.is_sidecar(container)
    ]
    return [regular, *([name] for name in sidecars)]


def _is_sidecar(pod: Manifest, name: str) -> bool:
    container = podspec.find_container(pod, name)
    return container is not None and podspec.is_init(pod, name) and podspec.is_sidecar(container)
