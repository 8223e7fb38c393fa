"""Which data path this machine gets."""

from __future__ import annotations

from pathlib import Path

from choreo_local.embedded.dialing import DIRECTLY, Dialing
from choreo_local.embedded.network.datapath import Addresses, DataPath
from choreo_local.embedded.network.entrances import Abroad
from choreo_local.embedded.network.envoy import Envoy, find_envoy
from choreo_local.embedded.network.proxy import InProcessProxy


def choose_data_path(
    *,
    directory: Path,
    log: Path,
    instance: str,
    addresses: Addresses,
    dialing: Dialing = DIRECTLY,
    abroad: Abroad | None = None,
) -> DataPath:
    """Envoy where its wheel has a program for this platform, else the proxy of this process.

    Envoy runs in the network `abroad` where pods are reached only from there; the proxy connects to
    them through `dialing`.
    """
    program = find_envoy()
    if program is None:
        return InProcessProxy(addresses, dialing)
    return Envoy(
        program,
        directory=directory,
        log=log,
        instance=instance,
        addresses=addresses,
        abroad=abroad,
    )
