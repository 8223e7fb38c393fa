"""Folders of instances that do not run."""

from __future__ import annotations

from pathlib import Path

import pytest

from choreo_local.allinone import instance as instances
from choreo_local.paths import InstancePaths


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> InstancePaths:
    """The paths of an instance whose folders exist, in a home of its own."""
    monkeypatch.setenv("CHOREO_HOME", str(tmp_path))
    found = InstancePaths.of("default")
    instances.ensure_folder(found)
    return found
