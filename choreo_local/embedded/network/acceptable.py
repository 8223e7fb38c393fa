"""What Envoy would refuse, found before: one bad value holds up all later changes of a port.

Pure; used by all that turns objects into values of the route table.
"""

from __future__ import annotations

from collections.abc import Iterable

import re2

# The same number as in Envoy's configuration (`xds.bootstrap`).
LARGEST_PROGRAM = 1000
LARGEST_NUMBER = (1 << 32) - 1

_HEADER_NAME = re2.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}")
_REFERENCE = re2.compile(r"\\(.?)")


def pattern_fault(pattern: str) -> str:
    """What is wrong with a regular expression; empty for nothing."""
    try:
        compiled = re2.compile(pattern)
    except re2.error as error:
        return f"bad regular expression {pattern!r}: {error}"
    if compiled.programsize > LARGEST_PROGRAM:
        return (
            f"the regular expression {pattern[:40]!r} is too costly: {compiled.programsize} steps, "
            f"{LARGEST_PROGRAM} are allowed"
        )
    return ""


def substitution_fault(pattern: str, substitution: str) -> str:
    """What is wrong with a regular expression and what replaces its match."""
    fault = pattern_fault(pattern) or text_fault(substitution)
    if fault:
        return fault
    groups = re2.compile(pattern).groups
    for found in _REFERENCE.finditer(substitution):
        name = found.group(1)
        if name != "\\" and not (name.isdigit() and int(name) <= groups):
            return f"the substitution names {found.group(0)!r}, but there are {groups} groups"
    return ""


def text_fault(text: str) -> str:
    """What is wrong with a header's value, a path or a host name."""
    return "line breaks are not allowed in values" if set(text) & set("\r\n\0") else ""


def headers_fault(pairs: Iterable[tuple[str, str]], names: Iterable[str] = ()) -> str:
    """What is wrong with headers to set, and with names of headers."""
    for name, value in pairs:
        if fault := name_fault(name) or text_fault(value):
            return f'header "{name}": {fault}'
    return next((fault for each in names if (fault := name_fault(each))), "")


def name_fault(name: str) -> str:
    """What is wrong with the name of a header."""
    return "" if _HEADER_NAME.fullmatch(name) else f"{name!r} is no name of a header"
