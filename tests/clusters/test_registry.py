"""Which driver is taken, and why."""

from __future__ import annotations

from pathlib import Path

import pytest

from choreo_local.clusters import registry
from choreo_local.errors import RefusedError


def test_without_a_wish_the_embedded_cluster_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    choice = registry.choose("auto")
    assert (choice.name, choice.reason) == (
        "embedded",
        "The embedded cluster: k3d is not installed.",
    )


@pytest.mark.parametrize("wanted", ["embedded", "existing"])
def test_a_wish_is_the_reason(wanted: str) -> None:
    choice = registry.choose(wanted)
    assert (choice.name, choice.reason) == (wanted, f"The driver {wanted} was asked for.")


def test_what_an_instance_has_is_found_again_without_a_wish() -> None:
    choice = registry.choose("auto", last="existing")
    assert (choice.name, choice.reason) == ("existing", "The driver existing, as last time.")


def test_an_instance_does_not_move_to_another_driver() -> None:
    with pytest.raises(RefusedError, match='on the driver "existing"') as refused:
        registry.choose("embedded", last="existing")
    assert "--driver existing" in refused.value.remedy
    assert "--instance" in refused.value.remedy
