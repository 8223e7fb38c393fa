"""Paths from the place of a rule to the field that it is about: `.spec.name`, `['a.b'].c`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from choreo_local.apimachinery.schema.node import Structural
from choreo_local.apimachinery.schema.problems import NO_PATH

_STEP = re.compile(r"\.([A-Za-z_][A-Za-z0-9_-]*)|\['((?:[^'\\]|\\.)+)'\]")


def is_valid(schema: Structural, path: str) -> bool:
    """Whether a path leads to a field that the schema declares."""
    node: Structural | None = schema
    position = 0
    for step in _STEP.finditer(path):
        if step.start() != position or node is None:
            return False
        node = node.property(_name(step))
        position = step.end()
    return position == len(path) and node is not None


def joined(parent: str, path: Any) -> str:
    """The field that a path leads to, seen from the root of the object."""
    if not path:
        return parent
    steps = ".".join(_steps(str(path)))
    return steps if parent == NO_PATH else f"{parent}.{steps}"


def _steps(path: str) -> Iterator[str]:
    return (_name(step) for step in _STEP.finditer(path))


def _name(step: re.Match[str]) -> str:
    return step[1] or re.sub(r"\\(.)", r"\1", step[2])
