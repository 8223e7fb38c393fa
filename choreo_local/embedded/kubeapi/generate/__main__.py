"""Command line of the generator: `python -m choreo_local.embedded.kubeapi.generate [--check]`."""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from pathlib import Path
from typing import Any

from choreo_local.embedded.kubeapi.generate import gotypes, internaltypes, schemas

TARGET = Path(__file__).parents[1] / "_generated"


def main(arguments: list[str] | None = None) -> int:
    """Write the tables, or compare them with what their sources give."""
    parser = argparse.ArgumentParser(prog="python -m choreo_local.embedded.kubeapi.generate")
    parser.add_argument("--check", action="store_true", help="compare only; 1 when one differs")
    parser.add_argument(
        "--go", type=Path, metavar="DIR", help="Go module cache with the Kubernetes modules v0.36"
    )
    options = parser.parse_args(arguments)
    differing = 0
    for name, content in _tables(options.go):
        if content is None:
            _say(f"{name}: not checked, needs --go")
        elif options.check:
            if _read(name) != content:
                _say(f"{name}: differs from its source; run the generator")
                differing = 1
        else:
            _write(name, content)
    return differing


def _tables(go: Path | None) -> list[tuple[str, bytes | None]]:
    return [
        ("definitions.jsonl.gz", _lines(schemas.read())),
        ("types.jsonl.gz", _lines(gotypes.read(go)) if go else None),
        ("internal.jsonl.gz", _lines(internaltypes.read(go)) if go else None),
    ]


def _lines(table: dict[str, Any]) -> bytes:
    """One line an entry, so that a reader can find one without parsing all."""
    lines = (
        f"{name}\t{json.dumps(value, separators=(',', ':'))}\n" for name, value in table.items()
    )
    return "".join(lines).encode()


def _read(name: str) -> bytes | None:
    path = TARGET / name
    # The compressed bytes depend on the version of zlib; what they hold does not.
    return gzip.decompress(path.read_bytes()) if path.exists() else None


def _write(name: str, content: bytes) -> None:
    TARGET.mkdir(exist_ok=True)
    (TARGET / name).write_bytes(gzip.compress(content, compresslevel=9, mtime=0))
    _say(f"{name}: {len(content)} bytes written")


def _say(line: str) -> None:
    print(line, file=sys.stderr)  # noqa: T201 - this is a command


if __name__ == "__main__":
    sys.exit(main())
