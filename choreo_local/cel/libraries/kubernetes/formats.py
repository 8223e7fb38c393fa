"""`format.dns1123Label().validate(text)`: why a text is not of a format.

The checks of names live with the rest of the Kubernetes vocabulary, so whoever sets up an
environment hands them in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from choreo_local.cel.declarations import Library
from choreo_local.cel.libraries.declaring import functions, methods, size_weight
from choreo_local.cel.types import STRING, list_of, opaque, optional_of
from choreo_local.cel.values import NONE, Optional

TYPE = opaque("kubernetes.NamedFormat")

Check = Callable[[str], list[str]]


@dataclass(frozen=True, slots=True)
class Format:
    """A format by name; `check` lists what is wrong with a text."""

    cel_type: ClassVar[str] = TYPE.name
    name: str
    check: Check


def library(checks: Mapping[str, Check]) -> Library:
    """The library of the formats with these names."""
    formats = {name: Format(name, check) for name, check in checks.items()}

    def named(name: str) -> Optional:
        return Optional(formats[name]) if name in formats else NONE

    constants = [
        functions(f"format.{name}", ((), TYPE, lambda format_=format_: format_))
        for name, format_ in formats.items()
    ]
    return Library(
        "kubernetes.format",
        functions=(
            *constants,
            functions("format.named", ((STRING,), optional_of(TYPE), named)),
            methods(
                "validate",
                ((TYPE, STRING), optional_of(list_of(STRING)), _validate),
                weight=size_weight,
            ),
        ),
        types={TYPE.name: TYPE},
    )


def _validate(format_: Format, text: str) -> Optional:
    problems = format_.check(text)
    return Optional(problems) if problems else NONE
