"""Credentials of pull secrets, and challenges of registries."""

from __future__ import annotations

import base64
import json

import pytest

from choreo_local.images import challenges, credentials, references
from choreo_local.images.challenges import Challenge
from choreo_local.images.credentials import Credential


def parsed(**auths: object) -> list[Credential]:
    return credentials.parse(json.dumps({"auths": auths}))


def test_all_forms_are_read() -> None:
    both = {"username": "ada", "password": "p"}
    encoded = {"auth": base64.b64encode(b"bob:x:y").decode()}
    token = {"identitytoken": "t", "auth": base64.b64encode(b"<token>:").decode()}
    assert parsed(one=both, two=encoded, three=token) == [
        Credential("one", "ada", "p"),
        Credential("two", "bob", "x:y"),
        Credential("three", "<token>", "", "t"),
    ]
    assert credentials.parse(json.dumps({"old.test": both})) == [Credential("old.test", "ada", "p")]


@pytest.mark.parametrize(
    ("server", "image", "fits"),
    [
        ("https://index.docker.io/v1/", "postgres", True),
        ("docker.io", "docker.io/a/b", True),
        ("registry.test", "registry.test/a", True),
        ("registry.test", "registry.test:5000/a", False),
        ("registry.test:5000", "registry.test:5000/a", True),
        ("https://registry.test/v2/", "registry.test/a", True),
        ("registry.test/team", "registry.test/team/a", True),
        ("registry.test/team", "registry.test/teammates/a", False),
        ("*.test", "registry.test/a", True),
        ("*.test", "eu.registry.test/a", False),
        ("reg*.test", "registry.test/a", True),
        ("evil.test", "registry.test/a", False),
        ("Registry.Test", "registry.test/a", True),
    ],
)
def test_credentials_go_to_their_own_registry(server: str, image: str, *, fits: bool) -> None:
    found = parsed(**{server: {"username": "a", "password": "b"}})
    assert bool(credentials.matching(references.parse(image), found)) is fits


def test_the_most_special_credentials_come_first() -> None:
    one = {"username": "a", "password": "b"}
    found = parsed(**{"r.test": one, "r.test/team/x": one, "r.test/team": one})
    fitting = credentials.matching(references.parse("r.test/team/x/y"), found)
    assert [entry.server for entry in fitting] == ["r.test/team/x", "r.test/team", "r.test"]


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"auths": 1}', '{"auths": {"a": 1}}'])
def test_malformed_credentials_are_none(text: str) -> None:
    assert credentials.parse(text) == []


def test_challenges_are_read() -> None:
    header = 'Bearer realm="https://a.test/token?x=1",service="s",scope="repository:a/b:pull,push"'
    assert challenges.parse([header, 'Basic realm="a \\"b\\""']) == [
        Challenge(
            "bearer",
            {
                "realm": "https://a.test/token?x=1",
                "service": "s",
                "scope": "repository:a/b:pull,push",
            },
        ),
        Challenge("basic", {"realm": 'a "b"'}),
    ]


@pytest.mark.parametrize("text", ["", ",,,", '="', "Bearer realm=", '"' * 9000, "Bearer " * 1000])
def test_malformed_challenges_do_no_harm(text: str) -> None:
    assert all(found.scheme == "bearer" for found in challenges.parse([text]))
