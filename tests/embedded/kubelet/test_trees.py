from __future__ import annotations

import os
from pathlib import Path

from choreo_local.embedded.kubelet import trees

DEEPER_THAN_A_PATH = 3_000


def nested(folder: Path) -> Path:
    """A folder with folders in folders."""
    folder.mkdir()
    here = os.open(folder, os.O_RDONLY)
    for _ in range(DEEPER_THAN_A_PATH):
        os.mkdir("d", dir_fd=here)
        os.mkdir("e", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)
    return folder


def test_a_folder_of_any_depth_is_removed(tmp_path: Path) -> None:
    folder = nested(tmp_path / "deep")
    trees.remove(folder)
    assert not folder.exists()


def test_what_links_lead_to_stays(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    (kept / "below").mkdir(parents=True)
    folder = nested(tmp_path / "deep")
    (folder / "link").symlink_to(kept)
    trees.remove_wholly(folder)
    assert (kept / "below").is_dir()
    assert not folder.exists()


def test_a_folder_that_is_not_there_is_removed_already(tmp_path: Path) -> None:
    trees.remove_wholly(tmp_path / "gone")
