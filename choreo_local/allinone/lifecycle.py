"""Start the parts of one instance in order, and stop them in reverse."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from ipaddress import IPv4Network

from choreo_local.admission.plugin import Webhooks
from choreo_local.allinone import addresses, bundles, cpu, credentials, demo, facts, ports
from choreo_local.allinone import instance as instances
from choreo_local.allinone.api import Apis
from choreo_local.allinone.controlplane import Access, ControlPlane
from choreo_local.allinone.facts import Facts
from choreo_local.allinone.progress import Progress
from choreo_local.api import labels
from choreo_local.api.registry import COMPONENT
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.clusters import registry
from choreo_local.clusters.driver import Capability, ClusterDriver, ClusterSpec
from choreo_local.errors import ChoreoError, WaitTimeoutError
from choreo_local.kubeclient.client import KubeClient
from choreo_local.kubeclient.transport import AiohttpTransport
from choreo_local.paths import InstancePaths
from choreo_local.threads import LoopThread

logger = logging.getLogger(__name__)

_WAIT_SECONDS = 60
# For what was there before: it may be broken for reasons of its own.
_WAIT_AGAIN_SECONDS = 20
_DEFINITIONS = ("access", "core", "authz", "dataplane")
_POD = ResourceKind("", "v1", "Pod", "pods")
_LOCAL_PLANES = {
    "DataPlane": "data-plane",
    "WorkflowPlane": "workflow-plane",
    "ObservabilityPlane": "observability-plane",
}


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the person asked for."""

    driver: str = "auto"
    demo: bool = False
    authorization: bool = True


@asynccontextmanager
async def _admin(paths: InstancePaths) -> AsyncIterator[KubeClient]:
    """A client with all rights, for what comes with the installation."""
    client = KubeClient(AiohttpTransport("http://kube", unix_socket=paths.socket("kube")))
    try:
        yield client
    finally:
        await client.close()


