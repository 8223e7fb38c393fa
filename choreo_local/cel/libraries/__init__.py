"""The libraries of functions and macros, and the choices of them that environments start from."""

from __future__ import annotations

from choreo_local.cel.declarations import Library
from choreo_local.cel.libraries import (
    bindings,
    comprehensions,
    encoders,
    kubernetes,
    lists,
    mathematics,
    optionals,
    sets,
    standard,
    strings,
    wellknown,
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
    wellknown.LIBRARY,
)

# For rules in CustomResourceDefinitions; `kubernetes.formats.library` is to be added.
KUBERNETES: tuple[Library, ...] = (
    standard.LIBRARY,
    kubernetes.STRICTNESS,
    optionals.LIBRARY,
    strings.LIBRARY,
    sets.LIBRARY,
    comprehensions.LIBRARY,
    wellknown.LIBRARY,
    *kubernetes.LIBRARIES,
)

ALL: tuple[Library, ...] = (*STANDARD, bindings.LIBRARY, *kubernetes.LIBRARIES)
