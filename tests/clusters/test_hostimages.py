"""Host images become images of a container engine that run the same programs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from choreo_local.allinone import bundles
from choreo_local.clusters import hostimages
from choreo_local.embedded.kubelet.hostimages import HostImage


def image(name: str) -> HostImage:
    found = hostimages.portable([bundles.root() / "images"])
    return next(one for one in found if one.name == name)


def test_the_images_of_the_demo_can_be_made() -> None:
    found = hostimages.portable([bundles.root() / "images"])
    references = {hostimages.reference(one) for one in found}
    assert {"choreo.local/greeter:1.0", "choreo.local/web:1.0"} <= references


def test_the_recipe_starts_what_the_host_image_starts() -> None:
    lines = hostimages.dockerfile(image("greeter")).splitlines()
    assert lines[0] == f"FROM {hostimages.BASE}"
    assert 'ENTRYPOINT ["greeter"]' in lines
    assert 'CMD ["--port", "9090"]' in lines
    assert "WORKDIR /app" in lines


def test_what_is_laid_out_runs_and_is_known_by_its_content(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
        hostimages.lay_out(image("greeter"), folder)
    assert hostimages.fingerprint(first) == hostimages.fingerprint(second)

    program = first / "programs" / "greeter"
    here = program.read_text().replace("/image", str(first / "image"))
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", here, "--port", "0"],
        env={**os.environ, "PYTHONPATH": str(first / "modules")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert "listening" in process.stdout.readline()
        process.kill()

    (second / "image" / "greeter.py").write_text("")
    assert hostimages.fingerprint(first) != hostimages.fingerprint(second)
