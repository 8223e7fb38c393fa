"""What the cluster of an instance holds from the start: definitions, platform or export, demo.

Each bundle is applied once, and again when its content has changed; what a bundle promises is
awaited at every start.
"""

from __future__ import annotations

from dataclasses import dataclass

from choreo_local.allinone import bundles, demo, seeding
from choreo_local.allinone.bundles import Bundle
from choreo_local.allinone.record import Record
from choreo_local.allinone.seeding import WAIT_SECONDS, Manifests, Seeder
from choreo_local.api import labels
from choreo_local.api.registry import COMPONENT
from choreo_local.errors import ChoreoError, PreflightError, WaitTimeoutError
from choreo_local.threads import LoopThread


@dataclass(frozen=True, slots=True)
class _Promised:
    """What an added bundle lets us expect."""

    bundle: Bundle
    manifests: Manifests
    is_new: bool


class Filling:
    """Fills the cluster of an instance, step by step as its parts come up.

    Args:
        record: notes what has been applied.
        seeder: reaches the cluster with all rights.
        thread: in whose loop that happens.
        is_remote: whether the cluster is another process.

    Attributes:
        warnings: what went wrong without ending the start.
        demo_urls: where the demo has answered.
    """

    def __init__(
        self, record: Record, seeder: Seeder, thread: LoopThread, *, is_remote: bool
    ) -> None:
        self._record = record
        self._seeder = seeder
        self._thread = thread
        self._is_remote = is_remote
        self.warnings: list[ChoreoError] = []
        self.demo_urls: list[str] = []
        self._promised: list[_Promised] = []
        self._has_answer = False

    def add_definitions(self) -> None:
        """What all else is made of."""
        for name in seeding.definitions(is_remote=self._is_remote):
            self._add(name)
            self._await_promises()

    def add_platform(self, source: str) -> None:
        """What a new instance holds, or what an export has in its place."""
        record = self._record.current
        folder = source or record.bundles.get(seeding.PENDING_EXPORT, "")
        if not folder:
            self._add("platform")
            return
        # Judging an export takes much code that no other start needs.
        from choreo_local.allinone import imported

        found = imported.load(folder, record)
        if found is None:
            self._add("platform")
            return
        manifests = found.manifests(record, is_remote=self._is_remote)
        self._record.update(bundles=found.before(record))
        self._thread.call(self._seeder.apply(manifests), timeout=imported.APPLY_SECONDS)
        self._record.update(bundles=found.after(self._record.current))

    def add_demo(self, problem: str) -> None:
        """Deploy the demo; nothing of it is expected when there is a problem with its pods."""
        self._add("demo", expect=not problem)
        self._has_answer = not problem
        if problem:
            self.warnings.append(
                PreflightError(
                    f"the demo is deployed, but its pods do not run: {problem}",
                    remedy="Deploy something of your own whose image the cluster can pull",
                )
            )

    def finish(self) -> None:
        """Wait until everything that was added is as it should be, and the demo answers."""
        self._await_promises()
        if self._has_answer:
            self._await_demo()

    def _add(self, name: str, *, expect: bool = True) -> None:
        """Apply a bundle unless this very content was applied before."""
        record = self._record.current
        bundle = bundles.load(name)
        content = bundle.fingerprint(seeding.values(record))
        is_new = record.bundles.get(name) != content
        manifests: Manifests = ()
        # What is defined on our own cluster it serves before it answers; only others may lose it.
        if is_new or self._is_remote:
            manifests = seeding.manifests(bundle, record, is_remote=self._is_remote)
        if is_new:
            self._thread.call(self._seeder.apply(manifests), timeout=WAIT_SECONDS)
            self._record.has_applied(name, content)
        if expect:
            self._promised.append(_Promised(bundle, manifests, is_new=is_new))

    def _await_promises(self) -> None:
        promised, self._promised = self._promised, []
        for each in promised:
            try:
                waiting = self._seeder.wait(each.bundle, each.manifests, is_new=each.is_new)
                self._thread.call(waiting, timeout=WAIT_SECONDS + 5)
            except WaitTimeoutError as error:
                # What belongs to the user by now must not keep the platform from starting.
                if each.is_new:
                    raise
                self.warnings.append(error)

    def _await_demo(self) -> None:
        """Wait for the demo's answer; the platform runs without it, and says so."""
        if not self._thread.call(self._has_demo(), timeout=WAIT_SECONDS):
            return
        port = self._record.current.ports["gateway"]
        try:
            demo.wait_until_answering(port, timeout_seconds=WAIT_SECONDS)
        except WaitTimeoutError as error:
            self.warnings.append(error)
        else:
            self.demo_urls.append(demo.url(port))

    async def _has_demo(self) -> bool:
        async with self._seeder.admin() as client:
            found = await client.list(COMPONENT, labels.DEFAULT)
        return any(obj["metadata"]["name"] == demo.COMPONENT for obj in found.items)
