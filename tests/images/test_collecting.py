"""What is cleared away, and what never is."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from choreo_local import clock
from choreo_local.errors import RefusedError
from choreo_local.images import archives, collecting, locks, references
from choreo_local.images.library import ImageLibrary
from tests.images import builders
from tests.images.builders import MadeImage, entry, layer
from tests.images.registry.conftest import serving

SHARED = layer(entry("shared", b"1"))
ONE = builders.image(SHARED, layer(entry("one", b"1")))
TWO = builders.image(SHARED, layer(entry("two", b"2")))


@pytest.fixture
def library(tmp_path: Path) -> ImageLibrary:
    found = ImageLibrary(tmp_path / "images")
    for name, made in (("one", ONE), ("two", TWO)):
        archives.import_images(found, builders.oci_layout(tmp_path / name, made), name=f"{name}:1")
    return found


def contents(library: ImageLibrary) -> set[str]:
    return {str(digest) for digest, _ in library.content.all()}


def all_of(*made: MadeImage) -> set[str]:
    return {digest for found in made for digest in (found.digest, *found.blobs)}


async def use(library: ImageLibrary, name: str) -> None:
    stored = library.find(name)
    assert stored is not None
    (await library.unpack(stored)).root.release()


async def test_nothing_that_has_a_name_is_removed(library: ImageLibrary) -> None:
    await use(library, "one:1")
    found = collecting.prune(library, [])
    assert (found.names, found.contents) == ([], 0)
    assert contents(library) == all_of(ONE, TWO)
    assert library.find("one:1") is not None


async def test_what_lost_its_name_is_removed(library: ImageLibrary) -> None:
    await use(library, "one:1")
    await use(library, "two:1")
    library.names.remove(references.parse("one:1"))
    assert collecting.prune(library, [], dry_run=True).contents > 0
    assert contents(library) == all_of(ONE, TWO)
    found = collecting.prune(library, [])
    assert found.bytes > 0
    assert contents(library) == all_of(TWO)
    await use(library, "two:1")
    folders = [path for path in library.folders.layers.iterdir() if path.is_dir()]
    assert len(folders) == 2
    assert len([path for path in library.folders.roots.iterdir() if path.is_dir()]) == 1


async def test_all_images_are_removed_but_those_in_use(library: ImageLibrary) -> None:
    stored = library.find("one:1")
    assert stored is not None
    ready = await library.unpack(stored)
    found = collecting.prune(library, [], everything=True)
    assert found.names == ["docker.io/library/two:1"]
    assert builders.tree(ready.root.path) == {"one": "1", "shared": "1"}
    assert contents(library) == all_of(ONE)
    ready.root.release()
    assert collecting.prune(library, [], everything=True).names == ["docker.io/library/one:1"]
    assert contents(library) == set()
    assert list(library.folders.roots.iterdir()) == list(library.folders.layers.iterdir()) == []


async def test_the_layers_of_a_container_stay_when_its_image_has_lost_its_name(
    library: ImageLibrary,
) -> None:
    stored = library.find("one:1")
    assert stored is not None
    ready = await library.unpack(stored)
    for name in ("one:1", "two:1"):
        library.names.remove(references.parse(name))
    collecting.prune(library, [])
    found = [builders.tree(folder) for folder in ready.root.layers]
    assert found == [{"shared": "1"}, {"one": "1"}]
    ready.root.release()
    collecting.prune(library, [])
    assert list(library.folders.layers.iterdir()) == []


async def test_what_a_registry_holds_stays(tmp_path: Path) -> None:
    async with serving(tmp_path) as registry:
        await registry.push("a/b", "1", ONE)
        await registry.push_blob("a/b", b"its manifest comes later")
        await registry.push("c", "1", TWO)
        await registry.ask("DELETE", f"/v2/c/manifests/{TWO.digest}")
        for path in (registry.folder / "c/_blobs").iterdir():
            os.utime(path, (0, 0))
        collecting.prune(registry.library, [registry.folder], everything=True)
        later = builders.sha256(b"its manifest comes later")
        assert contents(registry.library) == {*all_of(ONE), later}
        assert (await registry.ask("GET", "/v2/a/b/manifests/1")).body == ONE.manifest


async def test_half_downloads_stay_for_a_day(library: ImageLibrary) -> None:
    old, new = library.folders.ingest / "old", library.folders.ingest / "new"
    for path in (old, new):
        path.write_bytes(b"part")
    yesterday = clock.unix() - 90_000
    os.utime(old, (yesterday, yesterday))
    collecting.prune(library, [])
    assert [path.name for path in library.folders.ingest.iterdir()] == ["new"]


async def test_it_does_not_begin_while_something_is_added(library: ImageLibrary) -> None:
    with locks.waited(library.folders.lock, shared=True), pytest.raises(RefusedError):
        collecting.prune(library, [])
    assert collecting.prune(library, []).contents == 0


# --- what instances do by themselves -------------------------------------------------------------


def pulled(library: ImageLibrary, name: str, *, used_at: float) -> None:
    """Have an image of an archive look like a pulled one that was used long ago."""
    (named,) = [one for one in library.all() if one.reference == f"docker.io/library/{name}:1"]
    library.names.put(dataclasses.replace(named, imported=False))
    file = next(
        path for path in library.folders.names.iterdir() if named.reference in path.read_text()
    )
    os.utime(file, (used_at, used_at))


def bounded(library: ImageLibrary, most_bytes: int) -> ImageLibrary:
    return ImageLibrary(library.folders.root, most_bytes=most_bytes)


def references_of(library: ImageLibrary) -> list[str]:
    return [named.reference.rpartition("/")[2] for named in library.all()]


async def test_below_its_bound_nothing_is_cleared_away(library: ImageLibrary) -> None:
    pulled(library, "one", used_at=0)
    size = collecting.stored_bytes(library)
    assert collecting.keep_within(bounded(library, size)).contents == 0
    assert collecting.keep_within(bounded(library, 0)).contents == 0
    assert references_of(library) == ["one:1", "two:1"]


async def test_what_was_used_least_lately_goes_first(library: ImageLibrary) -> None:
    for name in ("one", "two"):
        await use(library, name + ":1")
    pulled(library, "one", used_at=2000)
    pulled(library, "two", used_at=1000)
    size = collecting.stored_bytes(library)
    found = collecting.keep_within(bounded(library, size - 1))
    assert found.names == ["docker.io/library/two:1"]
    assert references_of(library) == ["one:1"]
    await use(library, "one:1")
    assert collecting.stored_bytes(library) < size


async def test_what_is_in_use_or_was_lately_or_imported_stays(library: ImageLibrary) -> None:
    stored = library.find("two:1")
    assert stored is not None
    ready = await library.unpack(stored)
    pulled(library, "two", used_at=1000)
    assert collecting.keep_within(bounded(library, 1)).names == []
    pulled(library, "one", used_at=clock.unix() - 100)
    assert collecting.keep_within(bounded(library, 1)).names == []
    assert collecting.keep_within(bounded(library, 1), idle_seconds=50).names == [
        "docker.io/library/one:1"
    ]
    assert builders.tree(ready.root.path) == {"two": "2", "shared": "1"}
    ready.root.release()


async def test_without_need_no_name_is_forgotten(library: ImageLibrary) -> None:
    pulled(library, "one", used_at=1000)
    pulled(library, "two", used_at=1000)
    size = collecting.stored_bytes(library)
    library.content.put(b"nobody's" * size)
    found = collecting.keep_within(bounded(library, 2 * size))
    assert (found.names, found.contents) == ([], 1)


async def test_it_leaves_a_busy_store_alone(library: ImageLibrary) -> None:
    pulled(library, "one", used_at=0)
    with locks.waited(library.folders.lock, shared=True):
        assert collecting.keep_within(bounded(library, 1)).contents == 0


async def test_the_size_of_an_image_is_all_that_it_takes(library: ImageLibrary) -> None:
    (one, _) = library.all()
    packed = sum(map(len, ONE.blobs.values()))
    assert collecting.bytes_of(library, one) == packed
    await use(library, "one:1")
    assert collecting.bytes_of(library, one) == packed + 2


def test_without_a_store_there_is_nothing_to_do(tmp_path: Path) -> None:
    library = ImageLibrary(tmp_path / "none")
    assert collecting.prune(library, []).contents == 0
    assert not (tmp_path / "none").exists()
