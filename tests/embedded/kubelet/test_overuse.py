from __future__ import annotations

import os
from pathlib import Path

from choreo_local.embedded.kubelet import overuse

KILOBYTE = 1024


def test_files_of_all_folders_count_together(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    (deep / "one").write_bytes(b"x" * 40 * KILOBYTE)
    (tmp_path / "two").write_bytes(b"x" * 40 * KILOBYTE)
    assert overuse.hold_more([tmp_path], 60 * KILOBYTE)
    assert not overuse.hold_more([tmp_path], 200 * KILOBYTE)


def test_several_folders_count_together(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "two", "absent")]
    for folder in folders[:2]:
        folder.mkdir()
        (folder / "file").write_bytes(b"x" * 40 * KILOBYTE)
    assert overuse.hold_more(folders, 60 * KILOBYTE)
    assert not overuse.hold_more(folders[:1], 60 * KILOBYTE)


def test_what_takes_no_place_does_not_count(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * 40 * KILOBYTE)
    for number in range(10):
        os.link(file, tmp_path / f"link-{number}")
    with (tmp_path / "sparse").open("wb") as sparse:
        sparse.truncate(1_000_000_000)
    (tmp_path / "outside").symlink_to("/usr")
    assert not overuse.hold_more([tmp_path], 100 * KILOBYTE)


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert not overuse.hold_more([tmp_path / "gone"], 0)


def test_folders_may_be_nested_deeply(tmp_path: Path) -> None:
    path = str(tmp_path)
    made = []
    for _ in range(1500):
        path += "/d"
        os.mkdir(path)
        made.append(path)
    file = f"{path}/file"
    with open(file, "wb") as target:
        target.write(b"x" * 40 * KILOBYTE)
    assert overuse.hold_more([tmp_path], 10 * KILOBYTE)
    # What removes temporary folders recurses, too.
    os.unlink(file)
    for folder in reversed(made):
        os.rmdir(folder)
