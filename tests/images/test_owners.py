"""Files of images that belong to whom their image says."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from pathlib import Path

import pytest

from choreo_local.images import layers, merging, owners
from choreo_local.images.layers import LayerNotes, LayerUnpacker, UnpackLimits
from choreo_local.images.merging import UnpackedLayer
from tests.images.builders import entry, folder, hardlink, layer, symlink


def _unpacked(place: Path, data: bytes) -> UnpackedLayer:
    place.mkdir()
    stream = layers.open_layer(io.BytesIO(data), "", hasher=hashlib.sha256(), limit=1 << 20)
    unpacker = LayerUnpacker(place, UnpackLimits(), keeps_owners=True)
    return UnpackedLayer(place, unpacker.unpack(stream))


def _owners(root: Path) -> dict[str, tuple[int, int]]:
    return {
        each.relative_to(root).as_posix(): (each.lstat().st_uid, each.lstat().st_gid)
        for each in (root, *root.rglob("*"))
    }


def test_numbers_that_containers_do_not_have_are_roots() -> None:
    assert owners.of(entry("a", uid=33, gid=65535)[0]) == (33, 65535)
    assert owners.of(entry("a", uid=-1, gid=1 << 40)[0]) == (0, 0)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_owners_outlive_merging(tmp_path: Path) -> None:
    lower = layer(
        folder("./", uid=1, gid=2),
        folder("data", uid=33, gid=34, mode=0o700),
        entry("data/file", b"1", uid=33, gid=34),
        hardlink("data/again", "data/file"),
        entry("pipe", type=tarfile.FIFOTYPE, uid=5, gid=5),
        entry("passed/file", b"1", uid=7),
    )
    link = symlink("link", "data")
    link[0].uid = 9
    upper = layer(entry("data/other", b"2", uid=70, gid=70), folder("passed", uid=8), link)
    root = tmp_path / "root"
    root.mkdir()
    found = [_unpacked(tmp_path / str(each), data) for each, data in enumerate((lower, upper))]
    merging.merge(root, found)
    assert _owners(root) == {
        ".": (1, 2),
        "data": (33, 34),
        "data/file": (33, 34),
        "data/again": (33, 34),
        "data/other": (70, 70),
        "pipe": (5, 5),
        "passed": (8, 0),
        "passed/file": (7, 0),
        "link": (9, 0),
    }
    assert (root / "data").stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_that_is_copied_keeps_its_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_arguments: object, **_options: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", refused)
    root = tmp_path / "root"
    root.mkdir()
    merging.merge(root, [_unpacked(tmp_path / "0", layer(entry("file", b"1", uid=33)))])
    assert _owners(root)["file"] == (33, 0)


def test_notes_of_before_say_nothing_of_owners() -> None:
    notes = LayerNotes(keeps_owners=True)
    kept = notes.to_json()
    assert LayerNotes.from_json(kept) == notes
    del kept["keepsOwners"]
    assert not LayerNotes.from_json(kept).keeps_owners
