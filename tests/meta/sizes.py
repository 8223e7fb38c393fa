"""Fails when a module or a function outgrows its limit; run as `python -m tests.meta.sizes`."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULE_LINES = 400
FUNCTION_LINES = 60
# path → reason. Generated code needs no entry when it lives in a `_generated` folder.
EXCEPTIONS: dict[str, str] = {}


def modules() -> Iterator[Path]:
    """Our own source files, tests and generated code left out."""
    for package in ("choreo_local", "tui"):
        for path in sorted((ROOT / package).rglob("*.py")):
            if "_generated" not in path.parts:
                yield path


def problems() -> Iterator[str]:
    """One line for each module or function that is too long."""
    for path in modules():
        name = path.relative_to(ROOT).as_posix()
        text = path.read_text(encoding="utf-8")
        lines = text.count("\n")
        if lines > MODULE_LINES and name not in EXCEPTIONS:
            yield f"{name}: {lines} lines, more than {MODULE_LINES}"
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                where = f"{name}:{node.name}"
                if length > FUNCTION_LINES and where not in EXCEPTIONS:
                    yield f"{where}: {length} lines, more than {FUNCTION_LINES}"


def main() -> int:
    """Print the problems; the exit code says whether there were any."""
    found = list(problems())
    for line in found:
        print(line)  # noqa: T201 - this is a command
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
