"""The generated files: current, exact, and repaired by writing."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from choreo_local.api import generate


def test_the_files_in_the_bundle_are_current() -> None:
    assert list(generate.differing(generate.FOLDER, generate.wanted())) == []


def test_check_names_what_is_stale_and_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generate, "FOLDER", tmp_path)
    assert generate.main(["--check"]) == 1
    assert "projects.openchoreo.dev.yaml is not current" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_writing_replaces_what_differs_and_removes_what_is_too_much(tmp_path: Path) -> None:
    (tmp_path / "old.yaml").write_text("kind: Gone\n", encoding="utf-8")
    (tmp_path / "a.yaml").write_text("edited: true\n", encoding="utf-8")
    files = {"a.yaml": "a: 1\n", "b.yaml": "b: 2\n"}
    assert list(generate.differing(tmp_path, files)) == ["a.yaml", "b.yaml", "old.yaml"]
    generate.write(tmp_path, files)
    assert list(generate.differing(tmp_path, files)) == []


def test_a_file_reads_back_as_the_object_it_was_written_from() -> None:
    crd = {"metadata": {"name": "x"}, "spec": {"rule": "a: ${b}", "words": "…"}}
    assert yaml.safe_load(generate.text_of(crd)) == crd
