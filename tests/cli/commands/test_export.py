"""`choreo export`: what it refuses, and what it says of a folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from choreo_local.cli.main import run
from choreo_local.export import plan, writer
from tests.export import samples


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHOREO_HOME", str(tmp_path / "state"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An export."""
    writer.write(tmp_path / "x", plan.planned(samples.state(), samples.CHOICES), force=False)
    return tmp_path / "x"


def test_only_a_running_instance_is_exported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["export", "split", str(tmp_path / "x")]) == 1
    assert "does not run" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    "domain", ["localhost", "UPPER.example", "a..b", "-a.b", "a b.c", "a.b;id"]
)
def test_a_domain_must_be_one(
    domain: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["export", "split", str(tmp_path / "x"), f"--domain={domain}"]) == 2
    assert "is no domain" in capsys.readouterr().err


def test_a_folder_with_something_in_it_is_refused_before_anything_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").write_text("")
    assert run(["export", "split", str(tmp_path), "--force"]) == 3
    assert "something that is no export" in capsys.readouterr().err


def test_a_whole_export_is_said_to_be_whole(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["export", "verify", str(folder)]) == 0
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "is whole and fits together" in printed.err
    assert "still open: control-plane/planes/" in printed.err


def test_problems_are_data_with_file_path_reason_and_remedy(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "README.md").write_text("changed")
    assert run(["export", "verify", str(folder)]) == 1
    printed = capsys.readouterr().out
    assert printed.startswith("README.md: it was changed after the export\n  fix: ")
    assert run(["export", "verify", str(folder), "-o", "json"]) == 1
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert set(problem) == {"file", "path", "why", "remedy"}


def test_changes_can_be_meant(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "README.md").write_text("changed")
    assert run(["export", "verify", str(folder), "--accept-changes"]) == 0
    assert run(["export", "verify", str(folder)]) == 0
    capsys.readouterr()


def test_a_folder_without_an_export_is_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["export", "verify", str(tmp_path)]) == 2
    assert run(["up", "--from", str(tmp_path), "--no-tui"]) == 2
    assert "there is no export.yaml" in capsys.readouterr().err


def test_clusters_that_others_use_are_not_filled_from_exports(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["up", "--from", str(folder), "--driver", "existing", "--no-tui"]) == 2
    assert f"as {folder}/README.md says" in capsys.readouterr().err


def test_nothing_is_started_from_an_export_with_problems(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "README.md").write_text("changed")
    assert run(["up", "--from", str(folder), "--no-tui"]) == 3
    assert "README.md: it was changed after the export" in capsys.readouterr().err
    assert not (tmp_path / "state").exists()
