"""Driver name → driver, and why one is taken or cannot be."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass

from choreo_local.clusters.driver import ClusterDriver, ClusterSpec
from choreo_local.errors import PreflightError


@dataclass(frozen=True, slots=True)
class Choice:
    """The driver that was taken, and why, in one line."""

    name: str
    reason: str
    make: Callable[[ClusterSpec], ClusterDriver]


def choose(wanted: str) -> Choice:
    """The driver for a name; `auto` takes the first that works here.

    Raises PreflightError when the named one does not.
    """
    if wanted in ("auto", "embedded"):
        return Choice("embedded", _reason(wanted), _embedded)
    raise PreflightError(
        f'cannot use the driver "{wanted}": this version of choreo runs on the embedded cluster '
        "only",
        remedy="Start without --driver, or with --driver embedded",
    )


def _reason(wanted: str) -> str:
    if wanted == "embedded":
        return "The embedded cluster was asked for."
    if shutil.which("docker") and shutil.which("k3d"):
        return "The embedded cluster: this version does not drive k3d yet, though it is here."
    return "The embedded cluster: no container engine is needed."


def _embedded(spec: ClusterSpec) -> ClusterDriver:
    # Loaded late: the embedded cluster is most of the platform's code.
    from choreo_local.clusters import embedded

    return embedded.make(spec)
