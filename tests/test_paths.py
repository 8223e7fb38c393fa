"""Where the files of an instance lie."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from choreo_local import paths
from choreo_local.paths import InstancePaths


def test_the_home_is_what_the_environment_says() -> None:
    assert paths.home({"CHOREO_HOME": "/a b/state"}) == Path("/a b/state")
    assert paths.home({"CHOREO_HOME": "state"}) == Path.cwd() / "state"
    assert paths.home({"CHOREO_HOME": "~/x"}) == Path.home() / "x"


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS has a place of its own")
def test_without_a_choice_the_home_is_the_users_state_directory() -> None:
    usual = Path.home() / ".local" / "state" / "choreo"

    assert paths.home({}) == paths.home({"CHOREO_HOME": ""}) == usual
    assert paths.home({"XDG_STATE_HOME": "/var/state"}) == Path("/var/state/choreo")
    assert paths.home({"XDG_STATE_HOME": "relative"}) == usual


def test_macos_keeps_state_where_its_programs_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")

    assert paths.home({}) == Path.home() / "Library" / "Application Support" / "choreo"


@pytest.mark.parametrize("name", ["default", "a", "A_b-c.d", "9", "x" * 63])
def test_names_of_instances_are_single_folders(name: str) -> None:
    assert paths.is_name(name)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../..", "a/b", "/etc", "-rf", ".hidden", "a b", "ü", "a\n", "x" * 64]
)
def test_nothing_that_leads_elsewhere_is_a_name(name: str) -> None:
    assert not paths.is_name(name)


def test_every_file_lies_in_the_folder_of_its_instance(tmp_path: Path) -> None:
    found = InstancePaths.of("other", tmp_path)
    shared = {"images", "registries_file"}
    kinds = vars(InstancePaths).items()
    properties = [name for name, kind in kinds if isinstance(kind, property) and name not in shared]
    files = [getattr(found, name) for name in properties]

    assert found.root == tmp_path / "instances" / "other"
    assert len(files) == len(set(files)) > 8
    assert all(file.is_relative_to(found.root) for file in files)
    assert {getattr(found, name).parent for name in shared} == {tmp_path}


def test_the_root_is_the_home_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHOREO_HOME", "/elsewhere")

    assert InstancePaths.of("x").root == Path("/elsewhere/instances/x")


def test_a_socket_lies_with_the_other_files_where_its_path_is_short_enough() -> None:
    root = Path("/" + "x" * 89)  # the path of kube.sock below it has exactly 100 bytes

    assert InstancePaths(root).socket("kube") == root / "kube.sock"
    assert InstancePaths(root.with_name("x" * 90)).socket("kube").parent != root


def test_a_long_path_moves_the_socket_to_a_short_one_of_its_own() -> None:
    roots = [Path(f"/{'ü' * 60}/{number}") for number in range(2)]
    found = [InstancePaths(root).socket("kube") for root in roots]

    assert found[0] != found[1]
    assert found[0] == InstancePaths(roots[0]).socket("kube")
    assert found[0].name == "kube.sock"
    assert found[0].parent.name.startswith(f"choreo-{os.getuid()}-")
    assert len(os.fsencode(found[0])) <= 100


def test_all_shells_find_the_same_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    long = InstancePaths(Path("/" + "x" * 200))
    before = long.socket("kube")

    monkeypatch.setenv("TMPDIR", "/elsewhere")

    assert long.socket("kube") == before
