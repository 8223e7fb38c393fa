"""Reads what was recorded of kube-apiserver's refusals."""

from __future__ import annotations

import copy
import gzip
import json
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

_FILE = Path(__file__).parent / "recorded" / "refusals.jsonl.gz"
_LONG = "x" * 300
_UID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Causes = list[list[str]]


@dataclass(slots=True)
class Base:
    """A valid object and what became of changes to it.

    Attributes:
        sent: as created.
        stored: as answered; None when it could not be created for good.
        created: changes that were created instead.
        replaced: changes that replaced the stored object.
    """

    sent: dict[str, Any]
    stored: dict[str, Any] | None
    created: list[dict[str, Any]] = field(default_factory=list)
    replaced: list[dict[str, Any]] = field(default_factory=list)


@cache
def bases() -> dict[str, Base]:
    """The recorded objects by name, e.g. `apps/v1/Deployment/1`."""
    found: dict[str, Base] = {}
    for line in gzip.decompress(_FILE.read_bytes()).splitlines():
        entry = json.loads(line)
        if "object" in entry:
            found[entry["base"]] = Base(entry["object"], entry["stored"])
        elif entry["on"] == "create":
            found[entry["base"]].created.append(entry)
        else:
            found[entry["base"]].replaced.append(entry)
    return found


def changed(obj: dict[str, Any], entry: dict[str, Any]) -> dict[str, Any]:
    """The object with the field of an entry changed or removed."""
    result = copy.deepcopy(obj)
    parent: Any = result
    for step in entry["path"][:-1]:
        parent = parent[step]
    if "set" in entry:
        parent[entry["path"][-1]] = _expanded(entry["set"])
    else:
        del parent[entry["path"][-1]]
    return result


def _expanded(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("<long>", _LONG)
    if isinstance(value, list):
        return [_expanded(item) for item in value]
    if isinstance(value, dict):
        return {key: _expanded(item) for key, item in value.items()}
    return value


def squeezed(text: str) -> str:
    """A message with the placeholders of the recording."""
    return _UID.sub("<uid>", text).replace(_LONG, "<long>")
