"""Semantic versions: `semver('1.2.3')`, `isSemver`, their parts and their order."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import total_ordering
from typing import Any, ClassVar

from choreo_local.cel.declarations import Library
from choreo_local.cel.errors import EvaluationError
from choreo_local.cel.libraries.declaring import functions, methods
from choreo_local.cel.types import BOOL, INT, STRING, opaque
from choreo_local.cel.values import INT_MAX, UINT_MAX

TYPE = opaque("kubernetes.Semver")

_IDENTIFIER = re.compile(r"[0-9A-Za-z-]+", re.ASCII)
_NUMBER = re.compile(r"[0-9]+", re.ASCII)
_LONGEST = 256


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class Semver:
    """A version; what follows a plus sign does not count."""

    cel_type: ClassVar[str] = TYPE.name
    numbers: tuple[int, int, int]
    before: tuple[str, ...] = ()

    def _key(self) -> tuple[Any, ...]:
        # A version comes after its pre-releases; in those, numbers come before words.
        parts = [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in self.before]
        return self.numbers, not self.before, parts

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Semver) and self._key() == other._key()

    def __lt__(self, other: Semver) -> bool:
        return self._key() < other._key()

    def __hash__(self) -> int:
        return hash((self.numbers, self.before))


def parse(text: str) -> Semver:
    """The version that a text stands for.

    Raises:
        EvaluationError: it stands for none.
    """
    if not text:
        raise EvaluationError("Version string empty")
    if len(text) > _LONGEST:
        raise EvaluationError("Version string too long")
    parts = text.split(".", 2)
    if len(parts) != 3:
        raise EvaluationError("No Major.Minor.Patch elements found")
    rest, plus, build = parts[2].partition("+")
    patch, minus, before = rest.partition("-")
    numbers = (
        _number(parts[0], "major"),
        _number(parts[1], "minor"),
        _number(patch, "patch"),
    )
    identifiers = tuple(_pre_release(part) for part in before.split(".")) if minus else ()
    for part in build.split(".") if plus else ():
        if not _IDENTIFIER.fullmatch(part):
            problem = "Build meta data is empty" if not part else _invalid("build meta data", part)
            raise EvaluationError(problem)
    return Semver(numbers, identifiers)


def _invalid(where: str, text: str) -> str:
    return f'Invalid character(s) found in {where} "{text}"'


def _number(text: str, name: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise EvaluationError(_invalid(f"{name} number", text))
    if text != "0" and text.startswith("0"):
        title = name.capitalize()
        raise EvaluationError(f'{title} number must not contain leading zeroes "{text}"')
    value = int(text)
    if value > UINT_MAX:
        raise EvaluationError(f'strconv.ParseUint: parsing "{text}": value out of range')
    return value


def _pre_release(text: str) -> str:
    if not text:
        raise EvaluationError("Prerelease is empty")
    if not _IDENTIFIER.fullmatch(text):
        raise EvaluationError(_invalid("prerelease", text))
    if _NUMBER.fullmatch(text) and text != "0" and text.startswith("0"):
        raise EvaluationError(
            f'Numeric PreRelease version must not contain leading zeroes "{text}"'
        )
    return text


def _parse_loosely(text: str, normalize: bool) -> Semver:  # noqa: FBT001 - a value of the language
    """With a `v` before it, without minor or patch, or with leading zeros."""
    if not normalize:
        return parse(text)
    parts = [_without_zeros(part) for part in text.removeprefix("v").split(".", 2)]
    if len(parts) < 3 and any(mark in parts[-1] for mark in "+-"):
        raise EvaluationError("short version cannot contain PreRelease/Build meta data")
    return parse(".".join(parts + ["0"] * (3 - len(parts))))


def _without_zeros(part: str) -> str:
    if len(part) < 2:
        return part
    stripped = part.lstrip("0")
    return stripped if stripped[:1].isdecimal() else "0" + stripped


def _is_semver(text: str, normalize: bool = False) -> bool:  # noqa: FBT001, FBT002 - a value
    try:
        _parse_loosely(text, normalize)
    except EvaluationError:
        return False
    return True


def _compare(one: Semver, other: Semver) -> int:
    return (one > other) - (one < other)


def _part(place: int) -> Any:
    # Numbers are unsigned there but signed here; beyond the range they wrap around.
    def part(version: Semver) -> int:
        value = version.numbers[place]
        return value if value <= INT_MAX else value - UINT_MAX - 1

    return part


LIBRARY = Library(
    "kubernetes.semver",
    functions=(
        functions("semver", ((STRING,), TYPE, parse), ((STRING, BOOL), TYPE, _parse_loosely)),
        functions("isSemver", ((STRING,), BOOL, _is_semver), ((STRING, BOOL), BOOL, _is_semver)),
        methods("isGreaterThan", ((TYPE, TYPE), BOOL, lambda one, other: one > other)),
        methods("isLessThan", ((TYPE, TYPE), BOOL, lambda one, other: one < other)),
        methods("compareTo", ((TYPE, TYPE), INT, _compare)),
        methods("major", ((TYPE,), INT, _part(0))),
        methods("minor", ((TYPE,), INT, _part(1))),
        methods("patch", ((TYPE,), INT, _part(2))),
    ),
    types={TYPE.name: TYPE},
)
