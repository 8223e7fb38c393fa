"""Have a cluster that is not ours ask this process before it writes OpenChoreo's objects.

The cluster is told where to ask only while this process answers: what nobody answers is refused.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from pathlib import Path

from choreo_local import pki
from choreo_local.allinone.seeding import Seeder
from choreo_local.clusters.driver import Callback
from choreo_local.controllers import webhooks
from choreo_local.controllers.webhooks import AdmissionServer
from choreo_local.errors import (
    ApiError,
    ChoreoError,
    NotFoundError,
    PreflightError,
    WaitTimeoutError,
)
from choreo_local.kubeclient.client import KubeClient
from choreo_local.threads import LoopThread

_SECONDS = 30
_FAILING_SECONDS = 5
_POLL_SECONDS = 0.1
# What an API server says when it gets no answer of a webhook.
_NOT_ANSWERED = "failed calling webhook"
_REMEDY = (
    "Say under which name or address the cluster reaches this machine: "
    "choreo up --reachable-at HOST"
)
# Well-formed, and refused by nobody but us: the expression is none.
_PROBE = {
    "apiVersion": "openchoreo.dev/v1alpha1",
    "kind": "ClusterComponentType",
    "metadata": {"name": "choreo-probe"},
    "spec": {
        "workloadType": "deployment",
        "resources": [
            {
                "id": "deployment",
                "template": {
                    "apiVersion": "apps/v1",
                    "kind": "Deployment",
                    "metadata": {"name": "${nothing.of.this.name}"},
                },
            }
        ],
    },
}


def server(folder: Path, callback: Callback, port: int) -> AdmissionServer:
    """What the cluster will ask, with a certificate for the name by which it does."""
    authority = pki.ensure_authority(folder, "choreo")
    pki.ensure_server(folder, "admission", authority=authority, hosts=[callback.host])
    return AdmissionServer(
        host=callback.host,
        port=port,
        certificate=folder / "admission.crt",
        key=folder / "admission.key",
        authority=authority.certificate,
        address=callback.address,
    )


class Asking:
    """Has a cluster ask this process from `start` to `stop`.

    Args:
        admission: what answers.
        seeder: reaches the cluster with all rights.
        thread: in whose loop that happens.
    """

    def __init__(self, admission: AdmissionServer, seeder: Seeder, thread: LoopThread) -> None:
        self._admission = admission
        self._seeder = seeder
        self._thread = thread

    def start(self) -> ChoreoError | None:
        """Tell the cluster where to ask, and try; what is wrong when it gets no answer.

        Then it is told not to ask, so that it works without our checks.
        """
        return self._thread.call(self._start(), timeout=2 * _SECONDS + 5)

    def stop(self) -> None:
        """Tell the cluster not to ask any more."""
        self._thread.call(self._stop(), timeout=_SECONDS)

    async def _start(self) -> ChoreoError | None:
        await _listening(self._admission)
        await self._seeder.apply(webhooks.configurations(self._admission))
        async with self._seeder.admin() as client:
            problem = "the attempt was broken off"
            try:
                problem = await _tried(client)
            finally:
                if problem:
                    await _end(client, self._seeder)
        if not problem:
            return None
        return PreflightError(
            f"the cluster does not check OpenChoreo's objects when they are written: {problem}",
            remedy=_REMEDY,
        )

    async def _stop(self) -> None:
        async with self._seeder.admin() as client:
            await _end(client, self._seeder)


async def forget(seeder: Seeder) -> None:
    """Tell the cluster not to ask an instance that was killed; return once it does not.

    Nobody answers, so it would refuse what the next start applies.
    """
    async with seeder.admin() as client:
        if await _end(client, seeder):
            await _quiet(client)


async def _quiet(client: KubeClient) -> None:
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        try:
            kind = await client.resolve(_PROBE["apiVersion"], _PROBE["kind"])  # type: ignore[arg-type]  # both are text
            await client.create(kind, _PROBE, dry_run=True)
        except ApiError as error:
            if _NOT_ANSWERED not in error.message:
                return
        else:
            return
        await asyncio.sleep(_POLL_SECONDS)


async def _end(client: KubeClient, seeder: Seeder) -> bool:
    """Whether it was asking."""
    was_asking = False
    for prefix in ("Mutating", "Validating"):
        kind = await client.resolve(
            "admissionregistration.k8s.io/v1", f"{prefix}WebhookConfiguration"
        )
        with contextlib.suppress(NotFoundError):
            found = await client.get(kind, webhooks.CONFIGURATION)
            if found.get("webhooks") and seeder.owns(found):
                await client.patch(kind, webhooks.CONFIGURATION, {"webhooks": []})
                was_asking = True
    return was_asking


async def _listening(admission: AdmissionServer) -> None:
    deadline = time.monotonic() + _SECONDS
    host = "127.0.0.1" if admission.address == "0.0.0.0" else admission.address
    while not await _accepts(host, admission.port):
        if time.monotonic() > deadline:
            raise WaitTimeoutError(f"nothing listens at {host}:{admission.port} for admission")
        await asyncio.sleep(_POLL_SECONDS)


async def _accepts(host: str, port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    return True


async def _tried(client: KubeClient) -> str:
    """Why no refusal of ours arrives, empty when it does; nothing is written."""
    kind = await client.resolve(_PROBE["apiVersion"], _PROBE["kind"])  # type: ignore[arg-type]  # both are text
    began = time.monotonic()
    deadline = began + _SECONDS
    last = "the cluster did not ask"
    while time.monotonic() < deadline:
        try:
            await client.create(kind, _PROBE, dry_run=True)
        except ApiError as error:
            # The schema may refuse it too; only what a webhook refuses is refused by us.
            if "denied the request" in error.message:
                return ""
            last = error.message
            if _NOT_ANSWERED in last:
                # It knows where to ask: what fails for a few seconds goes on failing.
                deadline = min(deadline, began + _FAILING_SECONDS)
        # A cluster notices new webhooks within a second or so.
        await asyncio.sleep(_POLL_SECONDS)
    return last
