"""The parts and limits of image references."""

from __future__ import annotations

import pytest

from choreo_local.images import references
from choreo_local.images.failures import InvalidReference

DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("text", "whole", "target"),
    [
        ("postgres", "docker.io/library/postgres:latest", "latest"),
        ("index.docker.io/a/b:1", "docker.io/a/b:1", "1"),
        ("docker.io/postgres", "docker.io/library/postgres:latest", "latest"),
        (f"a/b@{DIGEST}", f"docker.io/a/b@{DIGEST}", DIGEST),
        (f"quay.io/a/b:2@{DIGEST}", f"quay.io/a/b:2@{DIGEST}", DIGEST),
        ("[::1]:5000/a", "[::1]:5000/a:latest", "latest"),
        ("Host/a", "Host/a:latest", "latest"),
    ],
)
def test_a_reference_is_completed(text: str, whole: str, target: str) -> None:
    found = references.parse(text)
    assert (str(found), found.target) == (whole, target)
    assert references.parse(whole) == references.parse(str(found))


def test_a_reference_has_a_registry_and_a_path() -> None:
    found = references.parse("localhost:5000/a/b/c:1")
    assert (found.registry, found.path) == ("localhost:5000", "a/b/c")


@pytest.mark.parametrize(
    "text",
    [
        "a/../b",
        "../a",
        "a/./b",
        "a/-b",
        "a/b-",
        "a/b..c",
        "a/b___c",
        "exam_ple.com/a",
        "host:port/a",
        "a:" + "t" * 129,
        "a/" + "b" * 256,
        "a@sha256:" + "0" * 63,
        "a@sha256:" + "G" * 64,
        "a@md5:" + "0" * 64,
        "0" * 64,
        "a\n",
        "a:1\n",
        "a b/c",
        "https://example.com/a",
        "/a",
        "localhost:5000/",
    ],
)
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(InvalidReference):
        references.parse(text)


def test_a_long_hostile_name_is_refused_at_once() -> None:
    assert not references.is_path("a" * 250 + "-" * 5)
    assert not references.is_path("-".join("a" * 120) + "!")