class Platform:
    """All parts of one instance in this process.

    Args:
        paths: of the instance.
        record: the instance as it was last.
        wishes: what the person asked for.
        on_death: told when a part ends by itself.
    """

    def __init__(
        self,
        paths: InstancePaths,
        record: instances.Instance,
        wishes: Wishes,
        *,
        on_death: Callable[[BaseException], None],
    ) -> None:
        self._paths = paths
        self._wishes = wishes
        self._on_death = on_death
        self._choice = registry.choose(wishes.driver)
        self._sockets: dict[str, socket.socket] = {}
        self._range: socket.socket | None = None
        self._warnings: list[ChoreoError] = []
        self._demo_urls: list[str] = []
        self._stack: list[tuple[str, Callable[[], None]]] = []
        self._credentials = credentials.ensure(paths)
        self.record = record
        self._driver: ClusterDriver | None = None
        self._cpu = cpu.of_this_process()
        # Applies the bundles, then measures.
        self._seeding = LoopThread("bundles")

    def start(self, progress: Progress) -> None:
        """Start everything; stops what was started when something fails."""
        try:
            self._start(progress)
        except BaseException:
            self.stop()
            raise

    def _start(self, progress: Progress) -> None:
        self._reserve()
        with progress.phase("cluster"):
            self._driver = self._choice.make(self._spec())
            self._driver.start_api()
            self._stack.append(("cluster", self._driver.stop))
        self._seeding.start()
        with progress.phase("definitions"):
            for name in _DEFINITIONS:
                self._seed(name)
        with progress.phase("node and network"):
            self._driver.start_parts()
        with progress.phase("controllers"):
            control_plane = self._control_plane()
            control_plane.start()
            self._stack.append(("controllers", control_plane.stop))
        with progress.phase("APIs"):
            apis = self._apis()
            apis.start()
            self._stack.append(("APIs", apis.stop))
        with progress.phase("platform"):
            self._seed("platform")
        if self._wishes.demo or self.record.demo:
            with progress.phase("demo"):
                self._seed("demo")
                self._await_demo()
        self._seeding.spawn(self._cpu.run(), on_death=self._on_death)
        self._update(state="ready", demo=self._wishes.demo or self.record.demo)

    def _reserve(self) -> None:
        self._sockets = ports.choose(ports.PREFERRED, last=self.record.ports)
        numbers = {purpose: held.getsockname()[1] for purpose, held in self._sockets.items()}
        service_range = self.record.service_range or str(
            addresses.choose_range(self.record.id, taken=self._known_ranges())
        )
        self._range = addresses.hold(IPv4Network(service_range))
        self.record = instances.running(
            replace(self.record, ports=numbers, service_range=service_range),
            state="starting",
            driver=self._choice.name,
        )
        instances.save(self._paths, self.record)

    def _known_ranges(self) -> set[str]:
        root = self._paths.root.parents[1]
        ranges = set()
        for name in instances.names(root):
            # An instance that cannot be read is no reason not to start this one.
            with suppress(ChoreoError):
                found = instances.load(InstancePaths.of(name, root))
                ranges |= {found.service_range} if found is not None else set()
        return ranges

    def _spec(self) -> ClusterSpec:
        return ClusterSpec(
            instance_id=self.record.id,
            name=f"choreo-{self.record.name}",
            paths=self._paths,
            sockets=self._sockets,
            users=self._credentials.users(),
            images=[bundles.root() / "images"],
            service_range=IPv4Network(self.record.service_range),
            admission=[Webhooks()],
        )

    def _access(self, plane: str) -> Access:
        return Access(self._paths.socket("kube"), self._credentials.planes[plane])

    def _control_plane(self) -> ControlPlane:
        return ControlPlane(
            self._access("control-plane"), planes=self._plane_access(), on_death=self._on_death
        )

    def _apis(self) -> Apis:
        assert self._driver is not None
        status = Facts(
            record=lambda: self.record,
            reason=self._choice.reason,
            capabilities=self._capabilities,
            processes=self._driver.processes,
            cpu_percent=self._cpu.percent,
            count_pods=self._count_pods,
        )
        return Apis(
            self._access("control-plane"),
            planes=self._plane_access(),
            owner_token=self._credentials.owner,
            identity=self._paths.pki / "identity",
            audit=self._paths.audit_file,
            directories=[
                bundles.root() / "identity" / "directory.yaml",
                self._paths.root / "directory.yaml",
            ],
            sock=self._sockets["api"],
            status=status.status,
            authorization=self._wishes.authorization,
        )

    def _capabilities(self) -> list[Capability]:
        assert self._driver is not None
        reason = "" if self._wishes.authorization else "started with --no-authz"
        authorization = Capability("authorization", self._wishes.authorization, reason)
        return [*self._driver.capabilities(), authorization]

    async def _count_pods(self) -> int:
        async with _admin(self._paths) as client:
            page = await client.request_json("GET", _POD.path(None), query={"limit": "1"})
        rest: int = page["metadata"].get("remainingItemCount", 0)
        return len(page["items"]) + rest

    def _plane_access(self) -> dict[str, Access]:
        return {kind: self._access(plane) for kind, plane in _LOCAL_PLANES.items()}

    def _seed(self, name: str) -> None:
        """Apply a bundle unless this very content was applied before, and wait for it."""
        values = {
            "GATEWAY_PORT": str(self.record.ports["gateway"]),
            "OBSERVER_URL": f"http://127.0.0.1:{self.record.ports['api']}",
        }
        bundle = bundles.load(name)
        content = bundle.fingerprint(values)
        manifests = bundle.manifests(values)
        is_new = self.record.bundles.get(name) != content
        if is_new:
            self._seeding.call(self._apply(manifests), timeout=_WAIT_SECONDS)
            self._update(bundles={**self.record.bundles, name: content})
        try:
            waiting = self._wait(bundle, manifests, is_new=is_new)
            self._seeding.call(waiting, timeout=_WAIT_SECONDS + 5)
        except WaitTimeoutError as error:
            # What belongs to the user by now must not keep the platform from starting.
            if is_new:
                raise
            self._warnings.append(error)

    def _await_demo(self) -> None:
        """Wait for the demo's answer; the platform runs without it, and says so."""
        if not self._seeding.call(self._has_demo(), timeout=_WAIT_SECONDS):
            return
        port = self.record.ports["gateway"]
        try:
            demo.wait_until_answering(port, timeout_seconds=_WAIT_SECONDS)
        except WaitTimeoutError as error:
            self._warnings.append(error)
        else:
            self._demo_urls.append(demo.url(port))

    async def _has_demo(self) -> bool:
        async with _admin(self._paths) as client:
            found = await client.list(COMPONENT, labels.DEFAULT)
        return any(obj["metadata"]["name"] == demo.COMPONENT for obj in found.items)

    async def _apply(self, manifests: Sequence[Mapping[str, object]]) -> None:
        async with _admin(self._paths) as client:
            await bundles.apply(client, manifests)

    async def _wait(
        self,
        bundle: bundles.Bundle,
        manifests: Sequence[Mapping[str, object]],
        *,
        is_new: bool,
    ) -> None:
        seconds = _WAIT_SECONDS if is_new else _WAIT_AGAIN_SECONDS
        async with _admin(self._paths) as client:
            await bundles.wait_for(
                client, bundle, manifests, timeout_seconds=seconds, only_existing=not is_new
            )

    def _update(self, **changes: object) -> None:
        self.record = replace(self.record, **changes)  # type: ignore[arg-type]  # field by name
        instances.save(self._paths, self.record)

    def facts(self) -> dict[str, object]:
        """What whoever started us wants to know."""
        return {
            "driverReason": self._choice.reason,
            "urls": facts.urls(self.record),
            "demo": self._demo_urls,
            "warnings": [
                {"message": error.message, "remedy": error.remedy} for error in self._warnings
            ],
        }

    def stop(self) -> None:
        """Stop what was started, newest first; one that fails does not keep others running."""
        with ExitStack() as ending:
            ending.callback(self._stopped)
            for name, stop in self._stack:
                ending.callback(_stop, name, stop)
            self._stack.clear()
            ending.callback(self._seeding.stop)

    def _stopped(self) -> None:
        for held in (*self._sockets.values(), self._range):
            if held is not None:
                held.close()
        self.record = instances.stopped(self.record)
        instances.save(self._paths, self.record)


def _stop(name: str, stop: Callable[[], None]) -> None:
    began = time.monotonic()
    stop()
    logger.info("Stopped part=%s seconds=%.2f", name, time.monotonic() - began)
