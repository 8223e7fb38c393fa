"""Users and clients come from files, later ones on top."""

from __future__ import annotations

from pathlib import Path

import pytest

from choreo_local.allinone import bundles
from choreo_local.errors import PreflightError
from choreo_local.identity import directory, passwords
from choreo_local.identity.directory import Client

BUILT_IN = bundles.root() / "identity" / "directory.yaml"


def test_the_usual_users_and_programs_are_built_in() -> None:
    found = directory.load([BUILT_IN])
    groups = {user.nickname: user.groups for user in found.users.values()}
    assert groups == {
        "admin": ("admins",),
        "developer": ("developers",),
        "platform-engineer": ("platform-engineers",),
        "sre": ("sres",),
    }
    assert passwords.is_right(found.users["developer@openchoreo.dev"].password, "Dev@123")
    assert found.clients["openchoreo-cli"].label == "cli"
    assert not found.clients["openchoreo-cli"].secret
    machines = [client for client in found.clients.values() if not client.redirects]
    assert machines
    assert all(client.secret for client in machines)


def test_a_file_of_ones_own_adds_and_replaces(tmp_path: Path) -> None:
    own = tmp_path / "directory.yaml"
    own.write_text(
        "users:\n"
        "  - {name: me, groups: [admins]}\n"
        "  - {name: sre@openchoreo.dev, groups: [admins], nickname: sre}\n"
    )
    found = directory.load([BUILT_IN, own, tmp_path / "missing.yaml"])
    assert len(found.users) == 5
    assert found.users["me"].groups == ("admins",)
    assert found.users["sre@openchoreo.dev"].password == ""
    assert len(found.clients) == len(directory.load([BUILT_IN]).clients)


@pytest.mark.parametrize(
    "text",
    [
        "users: [5]",
        "users: 5",
        "- a",
        "users: [{nam: x}]",
        "users: [{}]",
        "users: [{name: x, groups: {a: b}}]",
        "users: [{name: 5}]",
        "\x00",
        "{",
    ],
)
def test_a_file_that_makes_no_sense_is_named(tmp_path: Path, text: str) -> None:
    own = tmp_path / "directory.yaml"
    own.write_text(text)
    with pytest.raises(PreflightError, match=r"directory\.yaml"):
        directory.load([own])


@pytest.mark.parametrize(
    ("redirect", "expected"),
    [
        ("http://127.0.0.1:1/cb", True),
        ("http://127.0.0.1:65000/cb", True),
        ("http://127.0.0.1/cb", False),
        ("https://127.0.0.1:1/cb", False),
        ("http://localhost:1/cb", False),
        ("http://127.0.0.1:1/cb?x", False),
        ("http://127.0.0.1:1/cb#x", False),
        ("http://a@127.0.0.1:1/cb", False),
        ("http://127.0.0.1:99999/cb", False),
        ("", False),
    ],
)
def test_only_the_port_of_a_loopback_address_may_differ(redirect: str, *, expected: bool) -> None:
    client = Client("c", redirects=("http://127.0.0.1:1/cb",))
    assert client.accepts(redirect) is expected


def test_a_password_is_stored_as_a_hash_that_differs_each_time() -> None:
    one, other = passwords.hashed("secret"), passwords.hashed("secret")
    assert one != other
    assert passwords.is_right(one, "secret")
    assert not passwords.is_right(one, "Secret")
    assert not passwords.is_right(one, "s" * 5000)
    assert not passwords.is_right("", "")
    assert not passwords.is_right("no hash", "secret")
