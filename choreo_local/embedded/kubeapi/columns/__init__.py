"""What `kubectl get` shows of each builtin kind: columns, and the cells of an object.

One module for a family of kinds; `tables` looks printers up here by group and kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from choreo_local.embedded.kubeapi.columns.printer import Printer


@cache
def find(group: str, kind: str) -> Printer | None:
    """The printer of a builtin kind; None where only name and creation time are shown."""
    # Imported on first use: most instances never print most kinds.
    from choreo_local.embedded.kubeapi.columns import (
        access,
        admission,
        cluster,
        core,
        network,
        pods,
        storage,
        workloads,
    )

    families: tuple[Mapping[tuple[str, str], Printer], ...] = (
        access.PRINTERS,
        admission.PRINTERS,
        cluster.PRINTERS,
        core.PRINTERS,
        network.PRINTERS,
        pods.PRINTERS,
        storage.PRINTERS,
        workloads.PRINTERS,
    )
    return next((family[group, kind] for family in families if (group, kind) in family), None)
