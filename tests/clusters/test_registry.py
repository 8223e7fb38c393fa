"""Which driver is taken, and why."""

from __future__ import annotations

from pathlib import Path

import pytest

from choreo_local.clusters import registry
from choreo_local.errors import PreflightError


def test_without_a_wish_the_embedded_cluster_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    choice = registry.choose("auto")
    assert (choice.name, choice.reason) == (
        "embedded",
        "The embedded cluster: no container engine is needed.",
    )


def test_a_k3d_that_is_there_is_not_passed_over_in_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("docker", "k3d"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "k3d" in registry.choose("auto").reason


def test_a_wish_is_the_reason() -> None:
    assert registry.choose("embedded").reason == "The embedded cluster was asked for."


@pytest.mark.parametrize("wanted", ["k3d", "existing", "magic"])
def test_a_driver_that_cannot_be_had_is_refused_with_what_can(wanted: str) -> None:
    with pytest.raises(PreflightError, match=f'"{wanted}"') as refused:
        registry.choose(wanted)
    assert "--driver embedded" in refused.value.remedy
