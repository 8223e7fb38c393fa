"""What would change in an environment, object by object; pure."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from choreo_local.apiclient.types import Change

Manifest = Mapping[str, Any]

_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
# Difference algorithms are quadratic at worst; what is larger is shown as replaced.
_MOST_LINES = 5000


def changes(now: Sequence[Manifest], then: Sequence[Manifest]) -> tuple[Change, ...]:
    """What happens to the entries of a RenderedRelease, in the order of the new ones."""
    before = {str(entry["id"]): entry["object"] for entry in now}
    after = {str(entry["id"]): entry["object"] for entry in then}
    found = [_change(name, before.get(name), obj) for name, obj in after.items()]
    found += [_change(name, obj, None) for name, obj in before.items() if name not in after]
    return tuple(change for change in found if change is not None)


def summary(found: Iterable[Change]) -> str:
    """How many of each, e.g. `1 added, 2 changed, 0 removed`."""
    kinds = [change.change for change in found]
    return ", ".join(f"{kinds.count(kind)} {kind}" for kind in ("added", "changed", "removed"))


def _change(identifier: str, old: Manifest | None, new: Manifest | None) -> Change | None:
    if old == new:
        return None
    obj = new or old or {}
    kind = str(obj.get("kind") or "")
    name = str((obj.get("metadata") or {}).get("name") or "")
    title = f"{kind}/{name}"
    text = diff(_text(old), _text(new), title)
    if old is None:
        return Change(identifier, kind, name, "added", text)
    return Change(identifier, kind, name, "removed" if new is None else "changed", text)


def diff(old: str, new: str, title: str) -> str:
    """A unified diff of two texts."""
    before, after = old.splitlines(), new.splitlines()
    if max(len(before), len(after)) > _MOST_LINES:
        body = [f"-{line}" for line in before] + [f"+{line}" for line in after]
        return "\n".join([f"--- {title}", f"+++ {title}", *body])
    return "\n".join(difflib.unified_diff(before, after, title, title, lineterm=""))


def _text(obj: Manifest | None) -> str:
    if obj is None:
        return ""
    text: str = yaml.dump(
        _masked(obj), Dumper=_DUMPER, sort_keys=True, allow_unicode=True, width=1000
    )
    return text


def _masked(obj: Manifest) -> Manifest:
    """The object with the values of a Secret replaced: equal ones still look equal."""
    if obj.get("kind") != "Secret" or obj.get("apiVersion") != "v1":
        return obj
    hidden = dict(obj)
    for field in ("data", "stringData"):
        if isinstance(obj.get(field), Mapping):
            hidden[field] = {key: _digest(value) for key, value in obj[field].items()}
    return hidden


def _digest(value: Any) -> str:
    return f"(hidden, {hashlib.sha256(str(value).encode()).hexdigest()[:8]})"
