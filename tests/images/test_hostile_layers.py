"""Whatever strangers put into layers: nothing outside of the image is touched."""

from __future__ import annotations

import tarfile
import tempfile
from pathlib import Path

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
