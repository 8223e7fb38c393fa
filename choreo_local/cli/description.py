"""One object in words: identity, spec, conditions, events. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from choreo_local.cli import ages
from choreo_local.cli.output import safe


def lines(obj: Mapping[str, Any], events: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The description, a line each; control characters are made visible."""
    return (safe(line) for line in _lines(obj, events))


def _lines(obj: Mapping[str, Any], events: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    metadata = obj["metadata"]
    yield f"Name:         {metadata['name']}"
    if metadata.get("namespace"):
        yield f"Namespace:    {metadata['namespace']}"
    yield f"Kind:         {obj['kind']} ({obj['apiVersion']})"
    yield f"Age:          {ages.age(metadata.get('creationTimestamp'))}"
    for field in ("labels", "annotations"):
        for number, (key, value) in enumerate(sorted((metadata.get(field) or {}).items())):
            head = f"{field.capitalize()}:" if number == 0 else ""
            yield f"{head:<14}{key}={value}"
    if metadata.get("deletionTimestamp"):
        # The OpenChoreo API does not say which finalizers an object has.
        waiting = ", ".join(metadata.get("finalizers") or ())
        rest = f", waiting for {waiting}" if waiting else ""
        yield f"Deleting:     since {metadata['deletionTimestamp']}{rest}"
    yield from _section("Spec", obj.get("spec"))
    status = dict(obj.get("status") or {})
    conditions = status.pop("conditions", None) or ()
    yield from _section("Status", status)
    yield from _conditions(conditions)
    yield from _events(events)


def _section(title: str, content: Any) -> Iterator[str]:
    if not content:
        return
    yield f"{title}:"
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    for line in text.rstrip().split("\n"):
        yield f"  {line}"


def _conditions(conditions: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not conditions:
        return
    yield "Conditions:"
    for entry in conditions:
        since = ages.age(entry.get("lastTransitionTime"))
        reason = entry.get("reason", "")
        yield f"  {entry['type']:<28}{entry['status']:<9}{since:<8}{reason}"
        if entry.get("message"):
            yield f"  {'':<28}{entry['message']}"


def _events(events: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not events:
        yield "Events:       none"
        return
    yield "Events:"
    for event in sorted(events, key=lambda event: str(event.get("lastTimestamp") or "")):
        when = ages.age(event.get("lastTimestamp") or event["metadata"].get("creationTimestamp"))
        count = event.get("count") or 1
        times = f" (x{count})" if count > 1 else ""
        head = f"  {when:<8}{event.get('type', ''):<9}{event.get('reason', ''):<22}"
        yield f"{head}{event.get('message', '')}{times}"
