"""`choreo image …`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from choreo_local.allinone import instance as instances
from choreo_local.paths import InstancePaths
from tests.cli.conftest import Choreo
from tests.images import builders
from tests.images.builders import entry, layer

LAYER = layer(entry("a", b"1"))
MADE = builders.image(LAYER)


def archive(folder: Path) -> str:
    file = builders.docker_archive(folder / "a.tar", [(MADE.config, [LAYER], ["app:1"])])
    return str(file)


def test_an_image_is_imported_listed_and_removed(choreo: Choreo, tmp_path: Path) -> None:
    name = "docker.io/library/app:1"
    imported = choreo("image", "import", archive(tmp_path))
    assert (imported.code, imported.out) == (0, f"{name}\n")
    assert choreo("image", "list", "-o", "name").out == f"{name}\n"
    (listed,) = json.loads(choreo("image", "list", "-o", "json").out)
    assert (listed["reference"], listed["digest"][:7]) == (name, "sha256:")
    assert (listed["imported"], listed["sizeOnDisk"]) == (True, listed["size"])
    table = choreo("image", "list")
    assert name in table.out
    assert table.err.startswith("Together they take ")
    assert choreo("image", "prune").out == ""
    assert choreo("image", "prune", "--all", "--dry-run").out == f"{name}\n"
    assert choreo("image", "list", "-o", "name").out == f"{name}\n"
    unasked = choreo("image", "prune", "--all")
    assert (unasked.code, "--yes" in unasked.err) == (3, True)
    removed = choreo("image", "prune", "--all", "--yes")
    assert removed.out == f"{name}\n"
    assert "Removed 1 image;" in removed.err
    assert choreo("image", "list", "-o", "name").out == ""


def test_a_layout_is_imported_under_a_name(choreo: Choreo, tmp_path: Path) -> None:
    layout = builders.oci_layout(tmp_path / "layout", MADE)
    assert "--name" in choreo("image", "import", str(layout)).err
    assert choreo("image", "import", str(layout), "--name", "quay.io/x/y:2").code == 0
    assert choreo("image", "list", "-o", "name").out == "quay.io/x/y:2\n"


def test_what_is_no_image_is_wrong_usage(choreo: Choreo, tmp_path: Path) -> None:
    assert choreo("image", "import", str(tmp_path / "none")).code == 2
    bad_name = choreo("image", "import", archive(tmp_path), "--name", "BAD NAME")
    assert bad_name.code != 0
    assert "error:" in bad_name.err


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An engine that has one image, and says of others what docker says."""
    programs = tmp_path / "programs"
    programs.mkdir()
    program = programs / "docker"
    program.write_text(
        "#!/bin/sh\n"
        f'test "$4" = app:1 && exec /bin/cp {archive(tmp_path)} "$3"\n'
        'echo "Error response from daemon: reference does not exist" >&2; exit 1\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    return programs


@pytest.mark.usefixtures("engine")
def test_an_image_of_an_engine_is_imported(choreo: Choreo) -> None:
    imported = choreo("image", "import", "--from", "docker", "app:1")
    assert (imported.code, imported.out) == (0, "docker.io/library/app:1\n")


def test_what_an_engine_does_not_give_is_said_in_its_words(choreo: Choreo, engine: Path) -> None:
    refused = choreo("image", "import", "--from", "docker", "other:1")
    assert refused.code == 1
    assert 'docker does not give the image "other:1": Error response from daemon' in refused.err
    assert "docker images" in refused.err
    (engine / "docker").unlink()
    absent = choreo("image", "import", "--from", "docker", "app:1")
    assert "cannot import from docker: it is not installed" in absent.err


@pytest.mark.usefixtures("engine")
def test_an_option_is_no_image(choreo: Choreo) -> None:
    refused = choreo("image", "import", "--from", "docker", "--", "--all")
    assert (refused.code, "no image of docker" in refused.err) == (2, True)


def test_nodes_with_a_store_of_their_own_are_told_of(choreo: Choreo, tmp_path: Path) -> None:
    paths = InstancePaths.of("lab", tmp_path)
    instances.ensure_folder(paths)
    made = instances.running(instances.new("lab"), driver="k3d", ports={"registry": 5000})
    instances.save(paths, made)
    told = choreo("image", "import", archive(tmp_path)).err
    assert "The nodes of instance lab do not read this store." in told
    assert "docker://localhost:5000/NAME" in told


def test_without_a_store_the_list_is_empty(choreo: Choreo, tmp_path: Path) -> None:
    assert choreo("image", "list", "-o", "json").out == "[]\n"
    assert "no images" in choreo("image", "list").err
    assert choreo("image", "prune").code == 0
    assert not (tmp_path / "images").exists()
