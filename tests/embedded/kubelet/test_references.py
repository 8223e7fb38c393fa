"""Image references."""

from __future__ import annotations

import pytest

from choreo_local.embedded.kubelet import references
from choreo_local.embedded.kubelet.runtime import ImageError
from choreo_local.images.references import Reference

DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgres", Reference("docker.io/library/postgres")),
        ("postgres:16", Reference("docker.io/library/postgres", "16")),
        ("valkey/valkey:8-alpine", Reference("docker.io/valkey/valkey", "8-alpine")),
        ("choreo.local/greeter:v1", Reference("choreo.local/greeter", "v1")),
        ("localhost/x", Reference("localhost/x")),
        ("localhost:5000/a/b:c", Reference("localhost:5000/a/b", "c")),
        (f"a/b:c@{DIGEST}", Reference("docker.io/a/b", "c", DIGEST)),
        (f"a@{DIGEST}", Reference("docker.io/library/a", "", DIGEST)),
    ],
)
def test_short_forms_are_completed(text: str, expected: Reference) -> None:
    assert references.parse(text) == expected


@pytest.mark.parametrize(
    "text", ["", "UPPER", "a b", "a:", "a:b c", "a@", "a@sha256:xyz", "/a", "a//b", "x" * 600]
)
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(ImageError, match="couldn't parse image name") as caught:
        references.parse(text)
    assert caught.value.reason == "InvalidImageName"


@pytest.mark.parametrize(
    ("text", "is_latest"),
    [("a", True), ("a:latest", True), ("a:1", False), (f"a@{DIGEST}", False)],
)
def test_a_moving_target(text: str, *, is_latest: bool) -> None:
    assert references.parse(text).is_latest is is_latest


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("choreo.local/greeter", "choreo.local/greeter:any", True),
        ("choreo.local/greeter", "choreo.local/greeter2", False),
        ("postgres:16*", "postgres:16-alpine", True),
        ("postgres:16*", "docker.io/library/postgres:16", True),
        ("postgres:16*", "postgres:17", False),
        ("postgres:16", "postgres:16-alpine", False),
        ("postgres:latest", "postgres", True),
        ("localhost:5000/a", "localhost:5000/a:1", True),
    ],
)
def test_patterns(pattern: str, text: str, *, matches: bool) -> None:
    assert references.matches(pattern, references.parse(text)) is matches
