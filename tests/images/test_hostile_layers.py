"""Whatever strangers put into layers: nothing outside of the image is touched."""

from __future__ import annotations

import tarfile
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from choreo_local.images import merging
from choreo_local.images.failures import InvalidContent
from tests.images import builders
from tests.images.builders import layer, tree
from tests.images.test_layers import unpacked

# A name that leads upwards is refused whole, which other tests see to; links may point anywhere.
PART = st.sampled_from(["a", "b", ".", "", ".wh.a", ".wh.b", ".wh..wh..opq", "precious"])
NAME = st.lists(PART, min_size=1, max_size=4).map("/".join)
TARGET = st.one_of(
    NAME, NAME.map("/".__add__), st.sampled_from(["../../../precious", "/", "..", "OUTSIDE"])
)
KIND = st.sampled_from(
    [tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE]
)
ENTRY = st.tuples(NAME, KIND, TARGET, st.integers(0, 0o7777))
LAYER = st.lists(ENTRY, max_size=8)


def made(entries: list[tuple[str, bytes, str, int]], outside: Path) -> bytes:
    found = []
    for name, kind, target, mode in entries:
        data = b"data" if kind == tarfile.REGTYPE else b""
        link = str(outside) if target == "OUTSIDE" else target
        found.append(builders.entry(name, data, type=kind, linkname=link, mode=mode))
    return layer(*found)


@settings(max_examples=80, deadline=None)
@given(st.lists(LAYER, min_size=1, max_size=3))
def test_no_layer_leaves_its_image(layers: list[list[tuple[str, bytes, str, int]]]) -> None:
    with tempfile.TemporaryDirectory() as place:
        outside, inside = Path(place, "outside"), Path(place, "inside")
        for folder in (outside, inside, inside / "root"):
            folder.mkdir()
        for folder in (Path(place), outside):
            (folder / "precious").write_text("untouched")
        try:
            found = [
                unpacked(inside / str(number), made(entries, outside))
                for number, entries in enumerate(layers)
            ]
            merging.merge(inside / "root", found)
        except InvalidContent:
            pass
        assert tree(outside) == {"precious": "untouched"}
        assert sorted(path.name for path in Path(place).iterdir()) == [
            "inside",
            "outside",
            "precious",
        ]
        assert Path(place, "precious").read_text() == "untouched"
        assert (outside / "precious").stat().st_nlink == 1


def test_a_hard_link_in_the_place_of_its_targets_folder_is_refused(tmp_path: Path) -> None:
    lower = layer(builders.entry("a/b", b"1"))
    upper = layer(builders.hardlink("a", "a/b"))
    found = [unpacked(tmp_path / "0", lower), unpacked(tmp_path / "1", upper)]
    (tmp_path / "root").mkdir()
    with pytest.raises(InvalidContent, match="cannot be made"):
        merging.merge(tmp_path / "root", found)


def test_a_hard_link_that_lower_layers_lead_to_its_own_target_stays(tmp_path: Path) -> None:
    lower = layer(builders.entry("usr/lib/x", b"1"), builders.symlink("lib", "usr/lib"))
    upper = layer(builders.hardlink("lib/x", "usr/lib/x"))
    found = [unpacked(tmp_path / "0", lower), unpacked(tmp_path / "1", upper)]
    (tmp_path / "root").mkdir()
    merging.merge(tmp_path / "root", found)
    assert tree(tmp_path / "root")["usr/lib/x"] == "1"
