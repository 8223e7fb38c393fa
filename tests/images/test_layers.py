"""Unpacking and merging of layers, kind and hostile ones."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import tarfile
from pathlib import Path

import pytest

from choreo_local.images import layers, merging
from choreo_local.images.failures import InvalidContent
from choreo_local.images.layers import LayerUnpacker, UnpackLimits
from choreo_local.images.merging import UnpackedLayer
from tests.images.builders import entry, folder, hardlink, layer, symlink, tree


def unpacked(place: Path, data: bytes, limits: UnpackLimits | None = None) -> UnpackedLayer:
    limits = limits or UnpackLimits()
    place.mkdir()
    stream = layers.open_layer(io.BytesIO(data), "", hasher=hashlib.sha256(), limit=limits.bytes)
    return UnpackedLayer(place, LayerUnpacker(place, limits).unpack(stream))


def merged(place: Path, *contents: bytes) -> dict[str, str]:
    root = place / "root"
    root.mkdir()
    found = [unpacked(place / str(number), data) for number, data in enumerate(contents)]
    merging.merge(root, found)
    return tree(root)


def test_files_folders_and_links_are_made(tmp_path: Path) -> None:
    content = layer(
        folder("./"),
        folder("./bin", mode=0o751),
        entry("./bin/tool", b"#!", mode=0o755, mtime=1_000_000_000),
        hardlink("./bin/again", "bin/tool"),
        symlink("./sh", "/bin/tool"),
        entry("deep/down/file", b"x"),
        entry("pipe", type=tarfile.FIFOTYPE),
    )
    assert merged(tmp_path, content) == {
        "bin": "/",
        "bin/again": "#!",
        "bin/tool": "#!",
        "deep": "/",
        "deep/down": "/",
        "deep/down/file": "x",
        "pipe": "?",
        "sh": "-> /bin/tool",
    }
    tool, again = tmp_path / "root/bin/tool", tmp_path / "root/bin/again"
    assert tool.stat().st_ino == again.stat().st_ino
    assert stat.S_IMODE(tool.stat().st_mode) == 0o755
    assert tool.stat().st_mtime == 1_000_000_000
    assert stat.S_IMODE((tmp_path / "root/bin").stat().st_mode) == 0o751


def test_bits_that_lend_rights_are_dropped(tmp_path: Path) -> None:
    merged(tmp_path, layer(entry("su", mode=0o6755), folder("tmp", mode=0o1777)))
    assert stat.S_IMODE((tmp_path / "root/su").stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "root/tmp").stat().st_mode) == 0o1777


def test_device_nodes_are_left_out(tmp_path: Path) -> None:
    device = entry("dev/sda", type=tarfile.BLKTYPE, devmajor=8, devminor=0)
    found = unpacked(tmp_path / "a", layer(device, entry("x")))
    assert found.notes.devices == 1
    assert tree(tmp_path / "a") == {"dev": "/", "x": ""}


def test_a_higher_layer_hides_and_replaces(tmp_path: Path) -> None:
    lower = layer(
        entry("etc/old", b"1"),
        entry("etc/kept", b"1"),
        entry("etc/changed", b"1"),
        entry("cache/a", b"1"),
        entry("cache/b", b"1"),
        entry("file", b"1"),
        folder("tree"),
        entry("tree/leaf", b"1"),
    )
    upper = layer(
        entry("etc/.wh.old"),
        entry("etc/changed", b"2"),
        entry("cache/.wh..wh..opq"),
        entry("cache/c", b"2"),
        folder("file"),
        entry("tree", b"2"),
        entry(".wh..wh.aufs", b"ignored"),
    )
    assert merged(tmp_path, lower, upper) == {
        "cache": "/",
        "cache/c": "2",
        "etc": "/",
        "etc/changed": "2",
        "etc/kept": "1",
        "file": "/",
        "tree": "2",
    }


def test_a_layer_writes_through_a_link_of_a_lower_one(tmp_path: Path) -> None:
    lower = layer(folder("usr/lib"), entry("usr/lib/a", b"1"), symlink("lib", "usr/lib"))
    through = layer(entry("lib/b", b"2"), entry("lib/.wh.a"))
    assert merged(tmp_path, lower, through) == {
        "lib": "-> usr/lib",
        "usr": "/",
        "usr/lib": "/",
        "usr/lib/b": "2",
    }


def test_a_folder_of_a_layer_replaces_a_link(tmp_path: Path) -> None:
    lower = layer(folder("usr/lib"), symlink("lib", "usr/lib"))
    assert merged(tmp_path, lower, layer(folder("lib"), entry("lib/b", b"2"))) == {
        "lib": "/",
        "lib/b": "2",
        "usr": "/",
        "usr/lib": "/",
    }


def test_a_hard_link_reaches_into_a_lower_layer(tmp_path: Path) -> None:
    found = merged(
        tmp_path,
        layer(entry("a/one", b"1"), folder("b")),
        layer(hardlink("b/two", "a/one"), hardlink("b/none", "not/there")),
    )
    assert found == {"a": "/", "a/one": "1", "b": "/", "b/two": "1"}
    one, two = tmp_path / "root/a/one", tmp_path / "root/b/two"
    assert one.stat().st_ino == two.stat().st_ino


def test_the_mode_of_the_root_is_the_last_word_of_a_layer(tmp_path: Path) -> None:
    merged(tmp_path, layer(folder("./", mode=0o700)), layer(entry("x")))
    assert stat.S_IMODE((tmp_path / "root").stat().st_mode) == 0o700


def test_images_share_the_files_of_their_layers(tmp_path: Path) -> None:
    merged(tmp_path, layer(entry("a", b"1")))
    assert (tmp_path / "root/a").stat().st_ino == (tmp_path / "0/a").stat().st_ino


OUTSIDE = [
    [entry("../evil", b"x")],
    [entry("a/../../evil", b"x")],
    [folder("..")],
    [hardlink("a", "../evil")],
    [hardlink("a", "../../../../etc/passwd")],
    [entry("../.wh.evil")],
    [entry(".wh..")],
    [entry("/".join("d" * 300), b"x")],
    [entry("n" * 300, b"x")],
    [folder("a"), hardlink("b", "a")],
    [hardlink("b", "/")],
]


@pytest.mark.parametrize("entries", OUTSIDE, ids=range(len(OUTSIDE)))
def test_a_layer_that_leads_out_is_refused(
    tmp_path: Path, entries: list[tuple[tarfile.TarInfo, bytes]]
) -> None:
    (tmp_path / "evil").write_text("untouched")
    with pytest.raises(InvalidContent):
        unpacked(tmp_path / "a", layer(*entries))
    assert (tmp_path / "evil").read_text() == "untouched"


@pytest.mark.parametrize("target", ["{outside}", "..", "../..", "/"])
def test_links_are_followed_inside_only(tmp_path: Path, target: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    link = symlink("door", target.format(outside=outside))
    root = merged(tmp_path, layer(link, entry("door/evil", b"x")))
    assert tree(outside) == {}
    assert not (tmp_path / "evil").exists()
    assert "x" in root.values()


def test_links_of_lower_layers_are_followed_inside_only(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("untouched")
    lower = layer(symlink("door", str(outside)), symlink("door2", "../../.."))
    upper = layer(
        entry("door/evil", b"x"),
        entry("door/.wh.precious"),
        entry("door2/evil2", b"y"),
        hardlink("door/linked", "door/evil"),
    )
    merged(tmp_path, lower, upper)
    assert tree(outside) == {"precious": "untouched"}


def test_a_link_in_a_circle_ends(tmp_path: Path) -> None:
    with pytest.raises(InvalidContent, match="too many links"):
        unpacked(tmp_path / "a", layer(symlink("x", "y"), symlink("y", "x"), entry("x/z", b"")))


def test_a_file_replaces_a_link_and_does_not_write_through_it(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("untouched")
    link = symlink("a", str(tmp_path / "precious"))
    unpacked(tmp_path / "x", layer(link, entry("a", b"new")))
    assert tree(tmp_path / "x") == {"a": "new"}
    assert (tmp_path / "precious").read_text() == "untouched"


def test_too_many_entries_are_refused(tmp_path: Path) -> None:
    content = layer(*(entry(f"f{number}") for number in range(20)))
    with pytest.raises(InvalidContent, match="more than 10 entries"):
        unpacked(tmp_path / "a", content, UnpackLimits(entries=10))


def test_a_sparse_file_is_counted_by_what_it_unpacks_to(tmp_path: Path) -> None:
    sparse = tmp_path / "sparse"
    with sparse.open("wb") as file:
        file.truncate(64 << 20)
    info, _ = entry("big")
    info.pax_headers = {
        "GNU.sparse.major": "0",
        "GNU.sparse.minor": "1",
        "GNU.sparse.size": str(64 << 20),
        "GNU.sparse.map": f"{(64 << 20) - 1},1",
        "GNU.sparse.name": "big",
    }
    with pytest.raises(InvalidContent, match="larger than"):
        unpacked(tmp_path / "a", layer((info, b"")), UnpackLimits(bytes=1 << 20))


def test_what_is_empty_of_a_file_takes_no_place(tmp_path: Path) -> None:
    data = b"begin" + bytes(8 << 20) + b"middle" + bytes(8 << 20)
    unpacked(tmp_path / "a", layer(entry("big", data)))
    file = tmp_path / "a/big"
    assert file.read_bytes() == data
    assert file.stat().st_blocks * 512 < 4 << 20


@pytest.mark.parametrize("size", ["-1", "-512", str(1 << 62), "x"])
def test_a_size_that_cannot_be_does_no_harm(tmp_path: Path, size: str) -> None:
    info, _ = entry("a")
    info.pax_headers = {"size": size}
    content = layer((info, b""), entry("b", b"1"))
    try:
        found = tree(unpacked(tmp_path / "a", content).folder)
    except InvalidContent:
        return
    # Where the reader of archives takes it for nonsense, nothing of the next entry is lost.
    assert found == {"a": "", "b": "1"}


@pytest.mark.parametrize("length", [0, 100, 511, 700, 1300])
def test_whatever_is_no_archive_is_refused(tmp_path: Path, length: int) -> None:
    data = (layer(entry("a", b"x" * 600)) if length > 512 else os.urandom(512))[:length]
    with pytest.raises(InvalidContent):
        unpacked(tmp_path / "a", data or b"not an archive")
