"""Acting as somebody else: the Impersonate-* headers, and whether the caller may use them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from urllib.parse import unquote

from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi import authz, problems, rbac
from choreo_local.embedded.kubeapi.authn import authenticated
from choreo_local.embedded.kubeapi.authz import Authorizer, Decision
from choreo_local.embedded.kubeapi.messages import ANONYMOUS, Request, User
from choreo_local.embedded.kubeapi.rbac import Action
from choreo_local.embedded.kubeapi.requests import RequestInfo
from choreo_local.errors import ApiError

_PREFIX = "impersonate-"
_EXTRA = "impersonate-extra-"
_NODE = "system:node:"
_AUTHENTICATION = "authentication.k8s.io"
_UNAUTHENTICATED = ANONYMOUS.groups[0]


@dataclass(frozen=True, slots=True)
class _Mode:
    """One way to be allowed: a verb on what is impersonated, and one on what is done with it."""

    verb: str
    on: str = ""

    @property
    def group(self) -> str:
        return _AUTHENTICATION if self.on else ""


_LEGACY = _Mode("impersonate")


def impersonate(authorizer: Authorizer, user: User, request: Request, info: RequestInfo) -> User:
    """The user that the caller wants to act as, or the caller; 403 when it may not."""
    wanted = _wanted(request)
    if wanted is None:
        return user
    first: ApiError | None = None
    for mode in _modes(wanted):
        try:
            return _check(authorizer, user, wanted, mode, info)
        except ApiError as error:
            first = first or error
    raise first or problems.internal("all impersonation modes failed")


def _wanted(request: Request) -> User | None:
    headers = {name: text for name, text in request.headers.items() if name.startswith(_PREFIX)}
    if not headers:
        return None
    name = headers.get("impersonate-user", "")
    groups = headers.get("impersonate-group")
    extra = {
        unquote(key.removeprefix(_EXTRA)): tuple(text.split("\n"))
        for key, text in headers.items()
        if key.startswith(_EXTRA)
    }
    wanted = User(
        name,
        tuple(groups.split("\n")) if groups is not None else (),
        headers.get("impersonate-uid", ""),
        extra,
    )
    if name:
        return wanted
    if wanted.groups or wanted.uid or extra:
        raise problems.bad_request(
            f"requested {_printed(wanted)} without impersonating a user name"
        )
    return None


def _printed(user: User) -> str:
    """The user as the refusal prints it."""
    extra = "map[string][]string(nil)"
    if user.extra:
        entries = (
            f"{fielderrors.quote(key)}:{_printed_list(values)}"
            for key, values in sorted(user.extra.items())
        )
        extra = "map[string][]string{" + ", ".join(entries) + "}"
    groups = _printed_list(user.groups) if user.groups else "[]string(nil)"
    return (
        f'&user.DefaultInfo{{Name:"{user.name}", UID:{fielderrors.quote(user.uid)},'
        f" Groups:{groups}, Extra:{extra}}}"
    )


def _printed_list(values: Sequence[str]) -> str:
    return "[]string{" + ", ".join(fielderrors.quote(value) for value in values) + "}"


def _modes(wanted: User) -> Iterator[_Mode]:
    only_name = not (wanted.groups or wanted.uid or wanted.extra)
    if wanted.name.startswith(_NODE):
        kinds = ("arbitrary-node",) if only_name else ()
    elif _account(wanted.name):
        kinds = ("serviceaccount",) if only_name else ()
    else:
        kinds = ("user-info",)
    for kind in kinds:
        yield _Mode(f"impersonate:{kind}", f"impersonate-on:{kind}")
    yield _LEGACY


def _account(name: str) -> tuple[str, str] | None:
    """Namespace and name of a service account's user name."""
    namespace, colon, account = name.removeprefix(rbac.SERVICE_ACCOUNT).partition(":")
    if not name.startswith(rbac.SERVICE_ACCOUNT) or not colon:
        return None
    return namespace, account


def _check(
    authorizer: Authorizer, user: User, wanted: User, mode: _Mode, info: RequestInfo
) -> User:
    actions = list(_actions(wanted, mode))
    if mode.on:
        action = authz.action_of(info)
        actions.insert(0, replace(action, verb=f"{mode.on}:{action.verb}"))
    for action in actions:
        _require(authorizer, user, action)
    if mode.on and rbac.MASTERS in wanted.groups:
        text = "impersonating the system:masters group is not allowed"
        action = Action(mode.verb, mode.group, "groups", name=rbac.MASTERS)
        raise authz.refusal(user, action, Decision(allowed=False, reason=text))
    return _completed(wanted, mode)


def _require(authorizer: Authorizer, user: User, action: Action) -> None:
    decision = authorizer.decide(user, action)
    if not decision.allowed:
        raise authz.refusal(user, action, decision)


def _actions(wanted: User, mode: _Mode) -> Iterator[Action]:
    """What the caller must be allowed to do, one check a field."""
    account = _account(wanted.name)
    if mode.on and wanted.name.startswith(_NODE):
        name = wanted.name.removeprefix(_NODE)
        yield Action(mode.verb, mode.group, "nodes", name=name)
    elif account:
        namespace, name = account
        yield Action(mode.verb, mode.group, "serviceaccounts", namespace=namespace, name=name)
    else:
        yield Action(mode.verb, mode.group, "users", name=wanted.name)
    if wanted.uid:
        yield Action(mode.verb, _AUTHENTICATION, "uids", name=wanted.uid)
    for group in wanted.groups:
        yield Action(mode.verb, mode.group, "groups", name=group)
    for key, values in wanted.extra.items():
        for value in values:
            yield Action(mode.verb, _AUTHENTICATION, "userextras", key, name=value)


def _completed(wanted: User, mode: _Mode) -> User:
    """The user with the groups that follow from its name."""
    groups = wanted.groups
    account = _account(wanted.name)
    if account and not groups:
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{account[0]}")
    elif mode.on and wanted.name.startswith(_NODE):
        groups = ("system:nodes",)
    user = replace(wanted, groups=groups)
    if user.name == ANONYMOUS.name:
        return (
            user
            if _UNAUTHENTICATED in groups
            else replace(user, groups=(*groups, _UNAUTHENTICATED))
        )
    return user if _UNAUTHENTICATED in groups else authenticated(user)
