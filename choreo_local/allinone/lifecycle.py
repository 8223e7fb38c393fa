"""Start the parts of one instance in order, and stop them in reverse."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from ipaddress import IPv4Network
from typing import TYPE_CHECKING

from choreo_local.admission.plugin import Webhooks
from choreo_local.allinone import bundles, cpu, credentials, facts, lateparts, notes, pods
from choreo_local.allinone import instance as instances
from choreo_local.allinone.facts import Facts
from choreo_local.allinone.filling import Filling
from choreo_local.allinone.imageregistry import ImageRegistry
from choreo_local.allinone.planefacts import PlaneFacts
from choreo_local.allinone.progress import Progress
from choreo_local.allinone.record import Record
from choreo_local.allinone.reservation import Reservation
from choreo_local.allinone.seeding import WAIT_SECONDS, Seeder
from choreo_local.allinone.tunnels import Tunnels
from choreo_local.allinone.wishes import Wishes
from choreo_local.clusters import registry
from choreo_local.clusters.driver import Capability, ClusterDriver, ClusterSpec
from choreo_local.errors import ChoreoError, PreflightError
from choreo_local.kubeclient.access import KubeAccess
from choreo_local.paths import InstancePaths
from choreo_local.threads import LoopThread

if TYPE_CHECKING:
    from choreo_local.allinone.api import Apis
    from choreo_local.allinone.controlplane import ControlPlane
    from choreo_local.controllers.webhooks import AdmissionServer

logger = logging.getLogger(__name__)

_LOCAL_PLANES = {
    "DataPlane": "data-plane",
    "WorkflowPlane": "workflow-plane",
    "ObservabilityPlane": "observability-plane",
}


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
        self._reserved: Reservation | None = None
        self._sockets: dict[str, socket.socket] = {}
        self._warnings: list[ChoreoError] = []
        # Why the cluster does not ask us before it writes.
        self._asked = ""
        self._stack: list[tuple[str, Callable[[], None]]] = []
        self._credentials = credentials.ensure(paths)
        self._record = Record(paths, record)
        self._driver: ClusterDriver | None = None
        self._cpu = cpu.of_this_process()
        self._seeder: Seeder
        self._filling: Filling
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
            driver = self._start_cluster()
        with progress.phase("definitions"):
            if not self._choice.is_here:
                self._forget_asking()
            self._filling.add_definitions()
        with progress.phase("node and network"), _beside(driver.start_parts):
            lateparts.load_controllers()
        with progress.phase("controllers"):
            admission = self._admission()
            control_plane = self._control_plane(admission)
            control_plane.start()
            self._stack.append(("controllers", control_plane.stop))
        if admission is not None:
            with progress.phase("admission"):
                self._have_asked(admission)
        has_demo = self._wishes.demo or self._record.current.demo
        with progress.phase("platform"):
            self._filling.add_platform(self._wishes.source)
            if has_demo:
                self._filling.add_demo(self._problem_of_pods())
        # Pods are starting now.
        with progress.phase("APIs"):
            lateparts.load_apis()
            apis = self._apis()
            apis.start()
            self._stack.append(("APIs", apis.stop))
        with progress.phase("demo" if has_demo else "environments"):
            self._filling.finish()
        self._seeding.spawn(self._cpu.run(), on_death=self._on_death)
        self._tunnels.await_callers(self._seeding.loop)
        self._record.update(state="ready", demo=has_demo)

    def _start_cluster(self) -> ClusterDriver:
        """Have a cluster that answers, and what works on it from the start."""
        driver = self._driver = self._choice.make(self._spec())
        driver.start_api()
        self._stack.append(("cluster", driver.stop))
        # Only what could be had is kept for the next start.
        self._record.update(server=driver.server, cluster=driver.identity, runtime=self._runtime)
        images = self._image_registry(self._driver)
        images.start()
        self._stack.append(("registry", images.stop))
        self._seeding.start()
        self._seeder = Seeder(driver)
        self._filling = Filling(
            self._record, self._seeder, self._seeding, is_remote=not self._choice.is_here
        )
        self._tunnels = Tunnels(
            self._access("control-plane"), pki_folder=self._paths.pki, sockets=self._sockets
        )
        self._stack.append(("tunnels", self._tunnels.stop))
        return driver

    def _image_registry(self, driver: ClusterDriver) -> ImageRegistry:
        """Also where nodes call it; that they cannot is no reason not to start."""
        held = self._sockets["registry"]
        try:
            return ImageRegistry(self._paths, held, driver.node_network)
        except PreflightError as problem:
            self._warnings.append(problem)
            return ImageRegistry(self._paths, held)

    def _problem_of_pods(self) -> str:
        """Why the demo's pods cannot run; empty when they can."""
        assert self._driver is not None
        lacking = [one for one in self._capabilities() if one.name == "pods" and not one.available]
        return lacking[0].reason if lacking else self._driver.provide_images()

    def _reserve(self) -> None:
        last = self._record.current
        self._reserved = Reservation(self._paths, last, is_here=self._choice.is_here)
        self._sockets = self._reserved.sockets
        reserved = replace(
            last, ports=self._reserved.ports, service_range=self._reserved.service_range
        )
        self._record.set(
            instances.running(
                reserved,
                state="starting",
                driver=self._choice.name,
                target=self._target,
            )
        )

    @property
    def _runtime(self) -> str:
        """As asked for; what kept pods apart before does so again."""
        wanted = self._wishes.runtime
        return self._record.current.runtime if wanted == "auto" else wanted

    def _spec(self) -> ClusterSpec:
        record = self._record.current
        return ClusterSpec(
            instance_id=record.id,
            name=f"choreo-{record.name}",
            paths=self._paths,
            sockets=self._sockets,
            users=self._credentials.users(),
            images=[bundles.root() / "images"],
            service_range=IPv4Network(record.service_range),
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
        from choreo_local.allinone import asking

        # The port was held until now, so that nobody else could take it.
        self._sockets["admission"].close()
        port = self._record.current.ports["admission"]
        return asking.server(self._paths.pki, callback, port)

    def _forget_asking(self) -> None:
        """End what an instance that was killed has left."""
        from choreo_local.allinone import asking

        self._seeding.call(asking.forget(self._seeder), timeout=WAIT_SECONDS)

    def _have_asked(self, admission: AdmissionServer) -> None:
        """Let the cluster ask us; without an answer it would refuse every write."""
        from choreo_local.allinone import asking

        asked = asking.Asking(admission, self._seeder, self._seeding)
        problem = asked.start()
        if problem is not None:
            self._warnings.append(problem)
            self._asked = problem.message
        else:
            self._stack.append(("admission", asked.stop))

    def _control_plane(self, admission: AdmissionServer | None) -> ControlPlane:
        from choreo_local.allinone.controlplane import ControlPlane

        return ControlPlane(
            self._access("control-plane"),
            planes=self._plane_access(),
            on_death=self._on_death,
            admission=admission,
            tunnels=self._tunnels,
        )

    def _apis(self) -> Apis:
        from choreo_local.allinone.api import Apis

        assert self._driver is not None
        status = Facts(
            record=lambda: self._record.current,
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

    def facts(self) -> dict[str, object]:
        """What whoever started us wants to know."""
        return {
            "driverReason": self._choice.reason,
            "urls": facts.urls(self._record.current),
            "demo": self._filling.demo_urls,
            "notes": notes.of_start(self._capabilities()),
            "warnings": [
                {"message": error.message, "remedy": error.remedy}
                for error in (*self._warnings, *self._filling.warnings)
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
        if self._reserved is not None:
            self._reserved.release()
        self._record.set(instances.stopped(self._record.current))


@contextmanager
def _beside(work: Callable[[], None]) -> Iterator[None]:
    """Do some work in another thread while the block runs; both are over in the end."""
    with ThreadPoolExecutor(1) as thread:
        begun = thread.submit(work)
        yield
        begun.result()


def _stop(name: str, stop: Callable[[], None]) -> None:
    began = time.monotonic()
    stop()
    logger.info("Stopped part=%s seconds=%.2f", name, time.monotonic() - began)
