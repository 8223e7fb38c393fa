"""What git providers tell of a push."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import pytest

from choreo_local.services import pushes
from choreo_local.services.pushes import Push

GITHUB, GITLAB, BITBUCKET = pushes.PROVIDERS
COMMIT = "0123456789abcdef0123456789abcdef01234567"
SECRET = b"shared"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://github.com/Acme/Shop.git", "https://github.com/acme/shop"),
        ("https://github.com/acme/shop/", "https://github.com/acme/shop"),
        ("git@github.com:acme/shop.git", "https://github.com/acme/shop"),
        ("ssh://git@gitlab.com/acme/deep/shop.git", "https://gitlab.com/acme/deep/shop"),
        ("  https://github.com/acme/shop.git/ ", "https://github.com/acme/shop"),
        ("", ""),
    ],
)
def test_spellings_of_a_repository_are_one(url: str, expected: str) -> None:
    assert pushes.normalised(url) == expected


@pytest.mark.parametrize(
    ("changed", "folder", "expected"),
    [
        (["cart/main.go"], "cart", True),
        (["cart/main.go"], "./cart/", True),
        (["/cart/main.go"], "/cart", True),
        (["cart-api/main.go"], "cart", False),
        (["README.md"], "cart", False),
        (["README.md"], ".", True),
        (["README.md"], "", True),
        ([], "cart", True),
    ],
)
def test_only_paths_below_the_folder_count(
    changed: list[str], folder: str, *, expected: bool
) -> None:
    assert pushes.is_below(changed, folder) is expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"x-hub-signature-256": "sha256=00"}, GITHUB),
        ({"x-gitlab-token": "t"}, GITLAB),
        ({"x-event-key": "repo:push", "x-hub-signature": "sha256=00"}, BITBUCKET),
        ({"x-hub-signature": "sha256=00"}, None),
        ({}, None),
    ],
)
def test_a_provider_is_known_by_its_header(headers: dict[str, str], expected: Any) -> None:
    assert pushes.provider_of(headers) is expected


def _signed(body: bytes, secret: bytes = SECRET) -> str:
    return "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    ("provider", "headers", "expected"),
    [
        (GITHUB, {"x-hub-signature-256": _signed(b"{}")}, True),
        (GITHUB, {"x-hub-signature-256": _signed(b"{} ")}, False),
        (GITHUB, {"x-hub-signature-256": _signed(b"{}", b"other")}, False),
        (GITHUB, {"x-hub-signature-256": "sha256=äöü"}, False),
        (GITHUB, {}, False),
        (GITLAB, {"x-gitlab-token": "shared"}, True),
        (GITLAB, {"x-gitlab-token": "Shared"}, False),
        (BITBUCKET, {"x-hub-signature": _signed(b"{}")}, True),
        (BITBUCKET, {"x-event-key": "repo:push"}, False),
    ],
)
def test_the_sender_must_know_the_secret(
    provider: pushes.Provider, headers: dict[str, str], *, expected: bool
) -> None:
    assert pushes.is_genuine(provider, headers, b"{}", secret=SECRET) is expected


def test_a_push_to_github_tells_branch_commit_and_paths() -> None:
    event = {
        "ref": "refs/heads/feature/cart",
        "after": COMMIT,
        "repository": {"clone_url": "https://github.com/acme/shop.git"},
        "commits": [{"added": ["a"], "modified": ["b/c"]}, {"removed": ["d"]}],
    }
    assert pushes.parse(GITHUB, event) == [
        Push("https://github.com/acme/shop", "feature/cart", COMMIT, ("a", "b/c", "d"))
    ]


def test_a_push_to_gitlab_names_the_repository_elsewhere() -> None:
    event = {
        "ref": "refs/heads/main",
        "after": COMMIT,
        "project": {"git_http_url": "https://gitlab.com/acme/shop.git"},
        "commits": [],
    }
    assert pushes.parse(GITLAB, event) == [Push("https://gitlab.com/acme/shop", "main", COMMIT)]


def test_a_push_to_bitbucket_may_hold_several_branches() -> None:
    changes = [
        {"new": {"type": "branch", "name": "main", "target": {"hash": COMMIT}}},
        {"new": {"type": "tag", "name": "v1", "target": {"hash": COMMIT}}},
        {"new": None, "old": {"type": "branch", "name": "gone"}},
        {"new": {"type": "branch", "name": "next", "target": {"hash": "nonsense"}}},
    ]
    event = {
        "push": {"changes": changes},
        "repository": {"links": {"html": {"href": "https://bitbucket.org/acme/shop"}}},
    }
    assert pushes.parse(BITBUCKET, event) == [
        Push("https://bitbucket.org/acme/shop", "main", COMMIT),
        Push("https://bitbucket.org/acme/shop", "next", ""),
    ]


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"ref": "refs/tags/v1", "after": COMMIT, "repository": {"clone_url": "https://x/y"}},
        {"ref": "refs/heads/main", "after": "0" * 40, "repository": {"clone_url": "https://x/y"}},
        {"ref": "refs/heads/main", "after": COMMIT, "repository": {"clone_url": 5}},
        {"ref": ["refs/heads/main"], "after": {}, "repository": [], "commits": {"added": 1}},
    ],
)
@pytest.mark.parametrize("provider", pushes.PROVIDERS)
def test_what_is_no_push_to_a_branch_is_none(
    provider: pushes.Provider, event: dict[str, Any]
) -> None:
    assert pushes.parse(provider, event) == []
