"""What tests of the isolated network need of this machine."""

from __future__ import annotations

import os

import pytest

from choreo_local.embedded import podruntime
from choreo_local.embedded.podruntime import SandboxTools


def sandbox_tools() -> SandboxTools:
    """The programs that sandboxes are made with; skips the test where there can be none."""
    found = podruntime.probe()
    if found.tools is None:
        pytest.skip(f"no sandboxes on this machine: {found.obstacle}")
    if os.geteuid() != 0:
        pytest.skip("networks are made in a user namespace: test_rootless.py runs this in one")
    return found.tools


def has_home() -> bool:
    """Whether pods are reached from a network of ours: the one that we are in is not ours."""
    return podruntime.probe().is_rootless
