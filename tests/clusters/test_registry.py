"""Which driver is taken, and why."""

from __future__ import annotations

from pathlib import Path

import pytest

from choreo_local.clusters import registry
from choreo_local.errors import PreflightError, RefusedError
from tests.clusters.standin import World


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


def test_k3d_is_taken_where_it_and_an_engine_answer(world: World) -> None:
    choice = registry.choose("auto")
    assert (choice.name, choice.reason) == ("k3d", "A k3d cluster: Docker and k3d answer.")
    world.break_(engine="down")
    choice = registry.choose("auto")
    assert choice.name == "embedded"
    assert "no container engine answers" in choice.reason


def test_k3d_that_was_asked_for_and_cannot_be_had_is_refused(world: World) -> None:
    assert registry.choose("k3d").name == "k3d"
    world.break_(engine="down")
    with pytest.raises(PreflightError, match="no container engine answers") as refused:
        registry.choose("k3d")
    assert "--driver embedded" in refused.value.remedy


def test_an_instance_on_k3d_goes_on_there_without_a_wish(world: World) -> None:
    world.break_(engine="down")
    # That the engine does not answer is for the driver to say: its data is there.
    assert registry.choose("auto", last="k3d").name == "k3d"
