"""Whom the files of images belong to, where that is kept: on the disk to the numbers that they say.

Who runs containers with users of their own has the kernel show these files to them as theirs.
"""

from __future__ import annotations

import tarfile

_HIGHEST = 65535


def of(entry: tarfile.TarInfo) -> tuple[int, int]:
    """User and group of an entry of a layer; root's for a number that containers do not have."""
    user, group = (each if 0 <= each <= _HIGHEST else 0 for each in (entry.uid, entry.gid))
    return user, group
