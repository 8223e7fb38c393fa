"""Files are read and written."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from choreo_local.errors import ChoreoError, UsageError
from choreo_local.gitops import repository

_OBJECT = "apiVersion: openchoreo.dev/v1alpha1\nkind: Project\nmetadata: {name: %s}\n"


def names(root: Path) -> list[str]:
    return sorted(entry.name for entry in repository.scan(root).of_kind("Project"))


def test_objects_are_found_wherever_they_lie(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "one.yaml").write_text(_OBJECT % "one" + "---\n" + _OBJECT % "two")
    (tmp_path / "three.YML").write_text(_OBJECT % "three")
    (tmp_path / "four.json").write_text(_OBJECT % "four")
    for folder in (".git", "node_modules", "vendor"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "hidden.yaml").write_text(_OBJECT % "hidden")
    assert names(tmp_path) == ["one", "three", "two"]


@pytest.mark.parametrize(
    "text", ["{", "a: b: c", "5", "- a", "kind: Project", "\x00", "[" * 5000, "a: &a [*a]"]
)
def test_files_that_make_no_sense_do_not_count(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.yaml").write_text(text)
    (tmp_path / "good.yaml").write_text(_OBJECT % "good")
    assert names(tmp_path) == ["good"]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="repo path does not exist"):
        repository.scan(tmp_path / "ghost")


def test_what_is_written_is_for_its_owner_and_reads_the_same(tmp_path: Path) -> None:
    manifest = {"b": "one\ntwo\n", "a": ["ä", 5, True, None], "c": {}}
    path = tmp_path / "deep" / "down" / "x.yaml"
    repository.write(path, manifest)
    assert yaml.safe_load(path.read_text()) == manifest
    assert path.read_text().startswith("a:\n- ä\n- 5\n")
    assert "b: |\n  one\n  two\n" in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ChoreoError, match="cannot write"):
        repository.write(tmp_path / "file" / "x.yaml", {})
