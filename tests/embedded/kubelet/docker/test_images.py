"""Images of registries in real engines: loaded from our own store, run as they are configured."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest

from choreo_local.embedded.kubelet.docker import leftovers
from choreo_local.embedded.kubelet.docker.sockets import EngineFacts
from choreo_local.embedded.kubelet.runtime import StartError
from choreo_local.images import archives
from choreo_local.images.library import ImageLibrary
from tests.embedded.kubelet.docker.engines import containers
from tests.images import builders
from tests.images.builders import entry, folder, layer, symlink

pytestmark = pytest.mark.timeout(180)

NAME = "registry.invalid/team/box:1"


def busybox() -> bytes:
    """A shell that needs nothing else; skips the test where there is none."""
    program = shutil.which("busybox")
    content = Path(program).read_bytes() if program else b""
    if not content or b"/lib64/ld-linux" in content or b"/lib/ld-musl" in content:
        pytest.skip("needs a busybox without libraries (package busybox-static)")
    return content


def library(
    place: Path, *, compression: str = "+gzip", config: dict[str, Any] | None = None
) -> ImageLibrary:
    """A store that holds one image with a shell, in two layers."""
    base = layer(
        folder("bin"),
        entry("bin/busybox", busybox(), mode=0o755),
        *(symlink(f"bin/{name}", "busybox") for name in ("sh", "id", "cat")),
        entry("etc/passwd", b"root:x:0:0::/root:/bin/sh\nweb:x:1234:1235::/srv:/bin/sh\n"),
        entry("srv/notes", b"hidden\n"),
    )
    upper = layer(entry("srv/notes", b"of the upper layer\n"))
    made = builders.image(base, upper, compression=compression, config=config)
    store = ImageLibrary(place / "store")
    layout = builders.oci_layout(place / "layout", made)
    archives.import_images(store, layout, name=NAME)
    return store


CONFIG = {
    "Entrypoint": ["/bin/sh", "-c"],
    "Cmd": ["id -u; id -g; pwd; cat notes; echo $COLOUR $HOME"],
    "Env": ["PATH=/bin", "COLOUR=green"],
    "User": "web",
    "WorkingDir": "/srv",
}


@pytest.mark.parametrize("compression", ["+gzip", "+zstd", ""])
async def test_an_image_runs_as_its_configuration_says(
    engine: EngineFacts, compression: str, tmp_path: Path
) -> None:
    store = library(tmp_path, compression=compression, config=CONFIG)
    async with containers(engine, tmp_path, library=store) as bench:
        image = bench.runtime.find_image(NAME)
        assert image is not None
        assert image.id.startswith("registry.invalid/team/box@sha256:")
        lines = await bench.run(image=NAME)
        assert lines == ["1234", "1235", "/srv", "of the upper layer", "green /srv"]


async def test_a_pod_says_otherwise_than_its_image(engine: EngineFacts, tmp_path: Path) -> None:
    store = library(tmp_path, config=CONFIG)
    async with containers(engine, tmp_path, library=store) as bench:
        lines = await bench.run(
            "id -u; pwd; echo $COLOUR",
            image=NAME,
            command=["sh", "-c"],
            security={"runAsUser": 77},
            working_folder="/tmp",
            environment={"COLOUR": "$red"},
        )
        assert lines == ["77", "/tmp", "$red"]


async def test_an_image_with_a_named_user_may_be_root(engine: EngineFacts, tmp_path: Path) -> None:
    store = library(tmp_path, config=CONFIG)
    async with containers(engine, tmp_path, library=store) as bench:
        with pytest.raises(StartError, match="non-numeric user") as caught:
            await bench.run(image=NAME, security={"runAsNonRoot": True})
        assert caught.value.reason == "CreateContainerConfigError"
        security = {"runAsNonRoot": True, "runAsUser": 1234}
        assert (await bench.run(image=NAME, security=security))[0] == "1234"


async def test_an_image_of_root_is_not_run_as_somebody_else(
    engine: EngineFacts, tmp_path: Path
) -> None:
    store = library(tmp_path, config=CONFIG | {"User": ""})
    async with containers(engine, tmp_path, library=store) as bench:
        with pytest.raises(StartError, match="image will run as root"):
            await bench.run(image=NAME, security={"runAsNonRoot": True})
        assert (await bench.run(image=NAME))[:2] == ["0", "0"]


async def test_an_image_is_loaded_once_and_goes_with_the_instance(
    engine: EngineFacts, tmp_path: Path
) -> None:
    store = library(tmp_path, config=CONFIG)
    async with containers(engine, tmp_path, library=store, instance_id="test-images") as bench:
        runs = (bench.run(image=NAME, uid=f"u{number}") for number in range(3))
        assert len({tuple(lines) for lines in await asyncio.gather(*runs)}) == 1
        names = leftovers.images(engine.socket, "test-images")
        assert len(names) == 2  # This one, and what holds networks.
    assert leftovers.images(engine.socket, "test-images") == []
