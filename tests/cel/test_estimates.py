"""How much an expression may cost, by its tree alone."""

from __future__ import annotations

import pytest

from choreo_local.cel import estimates, types
from choreo_local.cel.environment import Environment
from choreo_local.cel.estimates import ITEMS, Path, Range
from choreo_local.cel.libraries import KUBERNETES

ENVIRONMENT = Environment(
    {"n": types.INT, "s": types.STRING, "l": types.list_of(types.STRING)}, libraries=KUBERNETES
)
SIZES = {("s",): Range(0, 100), ("l",): Range(0, 10), ("l", ITEMS): Range(0, 20)}


def size_of(path: Path) -> Range | None:
    return SIZES.get(path)


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("1", 0, 0),
        ("n", 1, 1),
        ("n + 1", 2, 2),
        ("true || n > 1", 0, 2),
        ("n > 1 ? n : 0", 2, 3),
        ("[n, n]", 12, 12),
        ("{'a': n}", 31, 31),
        ("s == 'abc'", 2, 2),
        ("s < s", 3, 12),
        ("s + s == 'a'", 3, 23),
        ("s.contains('abc')", 1, 11),
        ("s.startsWith('abc')", 2, 2),
        ("s.matches('abcd')", 2, 12),
        ("n in [1, 2]", 13, 13),
        ("l.all(x, x == 'a')", 2, 52),
        ("l.exists(x, x == 'a')", 2, 62),
        ("l.map(x, x + 'b')", 12, 172),
    ],
)
def test_costs_add_up(text: str, least: int, most: int) -> None:
    found = estimates.estimate(ENVIRONMENT.tree(text), size_of)

    assert (found.least, found.most) == (least, most)


def test_elements_of_literals_have_known_sizes() -> None:
    found = estimates.estimate(ENVIRONMENT.tree("['a', 'bb'].all(x, !s.contains(x))"), size_of)

    assert found.most < 100


def test_what_is_unknown_is_as_large_as_can_be() -> None:
    found = estimates.estimate(ENVIRONMENT.tree("s.contains('a')"), lambda _: None)

    assert found.most > 10**17
