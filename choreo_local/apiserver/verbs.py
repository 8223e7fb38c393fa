"""Which verbs a path of the API has, whatever route would serve it; asked once no route did.

Few routes serve many kinds, so the routes themselves do not know.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from choreo_local.apiserver import openapi

_Verbs = frozenset[str]


def of_path(path: str) -> _Verbs:
    """The verbs of a path as requests have it; none when the API does not describe it."""
    parts = path.split("/")
    found = (
        verbs
        for template, verbs in _by_length().get(len(parts), ())
        if all(
            _is_parameter(one) or one == other for one, other in zip(template, parts, strict=True)
        )
    )
    return frozenset().union(*found)


@cache
def _by_length() -> Mapping[int, Sequence[tuple[Sequence[str], _Verbs]]]:
    """Templates of paths in their parts, by the number of these."""
    found: dict[int, list[tuple[Sequence[str], _Verbs]]] = {}
    for template, verbs in _templates().items():
        parts = template.split("/")
        found.setdefault(len(parts), []).append((parts, frozenset(_with_head(verbs))))
    return found


def _templates() -> Mapping[str, set[str]]:
    found: dict[str, set[str]] = {}
    for operation in openapi.operations(signs_in=True):
        found.setdefault(operation.path, set()).add(operation.method.upper())
    return found


def _with_head(verbs: set[str]) -> Iterator[str]:
    yield from verbs
    if "GET" in verbs:
        yield "HEAD"


def _is_parameter(part: str) -> bool:
    return part.startswith("{")
