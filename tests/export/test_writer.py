"""Written whole or not at all, and read back as it was."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from choreo_local.errors import ChoreoError, RefusedError, UsageError
from choreo_local.export import index, reading, writer
from choreo_local.export.state import File

_FILES = [
    File(index.NAME, "format: 1\n"),
    File("a/b.yaml", "ä: 1\r\n"),
    File("s/k.json", "{}", True),
]


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    writer.write(tmp_path / "made" / "here", _FILES, force=False)
    tree = reading.read(tmp_path / "made" / "here")
    assert tree.files == {file.path: file.content for file in _FILES}
    assert tree.open_to_others == {index.NAME, "a/b.yaml"}
    assert tree.unread == {}


def test_private_files_are_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        writer.write(tmp_path / "x", _FILES, force=False)
    finally:
        os.umask(before)
    modes = {
        file.path: stat.S_IMODE((tmp_path / "x" / file.path).stat().st_mode) for file in _FILES
    }
    assert modes == {index.NAME: 0o644, "a/b.yaml": 0o644, "s/k.json": 0o600}


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    writer.write(tmp_path, _FILES, force=False)
    assert (tmp_path / index.NAME).exists()


def test_an_export_is_replaced_only_when_asked_for_and_whole(tmp_path: Path) -> None:
    folder = tmp_path / "x"
    writer.write(folder, [*_FILES, File("old", "")], force=False)
    with pytest.raises(RefusedError, match="holds an export already"):
        writer.write(folder, _FILES, force=False)
    writer.write(folder, _FILES, force=True)
    assert not (folder / "old").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_what_is_no_export_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(RefusedError, match="something that is no export"):
        writer.write(tmp_path, _FILES, force=True)
    with pytest.raises(RefusedError, match="is no folder"):
        writer.write(tmp_path / "mine", _FILES, force=True)
    assert (tmp_path / "mine").read_text() == "precious"


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    folder = tmp_path / "x"
    writer.write(folder, _FILES, force=False)
    with pytest.raises(ChoreoError, match="cannot write"):
        writer.write(folder, [File("a", ""), File("a/b", "")], force=True)
    assert reading.read(folder).files == {file.path: file.content for file in _FILES}
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_links_and_bytes_are_not_read_but_said(tmp_path: Path) -> None:
    folder, secret = tmp_path / "x", tmp_path / "secret"
    secret.write_text("not for exports")
    writer.write(folder, _FILES, force=False)
    (folder / "link").symlink_to(secret)
    (folder / "away").symlink_to(tmp_path)
    (folder / "bytes").write_bytes(b"\xff\xfe")
    os.mkfifo(folder / "pipe")
    (folder / ".git").mkdir()
    (folder / ".git" / "config").write_text("")
    tree = reading.read(folder)
    assert set(tree.unread) == {"link", "away", "bytes", "pipe"}
    assert set(tree.files) == {file.path for file in _FILES}


def test_a_folder_without_an_export_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no export"):
        reading.read(tmp_path)


def test_digests_can_be_replaced_in_place(tmp_path: Path) -> None:
    writer.write(tmp_path / "x", _FILES, force=False)
    writer.replace(tmp_path / "x", {index.NAME: "format: 2\n"})
    assert (tmp_path / "x" / index.NAME).read_text() == "format: 2\n"
