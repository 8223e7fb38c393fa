"""The libraries of functions and macros, and the choices of them that environments start from."""

from __future__ import annotations

from choreo_local.cel.declarations import Library
from choreo_local.cel.libraries import (
    comprehensions,
    encoders,
    lists,
    mathematics,
    optionals,
    sets,
    standard,
    strings,
)

STANDARD: tuple[Library, ...] = (
    standard.LIBRARY,
    optionals.LIBRARY,
    strings.LIBRARY,
    encoders.LIBRARY,
    mathematics.LIBRARY,
    lists.LIBRARY,
    sets.LIBRARY,
    comprehensions.LIBRARY,
)
