"""Events, as both versions write them: the older calls some fields differently."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi.validation import checks, metadata, names, printed
from choreo_local.embedded.kubeapi.validation.metadata import Problems

Manifest = dict[str, Any]
Object = Mapping[str, Any]

_TO_OLD = {
    "involvedObject": "regarding",
    "message": "note",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
}
_MAX_SHORT, _MAX_NOTE = 128, 1024
_NOT_SAME = "does not match event.namespace"
# Fields that never change, and their types as messages show them.
_IMMUTABLE = {
    "involvedObject": "core.ObjectReference",
    "reason": "string",
    "message": "string",
    "source": "core.EventSource",
    "firstTimestamp": "*string",
    "lastTimestamp": "*string",
    "count": "int32",
    "type": "string",
    "eventTime": "*string",
    "action": "string",
    "related": "*core.ObjectReference",
    "reportingController": "string",
    "reportingInstance": "string",
}


def validate_old(obj: Manifest) -> Problems:
    """The problems of an event of the core group."""
    yield from _common(obj, controller="reportingComponent")


def validate_old_update(new: Manifest, _old: Manifest) -> Problems:
    """The problems of a changed event of the core group."""
    yield from validate_old(new)


def _common(obj: Object, *, controller: str) -> Problems:
    namespace = obj["metadata"].get("namespace") or ""
    about = (obj.get("involvedObject") or {}).get("namespace") or ""
    path = "involvedObject.namespace"
    if not obj.get("eventTime"):
        is_at_home = namespace == about if about else namespace in ("", "default")
        if not is_at_home:
            yield fielderrors.invalid_value(path, about, _NOT_SAME)
    else:
        if not about and namespace not in ("default", "kube-system"):
            yield fielderrors.invalid_value(path, about, _NOT_SAME)
        yield from _reporter(obj, controller)
    yield from checks.fits("namespace", namespace, names.dns_subdomain)


def _reporter(obj: Object, controller: str) -> Problems:
    reporter = obj.get(controller) or ""
    if not reporter:
        yield fielderrors.required(controller)
    yield from checks.fits(controller, reporter, names.qualified_name)
    for field in ("reportingInstance", "action", "reason"):
        if not obj.get(field):
            yield fielderrors.required(field)
        yield from _short(field, obj.get(field) or "", _MAX_SHORT)
    yield from _short("message", obj.get("message") or "", _MAX_NOTE)


def _short(field: str, value: str, limit: int) -> Problems:
    if len(value.encode()) > limit:
        yield fielderrors.invalid_value(field, "", f"can have at most {limit} characters")


def _renamed(obj: Object) -> dict[str, Any]:
    """An event of the newer group with the names of fields that messages use."""
    renamed = dict(obj)
    for old, new in _TO_OLD.items():
        renamed[old] = renamed.pop(new, None)
    return renamed


def validate(obj: Manifest) -> Problems:
    """The problems of a new event of the events group."""
    event = _renamed(obj)
    yield from _common(event, controller="reportingController")
    yield from _series(event)
    if not event.get("eventTime"):
        yield fielderrors.required("eventTime")
    type_ = event.get("type") or ""
    if type_ not in ("Normal", "Warning"):
        yield fielderrors.invalid_value("type", "", f"has invalid value: {type_}")
    for field in ("firstTimestamp", "lastTimestamp", "count", "source"):
        if event.get(field):
            yield fielderrors.invalid_value(field, "", "needs to be unset")


def _series(event: Object) -> Problems:
    series = event.get("series")
    if series is None:
        return
    if (series.get("count") or 0) < 2:
        yield fielderrors.invalid_value("series.count", "", "should be at least 2")
    if not series.get("lastObservedTime"):
        yield fielderrors.required("series.lastObservedTime")


def validate_update(new: Manifest, old: Manifest) -> Problems:
    """The problems of a changed event of the events group: only its series may change."""
    event, before = _renamed(new), _renamed(old)
    yield from _common(event, controller="reportingController")
    if event.get("series") != before.get("series"):
        yield from _series(event)
    for field, type_ in _IMMUTABLE.items():
        if event.get(field) != before.get(field):
            yield metadata.immutable(field, printed.internal(type_, event.get(field)))
