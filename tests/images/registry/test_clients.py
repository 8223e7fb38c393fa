"""Real clients push to our registry and pull from it."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from choreo_local.images import archives
from choreo_local.images.hosts import Hosts
from choreo_local.images.library import ImageLibrary
from choreo_local.images.registry import names
from tests.images import builders
from tests.images.builders import entry, layer, tree
from tests.images.registry.conftest import Registry

MADE = builders.image(layer(entry("a", b"1")), layer(entry("b", b"2" * 300_000)))


@pytest.fixture
def short_folder() -> Iterator[str]:
    """podman allows 50 characters."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as found:
        yield found


skopeo_only = pytest.mark.skipif(shutil.which("skopeo") is None, reason="skopeo is not installed")


async def skopeo(*arguments: str) -> str:
    command = ["skopeo", "--insecure-policy", *arguments]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@skopeo_only
@pytest.mark.parametrize("form", ["oci", "v2s2"])
async def test_skopeo_pushes_and_pulls(registry: Registry, tmp_path: Path, form: str) -> None:
    layout = builders.oci_layout(tmp_path / "layout", MADE)
    there = f"docker://{registry.host}/team/app:1"
    await skopeo("copy", "-f", form, "--dest-tls-verify=false", f"oci:{layout}", there)
    inspected = json.loads(await skopeo("inspect", "--tls-verify=false", there))
    assert (inspected["RepoTags"], len(inspected["Layers"])) == (["1"], 2)
    back = tmp_path / "back"
    await skopeo("copy", "--src-tls-verify=false", there, f"dir:{back}")
    files = {path.name for path in back.iterdir()}
    assert {builders.sha256(data)[7:] for data in MADE.layers} <= files
    own = ImageLibrary(tmp_path / "other", lambda: Hosts(own=names.own_names(registry.server.port)))
    ready = await own.pull_unpacked("host.k3d.internal:10082/team/app:1")
    assert tree(ready.root.path) == {"a": "1", "b": "2" * 300_000}
    ready.root.release()


@skopeo_only
async def test_skopeo_copies_lists_and_deletes(registry: Registry, tmp_path: Path) -> None:
    layout = builders.oci_layout(tmp_path / "layout", MADE)
    one, two = (f"docker://{registry.host}/team/{name}" for name in ("one", "two"))
    await skopeo("copy", "--dest-tls-verify=false", f"oci:{layout}", f"{one}:1")
    both = ("--src-tls-verify=false", "--dest-tls-verify=false")
    await skopeo("copy", *both, f"{one}:1", f"{two}:2")
    await skopeo("copy", *both, f"{one}:1", f"{two}:3")
    listed = json.loads(await skopeo("list-tags", "--tls-verify=false", two))
    assert listed["Tags"] == ["2", "3"]
    await skopeo("delete", "--tls-verify=false", f"{two}:2")
    assert (await registry.ask("GET", "/v2/team/two/manifests/2")).status == 404
    assert (await registry.ask("GET", "/v2/team/one/manifests/1")).status == 200


async def test_oras_pushes_and_pulls_an_artifact(registry: Registry, tmp_path: Path) -> None:
    client: Any = pytest.importorskip("oras.client", reason="oras is not installed")
    (tmp_path / "notes.txt").write_text("hello")
    target = f"{registry.host}/artifacts/notes:v1"

    def there_and_back() -> list[str]:
        oras = client.OrasClient(insecure=True, tls_verify=False)
        oras.push(
            target=target,
            files=[str(tmp_path / "notes.txt")],
            manifest_annotations={"org.example": "1"},
            disable_path_validation=True,
        )
        assert oras.get_tags(f"{registry.host}/artifacts/notes") == ["v1"]
        found: list[str] = oras.pull(target=target, outdir=str(tmp_path / "out"))
        return found

    (pulled,) = await asyncio.to_thread(there_and_back)
    assert Path(pulled).read_text() == "hello"


async def test_what_was_pushed_is_pulled_without_a_copy(registry: Registry) -> None:
    await registry.push("team/app", "1", MADE)
    port = registry.server.port
    same = ImageLibrary(registry.library.folders.root, lambda: Hosts(own=names.own_names(port)))
    before = sorted(path for _, path in same.content.all())
    await same.pull(f"localhost:{port}/team/app:1")
    assert sorted(path for _, path in same.content.all()) == before


async def test_what_was_pushed_survives_a_restart(tmp_path: Path) -> None:
    from tests.images.registry.conftest import serving

    async with serving(tmp_path) as before:
        await before.push("a/b", "1", MADE)
    async with serving(tmp_path) as after:
        assert (await after.ask("GET", "/v2/a/b/manifests/1")).body == MADE.manifest


@pytest.mark.skipif(shutil.which("podman") is None, reason="podman is not installed")
async def test_podman_pushes_and_pulls(
    registry: Registry, tmp_path: Path, short_folder: str
) -> None:
    storage = ["--root", f"{short_folder}/store", "--runroot", f"{short_folder}/run"]

    async def podman(*arguments: str) -> str:
        command = ["podman", *storage, "--storage-driver", "vfs", *arguments]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True)
        if done.returncode and "pull" not in arguments and "push" not in arguments:
            pytest.skip(f"podman does not work on this machine: {done.stderr[-200:]}")
        assert done.returncode == 0, done.stderr
        return done.stdout

    content = tmp_path / "root.tar"
    content.write_bytes(layer(entry("a", b"1")))
    image = f"{registry.host}/team/podman:1"
    await podman("import", "-q", str(content), image)
    await podman("push", "-q", "--tls-verify=false", image)
    await podman("rmi", "-f", image)
    await podman("pull", "-q", "--tls-verify=false", image)
    ready = await registry.library.pull_unpacked(image)
    assert tree(ready.root.path) == {"a": "1"}
    ready.root.release()
    # What podman has can be imported from it, too.
    other = ImageLibrary(tmp_path / "other")
    for form in ("docker-archive", "oci-archive"):
        file = tmp_path / f"{form}.tar"
        await podman("save", "-q", "--format", form, "-o", str(file), image)
        assert [named.reference for named in archives.import_images(other, file)] == [image]
