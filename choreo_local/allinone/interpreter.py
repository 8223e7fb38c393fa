"""How another process of ours is started: the same Python, and nothing from the current folder."""

from __future__ import annotations

import sys


def module(name: str, *arguments: str) -> list[str]:
    """The command that runs a module of ours."""
    # Without -P Python would first look for modules in the current folder, which may hold a
    # stranger's `json.py`.
    return [sys.executable, "-P", "-m", name, *arguments]
