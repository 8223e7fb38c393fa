"""Driver name → driver, and why one is taken or cannot be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from choreo_local.clusters import k3dcommand
from choreo_local.clusters.driver import ClusterDriver, ClusterSpec
from choreo_local.errors import PreflightError, RefusedError


@dataclass(frozen=True, slots=True)
class Choice:
    """The driver that was taken, and why, in one line."""

    name: str
    reason: str
    make: Callable[[ClusterSpec], ClusterDriver]

    @property
    def is_shared(self) -> bool:
        """Whether others use the cluster too."""
        return self.name == "existing"

    @property
    def is_here(self) -> bool:
        """Whether the cluster lives in this process."""
        return self.name == "embedded"


def choose(wanted: str, *, last: str = "") -> Choice:
    """The driver for a name; `auto` takes that of last time, else the first that works here.

    Raises RefusedError when the instance lives on another one already.
    """
    if last and wanted not in ("auto", last):
        raise RefusedError(
            f'cannot use the driver "{wanted}": what this instance has is on the driver "{last}"',
            remedy=f"Start it with --driver {last}, or give the new one a name of its own: "
            "choreo --instance NAME up",
        )
    if last and wanted == "auto":
        return Choice(last, f"The driver {last}, as last time.", _MAKERS[last])
    if wanted == "auto":
        return _first()
    if wanted == "k3d" and (lacking := k3dcommand.lacking()):
        raise PreflightError(f'cannot use the driver "k3d": {lacking}', remedy=k3dcommand.HOW)
    return Choice(wanted, f"The driver {wanted} was asked for.", _MAKERS[wanted])


def _first() -> Choice:
    """The first that works here, and why."""
    if lacking := k3dcommand.lacking():
        return Choice("embedded", f"The embedded cluster: {lacking}.", _embedded)
    return Choice("k3d", "A k3d cluster: Docker and k3d answer.", _k3d)


def _embedded(spec: ClusterSpec) -> ClusterDriver:
    # Each is loaded when it is needed: the embedded cluster is most of the platform's code.
    from choreo_local.clusters import embedded

    return embedded.make(spec)


def _existing(spec: ClusterSpec) -> ClusterDriver:
    from choreo_local.clusters import existing

    return existing.make(spec)


def _k3d(spec: ClusterSpec) -> ClusterDriver:
    from choreo_local.clusters import k3d

    return k3d.make(spec)


_MAKERS: dict[str, Callable[[ClusterSpec], ClusterDriver]] = {
    "embedded": _embedded,
    "k3d": _k3d,
    "existing": _existing,
}
