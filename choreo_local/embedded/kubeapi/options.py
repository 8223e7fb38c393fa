"""Query parameters and DeleteOptions bodies → options, checked. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi import problems
from choreo_local.embedded.kubeapi.messages import Request
from choreo_local.embedded.kubeapi.requests import is_true
from choreo_local.errors import ApiError, Cause

_META = "meta.k8s.io"
_MAX_MANAGER_BYTES = 128
_POLICIES = ("Foreground", "Background", "Orphan")
_VALIDATIONS = ("Ignore", "Warn", "Strict")
_MATCHES = ("Exact", "NotOlderThan", "")


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """Options of create, update and patch."""

    dry_run: bool = False
    field_manager: str = ""
    field_validation: str = "Warn"
    force: bool = False


@dataclass(frozen=True, slots=True)
class ListOptions:
    """Options of list, watch and deletecollection."""

    label_selector: str = ""
    field_selector: str = ""
    limit: int = 0
    continue_token: str = ""
    resource_version: str = ""
    resource_version_match: str = ""
    allow_bookmarks: bool = False
    send_initial_events: bool | None = None
    timeout_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """Options of delete and deletecollection."""

    dry_run: bool = False
    grace_period_seconds: int | None = None
    propagation_policy: str | None = None
    orphan_dependents: bool | None = None
    uid: str | None = None
    resource_version: str | None = None


_PLAIN_WRITE = WriteOptions()


def read_write(request: Request, kind: str, *, apply: bool = False) -> WriteOptions:
    """The options of a create (`kind` CreateOptions), update or patch."""
    query = request.parameters
    if not query and not apply:
        return _PLAIN_WRITE
    causes: list[Cause] = _check_dry_run(_dry_runs(request))
    manager = query.get("fieldManager", "")
    causes += _check_manager(manager)
    if apply and not manager:
        causes.append(fielderrors.required("fieldManager", "is required for apply patch"))
    if kind == "PatchOptions" and not apply and "force" in query and is_true(query["force"]):
        causes.append(fielderrors.forbidden("force", "may not be specified for non-apply patch"))
    validation = query.get("fieldValidation", "")
    if validation and validation not in _VALIDATIONS:
        known = ("", "Ignore", "Strict", "Warn")
        causes.append(fielderrors.not_supported("fieldValidation", validation, known))
    if causes:
        raise _invalid(kind, causes)
    return WriteOptions(
        dry_run="dryRun" in query,
        field_manager=manager,
        field_validation=validation or "Warn",
        force=is_true(query.get("force")),
    )


def described(verb: str, *, dry_run: bool, field_manager: str = "") -> dict[str, Any]:
    """The options of a write as webhooks and policies see them."""
    options: dict[str, Any] = {"kind": f"{verb}Options", "apiVersion": f"{_META}/v1"}
    if dry_run:
        options["dryRun"] = ["All"]
    if field_manager:
        options["fieldManager"] = field_manager
    return options


def read_list(request: Request, *, watch: bool) -> ListOptions:
    """The options of a list or watch."""
    query = request.parameters
    if not query:
        return ListOptions()
    initial = query.get("sendInitialEvents")
    options = ListOptions(
        label_selector=query.get("labelSelector", ""),
        field_selector=query.get("fieldSelector", ""),
        limit=_integer(query, "limit") or 0,
        continue_token=query.get("continue", ""),
        resource_version=query.get("resourceVersion", ""),
        resource_version_match=query.get("resourceVersionMatch", ""),
        allow_bookmarks=is_true(query.get("allowWatchBookmarks")),
        send_initial_events=None if initial is None else is_true(initial),
        timeout_seconds=_integer(query, "timeoutSeconds"),
    )
    causes = _check_watch(options) if watch else _check_list(options)
    if causes:
        raise _invalid("ListOptions", causes)
    return options


def _check_list(options: ListOptions) -> list[Cause]:
    match = options.resource_version_match
    field = "resourceVersionMatch"
    causes: list[Cause] = []
    if options.send_initial_events is not None:
        causes.append(
            fielderrors.forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list")
        )
    if not match:
        return causes
    if not options.resource_version:
        detail = "resourceVersionMatch is forbidden unless resourceVersion is provided"
        causes.append(fielderrors.forbidden(field, detail))
    if options.continue_token:
        detail = "resourceVersionMatch is forbidden when continue is provided"
        causes.append(fielderrors.forbidden(field, detail))
    if match not in _MATCHES:
        causes.append(fielderrors.not_supported(field, match, _MATCHES))
    if match == "Exact" and options.resource_version == "0":
        detail = 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
        causes.append(fielderrors.forbidden(field, detail))
    return causes


def _check_watch(options: ListOptions) -> list[Cause]:
    match = options.resource_version_match
    field = "resourceVersionMatch"
    if options.send_initial_events is None:
        if match:
            detail = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is"
            return [fielderrors.forbidden(field, f"{detail} provided")]
        return []
    causes: list[Cause] = []
    if match != "NotOlderThan":
        detail = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        causes.append(fielderrors.forbidden(field, detail))
        if match:
            causes.append(fielderrors.not_supported(field, match, ("NotOlderThan",)))
    return causes


def read_delete(request: Request, body: Mapping[str, Any] | None) -> DeleteOptions:
    """The options of a delete: those of the body, or of the query when there is no body."""
    options = _from_body(body) if body is not None else _from_query(request)
    dry_runs = list(body.get("dryRun") or ()) if body is not None else _dry_runs(request)
    causes = _check_dry_run(dry_runs)
    policy = options.propagation_policy
    if policy is not None and policy not in _POLICIES:
        supported = (*_POLICIES, "nil")
        causes.append(fielderrors.not_supported("propagationPolicy", policy, supported))
    if policy is not None and options.orphan_dependents is not None:
        detail = "orphanDependents and deletionPropagation cannot be both set"
        causes.append(fielderrors.invalid_value("propagationPolicy", policy, detail))
    if causes:
        raise _invalid("DeleteOptions", causes)
    return options


def _from_body(body: Mapping[str, Any]) -> DeleteOptions:
    preconditions = body.get("preconditions") or {}
    return DeleteOptions(
        dry_run=bool(body.get("dryRun")),
        grace_period_seconds=body.get("gracePeriodSeconds"),
        propagation_policy=body.get("propagationPolicy"),
        orphan_dependents=body.get("orphanDependents"),
        uid=preconditions.get("uid"),
        resource_version=preconditions.get("resourceVersion"),
    )


def _from_query(request: Request) -> DeleteOptions:
    query = request.parameters
    if not query:
        return DeleteOptions()
    orphan = query.get("orphanDependents")
    return DeleteOptions(
        dry_run="dryRun" in query,
        grace_period_seconds=_integer(query, "gracePeriodSeconds"),
        propagation_policy=query.get("propagationPolicy"),
        orphan_dependents=None if orphan is None else is_true(orphan),
    )


def _dry_runs(request: Request) -> list[str]:
    return [value for name, value in request.pairs if name == "dryRun"]


def _check_dry_run(values: Sequence[str]) -> list[Cause]:
    if not values or all(value == "All" for value in values):
        return []
    return [fielderrors.not_supported("dryRun", list(values), ("All",))]


def _check_manager(manager: str) -> list[Cause]:
    if not manager:
        return []
    causes: list[Cause] = []
    if len(manager.encode()) > _MAX_MANAGER_BYTES:
        causes.append(fielderrors.too_long("fieldManager", _MAX_MANAGER_BYTES))
    for position, character in enumerate(manager):
        if not character.isprintable():
            detail = f"invalid character U+{ord(character):04X} (at position {position})"
            causes.append(fielderrors.invalid_value("fieldManager", manager, detail))
            break
    return causes


def _invalid(kind: str, causes: Sequence[Cause]) -> ApiError:
    return fielderrors.invalid(kind, "", causes, group=_META)


def _integer(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        raise problems.bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None


def parse_revision(text: str) -> int:
    """A resourceVersion as a number; ValueError worded as Go words it."""
    if text.isascii() and text.isdigit() and len(text) < 20:
        return int(text)
    raise ValueError(f'strconv.ParseUint: parsing "{text}": invalid syntax')
