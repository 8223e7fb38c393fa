"""Start the parts of one instance in order, and stop them in reverse."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from ipaddress import IPv4Network

from choreo_local.admission.plugin import Webhooks
from choreo_local.allinone import (
    addresses,
    asking,
    bundles,
    cpu,
    credentials,
    demo,
    facts,
    pods,
    ports,
    seeding,
)
from choreo_local.allinone import instance as instances
from choreo_local.allinone.api import Apis
from choreo_local.allinone.controlplane import ControlPlane
from choreo_local.allinone.facts import Facts
from choreo_local.allinone.imageregistry import ImageRegistry
from choreo_local.allinone.planefacts import PlaneFacts
from choreo_local.allinone.progress import Progress
from choreo_local.allinone.seeding import WAIT_SECONDS, Seeder
from choreo_local.allinone.tunnels import Tunnels
from choreo_local.api import labels
from choreo_local.api.registry import COMPONENT
from choreo_local.clusters import registry
from choreo_local.clusters.driver import Capability, ClusterDriver, ClusterSpec
from choreo_local.clusters.target import NOWHERE, Target
from choreo_local.controllers.webhooks import AdmissionServer
from choreo_local.errors import ChoreoError, PreflightError, WaitTimeoutError
from choreo_local.kubeclient.access import KubeAccess
from choreo_local.paths import InstancePaths
from choreo_local.threads import LoopThread

logger = logging.getLogger(__name__)

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
    target: Target = NOWHERE
    runtime: str = "auto"
    # Folder of an export to start from.
    source: str = ""


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
        self._choice = registry.choose(wishes.driver, last=record.settled_driver)
        self._target = wishes.target.filled(record.target)
        self._sockets: dict[str, socket.socket] = {}
        self._range: socket.socket | None = None
        self._warnings: list[ChoreoError] = []
        self._demo_urls: list[str] = []
        # Why the cluster does not ask us before it writes.
        self._asked = ""
        self._stack: list[tuple[str, Callable[[], None]]] = []
        self._credentials = credentials.ensure(paths)
        self.record = record
        self._driver: ClusterDriver | None = None
        self._cpu = cpu.of_this_process()
        self._seeder: Seeder
        self._tunnels: Tunnels
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
            self._seeder = Seeder(self._driver)
            self._driver.start_api()
            self._stack.append(("cluster", self._driver.stop))
            self._update(server=self._driver.server)
        images = ImageRegistry(self._paths, self._sockets["registry"])
        images.start()
        self._stack.append(("registry", images.stop))
        self._seeding.start()
        self._tunnels = Tunnels(
            self._access("control-plane"), pki_folder=self._paths.pki, sockets=self._sockets
        )
        self._stack.append(("tunnels", self._tunnels.stop))
        with progress.phase("definitions"):
            if not self._choice.is_here:
                self._seeding.call(asking.forget(self._seeder), timeout=WAIT_SECONDS)
            for name in seeding.definitions(is_remote=not self._choice.is_here):
                self._seed(name)
        with progress.phase("node and network"):
            self._driver.start_parts()
        with progress.phase("controllers"):
            admission = self._admission()
            control_plane = self._control_plane(admission)
            control_plane.start()
            self._stack.append(("controllers", control_plane.stop))
        if admission is not None:
            with progress.phase("admission"):
                self._have_asked(admission)
        with progress.phase("APIs"):
            apis = self._apis()
            apis.start()
            self._stack.append(("APIs", apis.stop))
        with progress.phase("platform"):
            self._seed_platform()
        if self._wishes.demo or self.record.demo:
            with progress.phase("demo"):
                self._start_demo()
        self._seeding.spawn(self._cpu.run(), on_death=self._on_death)
        self._tunnels.await_callers(self._seeding.loop)
        self._update(state="ready", demo=self._wishes.demo or self.record.demo)

    def _start_demo(self) -> None:
        assert self._driver is not None
        lacking = [one for one in self._capabilities() if one.name == "pods" and not one.available]
        problem = lacking[0].reason if lacking else self._driver.provide_images()
        self._seed("demo", expect=not problem)
        if problem:
            self._warnings.append(
                PreflightError(
                    f"the demo is deployed, but its pods do not run: {problem}",
                    remedy="Deploy something of your own whose image the cluster can pull",
                )
            )
        else:
            self._await_demo()

    def _reserve(self) -> None:
        wanted = ports.PREFERRED if self._choice.is_here else ports.PREFERRED_REMOTE
        hosts = {ports.AGENTS: ports.agents_host()}
        self._sockets = ports.choose(wanted, last=self.record.ports, hosts=hosts)
        ports.check_agents(self._sockets)
        numbers = {purpose: held.getsockname()[1] for purpose, held in self._sockets.items()}
        service_range = self.record.service_range or str(
            addresses.choose_range(self.record.id, taken=self._known_ranges())
        )
        self._range = addresses.hold(IPv4Network(service_range))
        self.record = instances.running(
            replace(self.record, ports=numbers, service_range=service_range),
            state="starting",
            driver=self._choice.name,
            target=self._target,
            runtime=self._runtime,
        )
        instances.save(self._paths, self.record)

    @property
    def _runtime(self) -> str:
        """As asked for; what kept pods apart before does so again."""
        wanted = self._wishes.runtime
        return self.record.runtime if wanted == "auto" else wanted

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
            runtime=self._runtime,
            admission=[Webhooks()],
            target=self._target,
            on_death=self._on_death,
        )

    def _access(self, plane: str) -> KubeAccess:
        assert self._driver is not None
        return self._driver.access(plane)

    def _admission(self) -> AdmissionServer | None:
        """What a cluster asks that has not our checks in itself."""
        callback = self._driver.callback if self._driver is not None else None
        if callback is None:
            return None
        # The port was held until now, so that nobody else could take it.
        self._sockets["admission"].close()
        port = self.record.ports["admission"]
        return asking.server(self._paths.pki, callback, port)

    def _have_asked(self, admission: AdmissionServer) -> None:
        """Let the cluster ask us; without an answer it would refuse every write."""
        asked = asking.Asking(admission, self._seeder, self._seeding)
        problem = asked.start()
        if problem is not None:
            self._warnings.append(problem)
            self._asked = problem.message
        else:
            self._stack.append(("admission", asked.stop))

    def _control_plane(self, admission: AdmissionServer | None) -> ControlPlane:
        return ControlPlane(
            self._access("control-plane"),
            planes=self._plane_access(),
            on_death=self._on_death,
            admission=admission,
            tunnels=self._tunnels,
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
            planes=PlaneFacts(
                self._access("control-plane"),
                local=self._plane_access(),
                remote=self._tunnels.remote("choreo"),
            ).all,
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
            issuers=self._paths.root / "identity.yaml",
            sock=self._sockets["api"],
            status=status.status,
            authorization=self._wishes.authorization,
            remote=self._tunnels.remote("openchoreo-api"),
        )

    def _capabilities(self) -> list[Capability]:
        assert self._driver is not None
        reason = "" if self._wishes.authorization else "started with --no-authz"
        authorization = Capability("authorization", self._wishes.authorization, reason)
        admission = Capability("admission", not self._asked, self._asked)
        return [*self._driver.capabilities(), admission, authorization]

    async def _count_pods(self) -> tuple[int | None, int]:
        client = self._access("data-plane").client()
        try:
            return await pods.count(client, is_remote=not self._choice.is_here)
        finally:
            await client.close()

    def _plane_access(self) -> dict[str, KubeAccess]:
        return {kind: self._access(plane) for kind, plane in _LOCAL_PLANES.items()}

    def _seed(self, name: str, *, expect: bool = True) -> None:
        """Apply a bundle unless this very content was applied before.

        With `expect`, wait for what it promises.
        """
        bundle = bundles.load(name)
        content = bundle.fingerprint(seeding.values(self.record))
        manifests = seeding.manifests(bundle, self.record, is_remote=not self._choice.is_here)
        is_new = self.record.bundles.get(name) != content
        if is_new:
            self._seeding.call(self._seeder.apply(manifests), timeout=WAIT_SECONDS)
            self._update(bundles={**self.record.bundles, name: content})
        if not expect:
            return
        try:
            waiting = self._seeder.wait(bundle, manifests, is_new=is_new)
            self._seeding.call(waiting, timeout=WAIT_SECONDS + 5)
        except WaitTimeoutError as error:
            # What belongs to the user by now must not keep the platform from starting.
            if is_new:
                raise
            self._warnings.append(error)

    def _seed_platform(self) -> None:
        """What a new instance holds, or what an export has in its place."""
        folder = self._wishes.source or self.record.bundles.get(seeding.PENDING_EXPORT, "")
        if not folder:
            self._seed("platform")
            return
        # Judging an export takes much code that no other start needs.
        from choreo_local.allinone import imported

        found = imported.load(folder, self.record)
        if found is None:
            self._seed("platform")
            return
        manifests = found.manifests(self.record, is_remote=not self._choice.is_here)
        self._update(bundles=found.before(self.record))
        self._seeding.call(self._seeder.apply(manifests), timeout=imported.APPLY_SECONDS)
        self._update(bundles=found.after(self.record))

    def _await_demo(self) -> None:
        """Wait for the demo's answer; the platform runs without it, and says so."""
        if not self._seeding.call(self._has_demo(), timeout=WAIT_SECONDS):
            return
        port = self.record.ports["gateway"]
        try:
            demo.wait_until_answering(port, timeout_seconds=WAIT_SECONDS)
        except WaitTimeoutError as error:
            self._warnings.append(error)
        else:
            self._demo_urls.append(demo.url(port))

    async def _has_demo(self) -> bool:
        async with self._seeder.admin() as client:
            found = await client.list(COMPONENT, labels.DEFAULT)
        return any(obj["metadata"]["name"] == demo.COMPONENT for obj in found.items)

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
            ending.callback(self._seeding.stop)
            for name, stop in self._stack:
                ending.callback(_stop, name, stop)
            self._stack.clear()

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
