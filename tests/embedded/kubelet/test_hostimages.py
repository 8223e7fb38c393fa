"""Folders of programs that answer for image references."""

from __future__ import annotations

from pathlib import Path

import pytest

from choreo_local.embedded.kubelet import hostimages
from choreo_local.embedded.kubelet.hostimages import Catalogue
from choreo_local.embedded.kubelet.runtime import ImageError
from choreo_local.errors import UsageError

IMAGES = Path(__file__).parent / "testdata" / "images"


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue.of_folders([IMAGES])


def write(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "image.yaml").write_text(text, encoding="utf-8")
    return folder


def test_an_image_answers_for_its_own_name(catalogue: Catalogue) -> None:
    found = catalogue.find("test.local/tester:7")
    assert found is not None
    image, host_image = found
    assert host_image.name == "tester"
    assert image.reference == "test.local/tester:7"
    assert image.id.startswith("host-image/tester@sha256:")
    assert image.size_bytes > 1000
    assert image.stands_in == ""


def test_a_stand_in_says_why(catalogue: Catalogue) -> None:
    found = catalogue.find("example.com/real:2.1")
    assert found is not None
    assert found[0].stands_in == "a stand-in for tests"
    assert catalogue.find("example.com/real:3") is None


def test_an_image_nobody_answers_for_is_refused_with_what_there_is(catalogue: Catalogue) -> None:
    assert catalogue.find("nginx:1.25") is None
    message = catalogue.refuse("nginx:1.25").message
    assert "runs host images only" in message
    assert 'no host image answers for "nginx:1.25"' in message
    assert "test.local/tester" in message


def test_an_image_that_lacks_a_package_is_refused_with_the_package(catalogue: Catalogue) -> None:
    assert catalogue.find("test.local/broken") is None
    assert "no_such_package" in catalogue.refuse("test.local/broken").message


def test_an_image_of_another_platform_does_not_run(tmp_path: Path) -> None:
    text = "names: [a.local/b]\nprograms: {}\nentrypoint: [b]\nplatforms: [plan9]\n"
    found = Catalogue([hostimages.load(write(tmp_path / "b", text))])
    assert found.find("a.local/b") is None
    assert "runs on plan9 only" in found.refuse("a.local/b").message


def test_a_malformed_reference_is_refused(catalogue: Catalogue) -> None:
    with pytest.raises(ImageError):
        catalogue.find("No Image")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "names: [",
        "programs: {}",
        "programs: {a: {}}\nentrypoint: [a]",
        "programs: {}\nentrypoint: [a]\nstopSignal: SIGNOTHING",
        "programs: {}\nentrypoint: [a]\nprogramms: {}",
    ],
)
def test_a_manifest_that_is_wrong_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match=r"image\.yaml"):
        hostimages.load(write(tmp_path / "wrong", text))


def test_the_identity_follows_the_content(tmp_path: Path) -> None:
    folder = write(tmp_path / "a", "names: [a.local/a]\nprograms: {}\nentrypoint: [a]\n")
    before = hostimages.load(folder).digest
    (folder / "a.py").write_text("pass", encoding="utf-8")
    assert hostimages.load(folder).digest != before


def test_an_executable_of_a_package_is_found(tmp_path: Path) -> None:
    text = "names: [a.local/a]\nprograms: {a: {package: email, path: mime}}\nentrypoint: [a]\n"
    found = hostimages.load(write(tmp_path / "a", text))
    assert found.programs["a"].path.parts[-2:] == ("email", "mime")
    assert not found.missing


def test_an_image_whose_distribution_is_not_installed_says_so(tmp_path: Path) -> None:
    text = "names: [a.local/a]\nprograms: {}\nentrypoint: [a]\npackages: [pytest, no-such-thing]\n"
    found = hostimages.load(write(tmp_path / "a", text))
    assert list(found.missing) == ["no-such-thing"]
    assert "no-such-thing (a Python package that is not installed)" in found.obstacle()
