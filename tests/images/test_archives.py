"""Import of what docker, podman and skopeo write."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import io
import json
import shutil
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from choreo_local.errors import ChoreoError, UsageError
from choreo_local.images import archives, digests
from choreo_local.images.failures import Corrupted, ImageFailure
from choreo_local.images.library import ImageLibrary
from tests.images import builders
from tests.images.builders import entry, layer

LAYERS = (layer(entry("a", b"1")), layer(entry("b", b"2")))
MADE = builders.image(*LAYERS)


@pytest.fixture
def library(tmp_path: Path) -> ImageLibrary:
    return ImageLibrary(tmp_path / "store")


async def unpacked(library: ImageLibrary, reference: str) -> Mapping[str, str]:
    stored = library.find(reference)
    assert stored is not None
    ready = await library.unpack(stored)
    ready.root.release()
    return builders.tree(ready.root.path)


@pytest.mark.parametrize("compressed", [False, True])
async def test_an_archive_of_docker(
    tmp_path: Path, library: ImageLibrary, *, compressed: bool
) -> None:
    tags = ["one:1", "registry.test/one:2"]
    file = builders.docker_archive(tmp_path / "a.tar", [(MADE.config, LAYERS, tags)])
    if compressed:
        file.write_bytes(gzip.compress(file.read_bytes()))
    found = archives.import_images(library, file)
    names = ["docker.io/library/one:1", "registry.test/one:2"]
    assert [named.reference for named in found] == names
    assert await unpacked(library, "one:1") == {"a": "1", "b": "2"}
    assert [named.reference for named in library.all()] == names


async def test_the_same_image_has_the_same_digest(tmp_path: Path, library: ImageLibrary) -> None:
    made = [(MADE.config, LAYERS, ["one:1"]), (MADE.config, LAYERS, ["two:1"])]
    file = builders.docker_archive(tmp_path / "a.tar", made)
    one, two = archives.import_images(library, file)
    assert one.digest == two.digest


async def test_layers_of_old_archives_are_links(tmp_path: Path, library: ImageLibrary) -> None:
    file = tmp_path / "old.tar"
    with tarfile.open(file, "w") as archive:

        def add(name: str, data: bytes = b"", link: str = "") -> None:
            info = tarfile.TarInfo(name)
            info.type = tarfile.SYMTYPE if link else tarfile.REGTYPE
            info.linkname, info.size = link, len(data)
            archive.addfile(info, io.BytesIO(data))

        add("x/layer.tar", LAYERS[0])
        add("y/layer.tar", LAYERS[1])
        add("z/layer.tar", link="../x/layer.tar")
        add("c.json", MADE.config)
        listed = [{"Config": "c.json", "Layers": ["z/layer.tar", "y/layer.tar"]}]
        add("manifest.json", json.dumps(listed).encode())
    archives.import_images(library, file, name="old:1")
    assert await unpacked(library, "old:1") == {"a": "1", "b": "2"}


@pytest.mark.parametrize("packed", [False, True])
async def test_an_oci_layout(tmp_path: Path, library: ImageLibrary, *, packed: bool) -> None:
    path = builders.oci_layout(
        tmp_path / "layout", MADE, {"org.opencontainers.image.ref.name": "quay.io/a/b:3"}
    )
    if packed:
        with tarfile.open(tmp_path / "layout.tar", "w") as archive:
            archive.add(path, ".")
        path = tmp_path / "layout.tar"
    (named,) = archives.import_images(library, path)
    assert (named.reference, str(named.digest)) == ("quay.io/a/b:3", MADE.digest)
    assert await unpacked(library, "quay.io/a/b:3") == {"a": "1", "b": "2"}


def test_an_image_without_a_name_gets_one(tmp_path: Path, library: ImageLibrary) -> None:
    annotations = {"org.opencontainers.image.ref.name": "latest"}
    path = builders.oci_layout(tmp_path / "layout", MADE, annotations)
    with pytest.raises(UsageError, match="has no name") as caught:
        archives.import_images(library, path)
    assert "--name" in caught.value.remedy
    (named,) = archives.import_images(library, path, name="given:1")
    assert named.reference == "docker.io/library/given:1"


def test_what_is_no_archive_is_said(tmp_path: Path, library: ImageLibrary) -> None:
    text, other, empty = tmp_path / "text", tmp_path / "other.tar", tmp_path / "empty"
    text.write_text("no archive" * 100)
    other.write_bytes(layer(entry("a")))
    empty.mkdir()
    for path in (text, other, empty, tmp_path / "missing"):
        with pytest.raises(UsageError):
            archives.import_images(library, path)
    assert library.all() == []


def test_a_damaged_layout_is_refused(tmp_path: Path, library: ImageLibrary) -> None:
    path = builders.oci_layout(tmp_path / "layout", MADE)
    blob = path / "blobs/sha256" / builders.sha256(MADE.layers[0])[7:]
    blob.write_bytes(b"damaged")
    with pytest.raises(Corrupted, match="unexpected digest in the archive"):
        archives.import_images(library, path, name="a:1")
    assert library.all() == []
    assert list(library.folders.ingest.iterdir()) == []


def test_a_layout_leads_nowhere_else(tmp_path: Path, library: ImageLibrary) -> None:
    path = builders.oci_layout(tmp_path / "layout", MADE)
    secret = tmp_path / "secret"
    secret.write_bytes(MADE.layers[0])
    blob = path / "blobs/sha256" / builders.sha256(MADE.layers[0])[7:]
    blob.unlink()
    blob.symlink_to(secret)
    with pytest.raises(ImageFailure, match="leads out of its folder"):
        archives.import_images(library, path, name="a:1")


@pytest.mark.parametrize(
    "listed",
    [b"{", b"{}x", b"[1]", b'[{"Config": "../../etc/passwd", "Layers": []}]', b'[{"Layers": []}]'],
)
def test_a_malformed_archive_is_refused(
    tmp_path: Path, library: ImageLibrary, listed: bytes
) -> None:
    file = tmp_path / "a.tar"
    file.write_bytes(layer(entry("manifest.json", listed)))
    with pytest.raises(ChoreoError):
        archives.import_images(library, file, name="a:1")


@pytest.mark.skipif(shutil.which("skopeo") is None, reason="skopeo is not installed")
@pytest.mark.parametrize("form", ["docker-archive", "oci-archive", "oci"])
async def test_what_skopeo_writes(tmp_path: Path, library: ImageLibrary, form: str) -> None:
    source = builders.oci_layout(tmp_path / "source", MADE)
    target = f"{form}:{tmp_path}/out:docker.io/library/made:1"
    command = ["skopeo", "--insecure-policy", "copy", "-q", f"oci:{source}", target]
    await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)
    name = "made:1"
    archives.import_images(library, tmp_path / "out", name=name)
    assert await unpacked(library, name) == {"a": "1", "b": "2"}


async def test_the_manifest_of_a_layout_is_checked_whatever_its_digest(
    tmp_path: Path, library: ImageLibrary
) -> None:
    root = builders.oci_layout(tmp_path / "layout", MADE)
    other = hashlib.sha512(b"another manifest").hexdigest()
    (root / "blobs/sha512").mkdir()
    (root / "blobs/sha512" / other).write_bytes(MADE.manifest)
    index = json.loads((root / "index.json").read_text())
    index["manifests"][0]["digest"] = f"sha512:{other}"
    (root / "index.json").write_text(json.dumps(index))
    with pytest.raises(Corrupted, match="unexpected digest"):
        archives.import_images(library, root, name="wrong:1")
    assert not library.content.has(digests.parse(f"sha512:{other}"))
