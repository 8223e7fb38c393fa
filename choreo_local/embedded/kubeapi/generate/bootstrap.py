"""The objects that a cluster has from its first moment, taken from a fresh real one.

`python -m choreo_local.embedded.kubeapi.generate.bootstrap LIST.json...` reads what
`kubectl get KIND -A -o json` prints and writes `_generated/bootstrap.jsonl.gz`.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[1] / "_generated" / "bootstrap.jsonl.gz"
KINDS = frozenset(
    {
        "ClusterRole",
        "ClusterRoleBinding",
        "FlowSchema",
        "PriorityClass",
        "PriorityLevelConfiguration",
        "Role",
        "RoleBinding",
    }
)
_KEPT_METADATA = ("name", "namespace", "labels", "annotations")


def objects(lists: Iterable[Path]) -> Iterator[dict[str, Any]]:
    """The objects of some lists, without what a server adds."""
    for path in lists:
        for obj in json.loads(path.read_text(encoding="utf-8"))["items"]:
            if obj["kind"] in KINDS:
                yield _cleaned(obj)


def _cleaned(obj: dict[str, Any]) -> dict[str, Any]:
    metadata = {key: obj["metadata"][key] for key in _KEPT_METADATA if key in obj["metadata"]}
    cleaned = {key: value for key, value in obj.items() if key != "status"}
    if "aggregationRule" in cleaned:
        # The aggregation of the server fills them in.
        cleaned["rules"] = None
    return {**cleaned, "metadata": metadata}


def write(lists: Iterable[Path], target: Path = TARGET) -> int:
    """Write the table; answers how many objects it holds."""
    found = sorted(
        objects(lists),
        key=lambda obj: (
            obj["kind"],
            obj["metadata"].get("namespace", ""),
            obj["metadata"]["name"],
        ),
    )
    lines = [json.dumps(obj, sort_keys=True, separators=(",", ":")) for obj in found]
    target.write_bytes(gzip.compress("\n".join(lines).encode(), mtime=0))
    return len(lines)


if __name__ == "__main__":
    print(write([Path(name) for name in sys.argv[1:]]), "objects")  # noqa: T201 - a command
