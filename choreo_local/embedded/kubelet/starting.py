"""Brings one container up: image, variables, mounts, log, process, postStart hook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from choreo_local.embedded.kubelet import checks, environment, volumes
from choreo_local.embedded.kubelet.checks import Collected, OutputOnly, Target
from choreo_local.embedded.kubelet.podspec import Manifest
from choreo_local.embedded.kubelet.pulling import ImagePuller
from choreo_local.embedded.kubelet.records import ContainerRecord
from choreo_local.embedded.kubelet.runtime import (
    ContainerRequest,
    ContainerRuntime,
    Image,
    Mount,
    PodRequest,
    StartError,
)
from choreo_local.embedded.kubelet.tools import Tools

_TERMINATION_PATH = "/dev/termination-log"


@dataclass(frozen=True, slots=True)
class ReadyPod:
    """A pod that containers can be started in."""

    manifest: Manifest
    request: PodRequest
    addresses: Sequence[str]
    volumes: Mapping[str, Path]


class ContainerStarter:
    """Starts the containers of one pod."""

    def __init__(self, tools: Tools, puller: ImagePuller) -> None:
        self._tools = tools
        self._puller = puller

    async def start(self, pod: ReadyPod, container: Manifest, *, attempt: int) -> ContainerRecord:
        """Start an attempt; ImageError or StartError carry the reason to show."""
        image = await self._puller.ensure(pod.manifest, container)
        surroundings = await self._tools.sources.for_variables(
            pod.manifest, container, pod.addresses
        )
        variables = environment.build(pod.manifest, container, surroundings)
        request = self._request(pod, container, image, attempt=attempt, variables=variables)
        path = checks.field_path(pod.manifest, container["name"])
        try:
            record = await self._tools.runtime.start_container(request)
        except StartError:
            request.output.close()
            raise
        self._tools.note(pod.manifest, "Created", "Container created", field_path=path)
        self._tools.note(pod.manifest, "Started", "Container started", field_path=path)
        return record

    def _request(
        self,
        pod: ReadyPod,
        container: Manifest,
        image: Image,
        *,
        attempt: int,
        variables: Mapping[str, str],
    ) -> ContainerRequest:
        name, uid = container["name"], pod.request.uid
        folder = self._tools.places.container(uid, name)
        mounts = [
            *volumes.mounts(
                container,
                pod.volumes,
                folder,
                variables=variables,
                projected=volumes.projected(pod.manifest),
            ),
            self._termination_mount(container, uid, attempt),
        ]
        self._tools.places.remove_logs_before(pod.manifest, name, attempt - 1)
        scopes = [variables]
        return ContainerRequest(
            pod=pod.request,
            name=name,
            attempt=attempt,
            image=image,
            command=[environment.expand(word, scopes) for word in container.get("command") or ()],
            arguments=[environment.expand(word, scopes) for word in container.get("args") or ()],
            environment=variables,
            working_folder=container.get("workingDir") or "",
            mounts=mounts,
            resources=container.get("resources") or {},
            security=_security(pod.manifest, container),
            output=self._tools.logs.create(self._tools.places.log(pod.manifest, name, attempt)),
            stdin=bool(container.get("stdin")),
            tty=bool(container.get("tty")),
        )

    def _termination_mount(self, container: Manifest, uid: str, attempt: int) -> Mount:
        file = self._tools.places.termination_message(uid, container["name"], attempt)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"")
        # Whoever the container runs as may leave a message.
        file.chmod(0o666)
        return Mount(container.get("terminationMessagePath") or _TERMINATION_PATH, file)

    async def run_hook(
        self, pod: Manifest, container: Manifest, record: ContainerRecord, *, address: str
    ) -> str:
        """Run postStart; what went wrong, empty when nothing did."""
        hook = (container.get("lifecycle") or {}).get("postStart")
        if not hook:
            return ""
        runner = runner_in(self._tools.runtime, record)
        answer = await run_action(self._tools, hook, Target(pod, container, address, runner))
        if answer:
            path = checks.field_path(pod, container["name"])
            self._tools.warn(
                pod, "FailedPostStartHook", f"PostStartHook failed: {answer}", field_path=path
            )
        return answer


def _security(pod: Manifest, container: Manifest) -> dict[str, Any]:
    return {
        **(pod["spec"].get("securityContext") or {}),
        **(container.get("securityContext") or {}),
    }


def runner_in(runtime: ContainerRuntime, record: ContainerRecord) -> checks.CommandRunner:
    """A function that runs commands in a container."""

    async def run(command: Sequence[str]) -> tuple[int, str]:
        streams = Collected()
        code = await runtime.exec(record.id, command, streams, OutputOnly())
        return code, streams.output.decode(errors="replace")

    return run


async def run_action(tools: Tools, action: Mapping[str, Any], target: Target) -> str:
    """Carry out the action of a hook; what went wrong, empty when nothing did."""
    if action.get("sleep"):
        await tools.sleep(float(action["sleep"].get("seconds") or 0))
        return ""
    if tools.runtime.pretends:
        return ""
    answer = await tools.checker.ask(action, target)
    return "" if answer.success else answer.message or "the command failed"
