"""k3d for tests: the stand-in everywhere, the real one where it and an engine answer."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clusters.standin import World, install


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """What the stand-in for k3d, which is on the path, knows; its nodes end with the test."""
    state = tmp_path / "standin"
    for name, value in install(tmp_path / "bin", state).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    found = World(state)
    yield found
    found.end()
