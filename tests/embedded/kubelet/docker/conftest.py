"""Tests with an engine run once for each kind of engine, or are skipped."""

from __future__ import annotations

import pytest

from choreo_local.embedded.kubelet.docker.sockets import EngineFacts
from tests.embedded.kubelet.docker import engines


@pytest.fixture(params=["docker", "podman"])
def engine(request: pytest.FixtureRequest) -> EngineFacts:
    """An engine of this machine."""
    return engines.engine(str(request.param))
