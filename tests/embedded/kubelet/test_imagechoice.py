"""Which image runs for a reference, and how failures to get one are worded."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from choreo_local.embedded.kubelet import imagedefaults
from choreo_local.embedded.kubelet.hostimages import Catalogue, HostImage
from choreo_local.embedded.kubelet.imagechoice import ImageChoice
from choreo_local.embedded.kubelet.realimages import RealImages
from choreo_local.embedded.kubelet.runtime import (
    ContainerRequest,
    Image,
    ImageError,
    PodRequest,
    StartError,
)
from choreo_local.images import archives
from choreo_local.images.client import Patience
from choreo_local.images.credentials import Credential
from choreo_local.images.library import ImageLibrary
from tests.embedded.kubelet.processes import IMAGES, Output
from tests.images import builders
from tests.images.builders import entry, layer
from tests.images.strangers import Stranger, serving

CONFIG = {
    "Entrypoint": ["/bin/app", "$(HOME)"],
    "Cmd": ["serve"],
    "User": "1000:2000",
    "WorkingDir": "/srv",
    "StopSignal": "SIGQUIT",
    "Env": ["A=1"],
}
MADE = builders.image(layer(entry("bin/app", b"#!", mode=0o755)), config=CONFIG)


@pytest.fixture
def library(tmp_path: Path) -> ImageLibrary:
    return ImageLibrary(tmp_path / "images", patience=Patience(attempts=1))


@pytest.fixture
def choice(library: ImageLibrary) -> ImageChoice:
    return ImageChoice(Catalogue.of_folders([IMAGES]), lambda: RealImages(library))


@pytest.fixture
async def stranger() -> AsyncIterator[Stranger]:
    async with serving() as found:
        found.add(MADE)
        yield found


def bring(library: ImageLibrary, folder: Path, name: str) -> None:
    archives.import_images(library, builders.oci_layout(folder / "layout", MADE), name=name)


async def test_a_host_image_of_that_name_comes_first(
    choice: ImageChoice, library: ImageLibrary, tmp_path: Path
) -> None:
    bring(library, tmp_path, "test.local/tester:1")
    found = choice.find("test.local/tester:1")
    assert found is not None
    assert not found.is_real
    assert await choice.pull("test.local/tester:1", []) == found


def test_only_who_wants_a_real_image_loads_what_it_takes() -> None:
    def fail() -> RealImages:
        raise AssertionError("nobody asked for one")

    choice = ImageChoice(Catalogue.of_folders([IMAGES]), fail)
    assert choice.find("test.local/tester:1") is not None
    assert [image.reference for image in choice.all()] == ["test.local/tester"]
    choice.release()


async def test_what_somebody_brought_comes_before_a_stand_in(
    choice: ImageChoice, library: ImageLibrary, tmp_path: Path
) -> None:
    stand_in = choice.find("example.com/real:2.1")
    assert stand_in is not None
    assert stand_in.stands_in == "a stand-in for tests"
    assert await choice.pull("example.com/real:2.1", []) == stand_in
    bring(library, tmp_path, "example.com/real:2.1")
    found = choice.find("example.com/real:2.1")
    assert found is not None
    assert (found.is_real, found.stands_in) == (True, "")
    assert found.id == f"example.com/real@{MADE.digest}"


async def test_everything_else_is_pulled(choice: ImageChoice, stranger: Stranger) -> None:
    name = f"{stranger.host}/a/b:1"
    assert choice.find(name) is None
    image = await choice.pull(name, [])
    assert (image.is_real, image.id) == (True, f"{stranger.host}/a/b@{MADE.digest}")
    assert choice.find(name) == image
    assert image in choice.all()
    runnable = await choice.runnable(image)
    assert (runnable.entrypoint, runnable.arguments) == (["/bin/app", "$$(HOME)"], ["serve"])
    assert (runnable.user, runnable.working_folder) == ((1000, 2000), "/srv")
    assert runnable.stop_signal.name == "SIGQUIT"
    assert runnable.environment == {"HOME": "/", "A": "1"}
    assert [builders.tree(found) for found in runnable.layers] == [{"bin": "/", "bin/app": "#!"}]
    choice.release()


async def test_failures_are_worded_as_containerd_does(
    choice: ImageChoice, stranger: Stranger
) -> None:
    name = f"{stranger.host}/a/b:none"
    with pytest.raises(ImageError) as caught:
        await choice.pull(name, [])
    assert caught.value.reason == "ErrImagePull"
    assert caught.value.message == (
        f'rpc error: code = NotFound desc = failed to pull and unpack image "{name}": '
        f'failed to resolve reference "{name}": {name}: not found'
    )
    stranger.passwords = {"ada": "right"}
    with pytest.raises(ImageError, match="pull access denied, repository does not exist or may"):
        await choice.pull(f"{stranger.host}/a/b:1", [])
    assert await choice.pull(f"{stranger.host}/a/b:1", [Credential(stranger.host, "ada", "right")])
    choice.release()


async def test_without_sandboxes_only_host_images_run(
    library: ImageLibrary, tmp_path: Path
) -> None:
    bring(library, tmp_path, "registry.test/a:1")
    choice = ImageChoice(Catalogue.of_folders([IMAGES]))
    assert choice.find("registry.test/a:1") is None
    with pytest.raises(ImageError, match="need sandboxes: choreo up --runtime sandbox"):
        await choice.pull("registry.test/a:1", [])


async def test_an_image_that_was_removed_cannot_be_started(choice: ImageChoice) -> None:
    image = Image("registry.test/a:1", "registry.test/a@sha256:0", is_real=True)
    with pytest.raises(StartError, match="not on this machine any more"):
        await choice.runnable(image)


# --- whom it runs as ------------------------------------------------------------------------------


def request(**security: object) -> ContainerRequest:
    return ContainerRequest(
        pod=PodRequest("u1", "default", "p", "p", Path("/none")),
        name="main",
        attempt=0,
        image=Image("a", "b"),
        command=(),
        arguments=(),
        environment={},
        working_folder="",
        mounts=(),
        resources={},
        security=security,
        output=Output(),
    )


def host_image(user: tuple[int, int] | None) -> HostImage:
    return HostImage(Path("/none"), ["a"], entrypoint=["app"], user=user)


@pytest.mark.parametrize(
    ("security", "user", "expected"),
    [
        ({}, None, {}),
        ({}, (5, 6), {"runAsUser": 5, "runAsGroup": 6}),
        ({"runAsGroup": 7}, (5, 6), {"runAsUser": 5, "runAsGroup": 7}),
        ({"runAsUser": 8}, (5, 6), {"runAsUser": 8}),
        (
            {"runAsNonRoot": True},
            (5, 6),
            {"runAsNonRoot": True, "runAsUser": 5, "runAsGroup": 6},
        ),
        (
            {"runAsNonRoot": True},
            None,
            {"runAsNonRoot": True, "runAsUser": 65532, "runAsGroup": 65532},
        ),
    ],
)
def test_the_pod_decides_before_the_image(
    security: dict[str, object], user: tuple[int, int] | None, expected: dict[str, object]
) -> None:
    assert imagedefaults.applied(request(**security), host_image(user)).security == expected


@pytest.mark.parametrize(
    ("security", "words"),
    [
        ({"runAsNonRoot": True}, "container has runAsNonRoot and image will run as root"),
        ({"runAsNonRoot": True, "runAsUser": 0}, "container's runAsUser breaks non-root policy"),
    ],
)
def test_root_is_refused_where_it_is_forbidden(security: dict[str, object], words: str) -> None:
    with pytest.raises(StartError) as caught:
        imagedefaults.applied(request(**security), host_image((0, 0)))
    assert caught.value.reason == "CreateContainerConfigError"
    assert caught.value.message == f'{words} (pod: "p_default(u1)", container: main)'


def test_a_user_without_a_number_may_be_root() -> None:
    image = HostImage(Path("/none"), ["a"], entrypoint=["app"], user=(5, 5), user_name="web")
    assert imagedefaults.applied(request(), image).security["runAsUser"] == 5
    with pytest.raises(StartError, match=r"image has non-numeric user \(web\), cannot verify"):
        imagedefaults.applied(request(runAsNonRoot=True), image)
    assert imagedefaults.applied(request(runAsNonRoot=True, runAsUser=7), image)


def test_what_cannot_stop_being_root_does_not_begin_as_it() -> None:
    server = HostImage(Path("/none"), ["a"], entrypoint=["app"], refuses_root=True)
    assert "runAsUser" not in imagedefaults.applied(request(), server).security
    alone = imagedefaults.applied(request(), server, has_one_user=True)
    assert alone.security["runAsUser"] == 65532
    asked = imagedefaults.applied(request(runAsUser=8), server, has_one_user=True)
    assert asked.security["runAsUser"] == 8
    other = imagedefaults.applied(request(), host_image(None), has_one_user=True)
    assert "runAsUser" not in other.security


def test_a_container_needs_a_command() -> None:
    image = HostImage(Path("/none"), ["a"], user=(0, 0))
    with pytest.raises(StartError, match="no command specified") as caught:
        imagedefaults.applied(request(), image)
    assert caught.value.reason == "CreateContainerError"


async def test_two_containers_share_the_root_of_an_image(
    choice: ImageChoice, stranger: Stranger
) -> None:
    image = await choice.pull(f"{stranger.host}/a/b:1", [])
    one, two = await asyncio.gather(choice.runnable(image), choice.runnable(image))
    assert one.layers == two.layers
    choice.release()


async def test_images_without_containers_are_cleared_away_beyond_the_bound(
    tmp_path: Path, stranger: Stranger
) -> None:
    library = ImageLibrary(tmp_path / "images", most_bytes=1)
    choice = ImageChoice(Catalogue.of_folders([IMAGES]), lambda: RealImages(library))
    image = await choice.pull(f"{stranger.host}/a/b:1", [])
    runnable = await choice.runnable(image)
    for file in library.folders.names.iterdir():
        os.utime(file, (0, 0))
    await choice.collect({runnable.folder})
    assert (runnable.folder / "bin/app").exists()
    await choice.collect(set())
    assert not runnable.folder.exists()
    assert library.all() == []
