"""The `choreo` command in this process, in a home of its own."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from choreo_local.cli import main


@dataclass(frozen=True, slots=True)
class Printed:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


Choreo = Callable[..., Printed]


@pytest.fixture
def choreo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Choreo:
    """Runs a command."""
    for name in list(os.environ):
        if name.startswith("CHOREO_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("CHOREO_HOME", str(tmp_path))

    def run(*arguments: str) -> Printed:
        capsys.readouterr()
        code = main.run(list(arguments))
        return Printed(code, *capsys.readouterr())

    return run
