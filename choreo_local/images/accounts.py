"""Which numbers the `User` of an image's configuration means, by the image's own account files."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from choreo_local.images import treepaths
from choreo_local.images.failures import InvalidContent, NotThere

_MOST_BYTES = 1 << 20
_HIGHEST = (1 << 32) - 2


@dataclass(frozen=True, slots=True)
class Account:
    """Who a container runs as unless told otherwise."""

    user: int = 0
    group: int = 0
    home: str = "/"


def resolve(root: Path, text: str) -> Account:
    """The numbers of `user[:group]`; NotThere when the image does not know the name."""
    user, colon, group = text.partition(":")
    entry = _find(root, "passwd", user or "0", columns=6)
    if entry is None and not _is_number(user or "0"):
        raise NotThere(f"unable to find user {user[:64]}: no matching entries in passwd file")
    uid = int(entry[2]) if entry else int(user or "0")
    gid = int(entry[3]) if entry else 0
    if colon and group:
        found = _find(root, "group", group, columns=3)
        if found is None and not _is_number(group):
            raise NotThere(f"unable to find group {group[:64]}: no matching entries in group file")
        gid = int(found[2]) if found else int(group)
    if not (0 <= uid <= _HIGHEST and 0 <= gid <= _HIGHEST):
        raise InvalidContent(f"user {text[:64]!r} of the image is out of range")
    return Account(uid, gid, entry[5] if entry and entry[5].startswith("/") else "/")


def _is_number(text: str) -> bool:
    return text.isdecimal() and text.isascii() and len(text) <= 10


def _find(root: Path, name: str, wanted: str, *, columns: int) -> list[str] | None:
    """The line for a name or number; names come first, as in every program that does this."""
    lines = [line for line in _lines(root, name) if len(line) >= columns]
    lines = [line for line in lines if all(map(_is_number, line[2 : 4 if columns > 3 else 3]))]
    by_name = next((line for line in lines if line[0] == wanted), None)
    return by_name or next((line for line in lines if line[2] == wanted), None)


def _lines(root: Path, name: str) -> Iterator[list[str]]:
    path = treepaths.resolve(root, ["etc", name])
    try:
        # Not to be kept waiting by a pipe.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return
    with open(descriptor, "rb") as file:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            text = file.read(_MOST_BYTES).decode(errors="replace")
            yield from (line.split(":") for line in text.splitlines())
