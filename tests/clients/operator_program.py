"""A kopf operator for the tests: a handler for each event, a finalizer, a daemon, a timer.

Run as `kopf run`: it keeps notes in the status and in a ConfigMap beside each object.
"""

from __future__ import annotations

import asyncio
from typing import Any

import kopf

GROUP, VERSION, PLURAL = "kopf.example.com", "v1", "gardens"


@kopf.on.startup()
def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
    """Post events for what is logged about objects."""
    settings.posting.enabled = True


@kopf.on.create(GROUP, VERSION, PLURAL)
async def created(spec: kopf.Spec, **_: Any) -> dict[str, Any]:
    """The result lands in the status."""
    return {"trees": spec.get("trees")}


@kopf.on.update(GROUP, VERSION, PLURAL)
async def updated(patch: kopf.Patch, spec: kopf.Spec, body: kopf.Body, **_: Any) -> None:
    """Fails once, to be tried again."""
    if spec.get("trees") == 13 and not body.status.get("warned"):
        patch.status["warned"] = True
        raise kopf.TemporaryError("thirteen trees are too many", delay=0.1)
    patch.status["seen"] = spec.get("trees")
    kopf.info(body, reason="Grown", message=f"{spec.get('trees')} trees")


@kopf.on.delete(GROUP, VERSION, PLURAL)
async def deleted(name: str, namespace: str | None, memo: kopf.Memo, **_: Any) -> None:
    """Says good-bye before the object goes."""
    del name, namespace
    memo["gone"] = True
    await asyncio.sleep(0)


@kopf.on.field(GROUP, VERSION, PLURAL, field="spec.colour")
async def coloured(old: Any, new: Any, patch: kopf.Patch, **_: Any) -> None:
    """Tells one field's change."""
    patch.status["colours"] = f"{old} -> {new}"


@kopf.daemon(GROUP, VERSION, PLURAL)
async def gardener(stopped: kopf.DaemonStopped, body: kopf.Body, **_: Any) -> None:
    """Works as long as the object is there."""
    kopf.info(body, reason="Gardening", message="at work")
    await stopped.wait()


@kopf.timer(GROUP, VERSION, PLURAL, interval=0.2)
async def clock(patch: kopf.Patch, status: kopf.Status, **_: Any) -> None:
    """Counts, a few times."""
    ticks = int(status.get("ticks", 0))
    if ticks < 3:
        patch.status["ticks"] = ticks + 1
