"""Driver name → driver, and why one is taken or cannot be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from choreo_local.clusters.driver import ClusterDriver, ClusterSpec
from choreo_local.errors import PreflightError, RefusedError

DRIVERS = ("embedded", "k3d", "existing")


@dataclass(frozen=True, slots=True)
class Choice:
    """The driver that was taken, and why, in one line."""

    name: str
    reason: str
    make: Callable[[ClusterSpec], ClusterDriver]

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
        return Choice("embedded", "The embedded cluster: no container engine is needed.", _embedded)
    if wanted not in _MAKERS:
        raise PreflightError(
            f'cannot use the driver "{wanted}": this version of choreo has {", ".join(_MAKERS)}',
            remedy=f"Start without --driver, or with --driver {next(iter(_MAKERS))}",
        )
    return Choice(wanted, f"The driver {wanted} was asked for.", _MAKERS[wanted])


def _embedded(spec: ClusterSpec) -> ClusterDriver:
    # Each is loaded when it is needed: the embedded cluster is most of the platform's code.
    from choreo_local.clusters import embedded

    return embedded.make(spec)


def _existing(spec: ClusterSpec) -> ClusterDriver:
    from choreo_local.clusters import existing

    return existing.make(spec)


_MAKERS: dict[str, Callable[[ClusterSpec], ClusterDriver]] = {
    "embedded": _embedded,
    "existing": _existing,
}
