"""Archives for engines, read back with Python's own tarfile."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

from choreo_local.embedded.kubelet.docker import archives
from choreo_local.embedded.kubelet.docker.archives import Layer, MadeImage
from choreo_local.images.digests import of


def whole(name: str, config: bytes, layers: list[Layer]) -> tarfile.TarFile:
    parts = archives.parts(name, config, layers)
    content = b"".join(part if isinstance(part, bytes) else part.read_bytes() for part in parts)
    return tarfile.open(fileobj=io.BytesIO(content))


def read(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    assert file is not None
    return file.read()


def test_an_archive_lists_its_image_and_holds_each_layer_once(tmp_path: Path) -> None:
    file = tmp_path / "layer"
    file.write_bytes(b"x" * 700)
    twice = Layer("two.tar", 700, file)
    archive = whole("a/b:1", b"{}", [Layer("one.tar", 3, b"abc"), twice, twice])
    (listed,) = json.loads(read(archive, "manifest.json"))
    assert listed["RepoTags"] == ["a/b:1"]
    assert listed["Layers"] == ["one.tar", "two.tar", "two.tar"]
    assert listed["Config"] == f"{of(b'{}').hex}.json"
    assert read(archive, listed["Config"]) == b"{}"
    assert read(archive, "one.tar") == b"abc"
    assert read(archive, "two.tar") == b"x" * 700
    assert len(archive.getnames()) == 4


def made(**links: str) -> MadeImage:
    return archives.machine_image(links)


def test_the_image_of_the_machine_has_links_and_no_programs() -> None:
    found = made(bin="usr/bin")
    config = json.loads(found.config)
    assert isinstance(found.layer.content, bytes)
    assert config["rootfs"]["diff_ids"] == [str(of(found.layer.content))]
    with tarfile.open(fileobj=io.BytesIO(found.layer.content)) as layer:
        assert layer.getmember("bin").linkname == "usr/bin"
        assert layer.getmember("tmp").mode == 0o1777
        assert [each.name for each in layer if each.isreg()] == ["etc/nsswitch.conf"]


def test_the_same_machine_has_the_same_image() -> None:
    assert made(bin="usr/bin").digest == made(bin="usr/bin").digest
    assert made(bin="usr/bin").digest != made().digest
