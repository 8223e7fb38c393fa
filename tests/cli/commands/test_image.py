"""`choreo image …`."""

from __future__ import annotations

import json
from pathlib import Path

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


def test_without_a_store_the_list_is_empty(choreo: Choreo, tmp_path: Path) -> None:
    assert choreo("image", "list", "-o", "json").out == "[]\n"
    assert "no images" in choreo("image", "list").err
    assert choreo("image", "prune").code == 0
    assert not (tmp_path / "images").exists()
