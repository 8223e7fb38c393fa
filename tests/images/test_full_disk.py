"""A disk that is full: said, nothing half done, and mended by room."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from choreo_local.embedded.kubelet.realimages import RealImages
from choreo_local.images import archives, digests
from choreo_local.images.client import Patience
from choreo_local.images.failures import NoSpace
from choreo_local.images.library import ImageLibrary
from tests.images import builders
from tests.images.builders import entry, layer
from tests.images.registry.conftest import serving
from tests.images.strangers import serving as strangers_serving

MADE = builders.image(layer(entry("big", os.urandom(1 << 20))), compression="")
SMALL = builders.image(layer(entry("small", b"1")), compression="")


def mount(*words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(words, capture_output=True, check=False)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of four megabytes, most of which is taken."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("needs root on Linux, to mount a small file system")
    place = tmp_path / "disk"
    place.mkdir()
    if mount("mount", "-t", "tmpfs", "-o", "size=4m", "none", str(place)).returncode:
        pytest.skip("this machine does not let file systems be mounted")
    (place / "ballast").write_bytes(bytes(3_300_000))
    yield place
    mount("umount", "-l", str(place))


async def test_a_pull_says_so_and_succeeds_later(disk: Path) -> None:
    library = ImageLibrary(disk / "images", patience=Patience(attempts=1))
    async with strangers_serving() as stranger:
        stranger.add(MADE, "big")
        stranger.add(SMALL, "small")
        with pytest.raises(NoSpace, match="no space left on device") as caught:
            await library.pull(f"{stranger.host}/a/b:big")
        assert "choreo image prune" in caught.value.remedy
        assert library.find(f"{stranger.host}/a/b:big") is None
        (disk / "ballast").unlink()
        assert await library.pull(f"{stranger.host}/a/b:big")


async def test_nothing_of_a_download_that_filled_the_disk_stays(disk: Path) -> None:
    library = ImageLibrary(disk / "images")
    library.folders.prepare()
    ingest = await library.content.receive(digests.of(b"never whole"))
    room = shutil.disk_usage(disk).free
    with pytest.raises(NoSpace):
        ingest.write(os.urandom(room + (1 << 20)))
    ingest.close()
    assert list(library.folders.ingest.iterdir()) == []


async def test_what_no_image_needs_makes_room_by_itself(disk: Path) -> None:
    library = ImageLibrary(disk / "images", patience=Patience(attempts=1))
    (disk / "ballast").write_bytes(bytes(1_000_000))
    library.folders.prepare()
    library.content.put(bytes(1_500_000))
    images = RealImages(library)
    async with strangers_serving() as stranger:
        stranger.add(MADE, "1")
        await images.pull(f"{stranger.host}/a/b:1", [])
        assert len(library.all()) == 1
    images.release()


async def test_unpacking_says_so_and_leaves_nothing(disk: Path, tmp_path: Path) -> None:
    library = ImageLibrary(disk / "images")
    (disk / "ballast").write_bytes(b"")
    layout = builders.oci_layout(tmp_path / "layout", MADE)
    archives.import_images(library, layout, name="big:1")
    (disk / "ballast").write_bytes(bytes(2_500_000))
    stored = library.find("big:1")
    assert stored is not None
    with pytest.raises(NoSpace):
        await library.unpack(stored)
    left = [path for path in library.folders.layers.iterdir() if path.is_dir()]
    assert left == []
    (disk / "ballast").unlink()
    ready = await library.unpack(stored)
    assert (ready.root.path / "big").stat().st_size == 1 << 20
    ready.root.release()


async def test_a_push_is_refused_and_others_go_on(disk: Path) -> None:
    async with serving(disk) as registry:
        data = MADE.layers[0]
        path = f"/v2/a/b/blobs/uploads/?digest={builders.sha256(data)}"
        found = await registry.ask("POST", path, data)
        assert (found.status, found.code) == (507, "UNKNOWN")
        assert "no space left on device" in found.json["errors"][0]["message"]
        await registry.push("a/b", "small", SMALL)
        assert (await registry.ask("GET", "/v2/a/b/manifests/small")).status == 200
        (disk / "ballast").unlink()
        await registry.push("a/b", "big", MADE)


def test_an_import_says_so(disk: Path, tmp_path: Path) -> None:
    library = ImageLibrary(disk / "images")
    layout = builders.oci_layout(tmp_path / "layout", MADE)
    with pytest.raises(NoSpace):
        archives.import_images(library, layout, name="big:1")
    assert library.all() == []
    assert list(library.folders.ingest.iterdir()) == []
