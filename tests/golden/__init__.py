"""Recorded behaviour of the real systems, replayed; absent recordings skip with a message."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

_SHARED = Path(__file__).parents[3] / "shared"
GOLDENS = Path(os.environ.get("CHOREO_GOLDENS", _SHARED / "goldens"))
FIXTURES = Path(os.environ.get("CHOREO_FIXTURES", _SHARED / "fixtures"))
_DIFFERENCES = Path(__file__).with_name("differences.yaml")


def recorded(folder: str) -> list[Path]:
    """The recordings of a folder, sorted; empty when there are none on this machine."""
    return sorted((GOLDENS / folder).glob("*.json"))


def fixture(path: str) -> Path:
    """A real input; skips the test when it is not on this machine."""
    found = FIXTURES / path
    if not found.exists():
        pytest.skip(f"fixture {path} is not here; set CHOREO_FIXTURES")
    return found


def load(path: Path) -> Any:
    """The content of a recording."""
    return json.loads(path.read_text(encoding="utf-8"))


def differences(section: str) -> dict[str, str]:
    """The deliberate differences of a section: case id → reason."""
    content = yaml.safe_load(_DIFFERENCES.read_text(encoding="utf-8")) or {}
    return dict(content.get(section) or {})
