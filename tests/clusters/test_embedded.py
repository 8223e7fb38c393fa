"""The embedded cluster as a driver: start, end, and a start that fails."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from choreo_local.allinone import addresses, ports
from choreo_local.allinone import instance as instances
from choreo_local.clusters import registry
from choreo_local.clusters.driver import ClusterSpec
from choreo_local.errors import RefusedError
from choreo_local.paths import InstancePaths

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def spec(tmp_path: Path) -> Iterator[ClusterSpec]:
    """A cluster on free ports and in a free range of addresses."""
    paths = InstancePaths.of("tests", tmp_path)
    instances.ensure_folder(paths)
    with ExitStack() as held:
        sockets = ports.choose(dict.fromkeys(ports.PREFERRED, 0), last={})
        for one in sockets.values():
            held.callback(one.close)
        network: IPv4Network = addresses.choose_range(str(tmp_path), taken=())
        yield ClusterSpec(
            instance_id="tests",
            name="choreo-tests",
            paths=paths,
            sockets=sockets,
            users={"token": ("choreo:data-plane", ())},
            images=[],
            service_range=network,
            # Without root a sandbox's network takes the whole process into a user namespace.
            runtime="auto" if os.geteuid() == 0 else "process",
        )


def kube_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "kube"]


def test_it_starts_serves_and_ends(spec: ClusterSpec) -> None:
    driver = registry.choose("embedded").make(spec)
    driver.start_api()
    try:
        assert spec.paths.kubeconfig.exists()
        assert spec.paths.socket("kube").exists()
        driver.start_parts()
        names = {capability.name: capability for capability in driver.capabilities()}
        assert "gateway" in names
        for capability in names.values():
            assert capability.available or capability.reason
    finally:
        driver.stop()
    assert kube_threads() == []


def test_a_start_that_fails_leaves_no_thread(spec: ClusterSpec) -> None:
    # A folder where the store shall be.
    spec.paths.database.mkdir(parents=True)
    driver = registry.choose("embedded").make(spec)
    with pytest.raises(RefusedError, match="cannot open the state"):
        driver.start_api()
    assert kube_threads() == []
