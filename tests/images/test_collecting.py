"""What is cleared away, and what never is."""

from __future__ import annotations

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


def test_without_a_store_there_is_nothing_to_do(tmp_path: Path) -> None:
    library = ImageLibrary(tmp_path / "none")
    assert collecting.prune(library, []).contents == 0
    assert not (tmp_path / "none").exists()
