"""Whom the configuration of an image names."""

from __future__ import annotations

from pathlib import Path

import pytest

from choreo_local.images import accounts
from choreo_local.images.accounts import Account
from choreo_local.images.failures import ImageFailure

PASSWD = """root:x:0:0:root:/root:/bin/sh
broken:x
app:x:1000:2000:an app:/home/app:/bin/sh
7:x:77:78::/seven:
odd:x:abc:1::/:
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text(PASSWD)
    (tmp_path / "etc/group").write_text("root:x:0:\nstaff:x:50:app\n")
    return tmp_path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Account(0, 0, "/root")),
        ("0", Account(0, 0, "/root")),
        ("app", Account(1000, 2000, "/home/app")),
        ("1000", Account(1000, 2000, "/home/app")),
        ("app:staff", Account(1000, 50, "/home/app")),
        ("app:7", Account(1000, 7, "/home/app")),
        ("7", Account(77, 78, "/seven")),
        ("4711:4712", Account(4711, 4712, "/")),
        ("4711", Account(4711, 0, "/")),
    ],
)
def test_names_and_numbers(root: Path, text: str, expected: Account) -> None:
    assert accounts.resolve(root, text) == expected


@pytest.mark.parametrize("text", ["nobody", "odd", "app:none", "-1", "4294967295", "broken"])
def test_nobody_knows_them(root: Path, text: str) -> None:
    with pytest.raises(ImageFailure):
        accounts.resolve(root, text)


def test_an_image_without_accounts_has_numbers(tmp_path: Path) -> None:
    assert accounts.resolve(tmp_path, "65532:65532") == Account(65532, 65532, "/")


def test_the_file_of_the_machine_is_never_read(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").symlink_to("/../../../../../../etc/passwd")
    with pytest.raises(ImageFailure):
        accounts.resolve(tmp_path, "daemon")
