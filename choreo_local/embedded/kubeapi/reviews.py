"""Access and identity reviews: kinds that are only ever created, and answer in their status."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson

from choreo_local import clock
from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi import answers, decoding, metadata, problems, rbac
from choreo_local.embedded.kubeapi.authn import Authenticator, authenticated
from choreo_local.embedded.kubeapi.authz import Authorizer
from choreo_local.embedded.kubeapi.core import Call, Manifest
from choreo_local.embedded.kubeapi.messages import Response, User
from choreo_local.embedded.kubeapi.options import read_write
from choreo_local.embedded.kubeapi.ownership import Ownership
from choreo_local.embedded.kubeapi.rbac import Action
from choreo_local.embedded.kubeapi.tokens import ISSUER, Tokens
from choreo_local.errors import Cause, UnauthorizedError

_SORTED = orjson.OPT_SORT_KEYS


@dataclass(slots=True)
class Reviews:
    """Answers reviews.

    Attributes:
        authorizer: decides.
        authenticator: knows static tokens.
        tokens: knows service-account tokens.
    """

    authorizer: Authorizer
    authenticator: Authenticator
    tokens: Tokens

    def find(self, call: Call) -> Callable[[Call], Awaitable[Response]] | None:
        """What answers a create of this kind, when it is a review."""
        if call.collection.kind.group not in ("authentication.k8s.io", "authorization.k8s.io"):
            return None
        return self.answer

    async def answer(self, call: Call) -> Response:
        """The review with its status."""
        options = read_write(call.request, "CreateOptions")
        review = decoding.read_object(call, field_validation=options.field_validation)
        metadata.check_url(call, review)
        review.pop("status", None)
        Ownership.of(call, options).track(None, review)
        kind = call.collection.kind.kind
        match kind:
            case "SelfSubjectReview":
                review = _self_review(review, call.user)
            case "TokenReview":
                self._review_token(review)
            case "SelfSubjectRulesReview":
                self._review_rules(review, call.user)
            case _:
                self._review_access(review, kind, call)
        return answers.value(call, review, status=201)

    def _review_access(self, review: Manifest, kind: str, call: Call) -> None:
        spec = review.get("spec") or {}
        own = kind == "SelfSubjectAccessReview"
        local = kind == "LocalSubjectAccessReview"
        causes = _check_metadata(review["metadata"], local=local) + _check_access(spec, own=own)
        if local and not causes:
            causes = _check_local(spec, call.namespace)
        if causes:
            raise fielderrors.invalid("", "", causes, group=call.collection.kind.group)
        user = call.user if own else _user_of(spec)
        decision = self.authorizer.decide(user, _action(spec))
        status: Manifest = {"allowed": decision.allowed}
        if decision.reason:
            status["reason"] = decision.reason
        review["status"] = status

    def _review_rules(self, review: Manifest, user: User) -> None:
        namespace = (review.get("spec") or {}).get("namespace")
        if not namespace:
            raise problems.bad_request("no namespace on request")
        rules = self.authorizer.rules_of(user, namespace)
        resource_rules, other_rules = [], []
        for rule in rules:
            if rule.get("resources"):
                resource_rules.append(
                    _picked(rule, "verbs", "apiGroups", "resources", "resourceNames")
                )
            elif rule.get("nonResourceURLs"):
                other_rules.append(_picked(rule, "verbs", "nonResourceURLs"))
        review["spec"], review["metadata"] = {}, {}
        review["status"] = {
            "resourceRules": resource_rules,
            "nonResourceRules": other_rules,
            "incomplete": False,
        }

    def _review_token(self, review: Manifest) -> None:
        spec = review.get("spec") or {}
        token = spec.get("token") or ""
        if not token:
            raise problems.bad_request("token is required for TokenReview in authentication")
        audiences = spec.get("audiences") or [ISSUER]
        try:
            found = self.tokens.review(token, audiences)
        except UnauthorizedError as error:
            review["status"] = {"user": {}, "error": f"[invalid bearer token, {error.message}]"}
            return
        if found is None:
            user = self.authenticator.check_token(token)
            if user is None:
                review["status"] = {"user": {}, "error": "invalid bearer token"}
                return
            found = user, audiences
        review["status"] = {
            "authenticated": True,
            "user": user_info(authenticated(found[0])),
            "audiences": list(found[1]),
        }


def _self_review(review: Manifest, user: User) -> Manifest:
    return {
        "kind": review["kind"],
        "apiVersion": review["apiVersion"],
        "metadata": {"creationTimestamp": clock.timestamp()},
        "status": {"userInfo": user_info(user)},
    }


def user_info(user: User) -> Manifest:
    """A user as `authentication.k8s.io/v1 UserInfo`."""
    info: Manifest = {}
    if user.name:
        info["username"] = user.name
    if user.uid:
        info["uid"] = user.uid
    if user.groups:
        info["groups"] = list(user.groups)
    if user.extra:
        info["extra"] = {key: list(values) for key, values in user.extra.items()}
    return info


def _picked(rule: rbac.Rule, *fields: str) -> dict[str, Any]:
    return {field: rule[field] for field in fields if rule.get(field)}


def _user_of(spec: Manifest) -> User:
    return User(
        spec.get("user") or "",
        tuple(spec.get("groups") or ()),
        spec.get("uid") or "",
        spec.get("extra") or {},
    )


def _action(spec: Manifest) -> Action:
    other = spec.get("nonResourceAttributes")
    if other is not None:
        return Action(verb=other.get("verb", ""), path=other.get("path", ""))
    wanted = spec.get("resourceAttributes") or {}
    return Action(
        verb=wanted.get("verb", ""),
        group=wanted.get("group", ""),
        resource=wanted.get("resource", ""),
        subresource=wanted.get("subresource", ""),
        namespace=wanted.get("namespace", ""),
        name=wanted.get("name", ""),
    )


def _check_metadata(found: Manifest, *, local: bool) -> list[Cause]:
    """A review is about no object of its own."""
    ignored = {"managedFields", "namespace"} if local else {"managedFields"}
    if not found.keys() - ignored:
        return []
    detail = "must be empty except for namespace" if local else "must be empty"
    # As it would be stored: the fields that somebody manages are in order.
    shown = orjson.loads(orjson.dumps(found.get("managedFields") or [], option=_SORTED))
    entries = [
        {**entry, "fieldsV1": fields["fieldsV1"]}
        for entry, fields in zip(found.get("managedFields") or (), shown, strict=True)
    ]
    return [fielderrors.invalid_value("metadata", {**found, "managedFields": entries}, detail)]


def _check_access(spec: Manifest, *, own: bool) -> list[Cause]:
    causes: list[Cause] = []
    resource, other = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if resource is not None and other is not None:
        detail = "cannot be specified in combination with resourceAttributes"
        causes.append(
            fielderrors.invalid_value("spec.nonResourceAttributes", _printed(other), detail)
        )
    if resource is None and other is None:
        detail = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        causes.append(fielderrors.invalid_value("spec.resourceAttributes", None, detail))
    if not own and not spec.get("user") and not spec.get("groups"):
        detail = "at least one of user or group must be specified"
        causes.append(fielderrors.invalid_value("spec.user", "", detail))
    return causes


def _printed(attributes: Manifest) -> Manifest:
    return {"Path": attributes.get("path", ""), "Verb": attributes.get("verb", "")}


def _check_local(spec: Manifest, namespace: str) -> list[Cause]:
    other = spec.get("nonResourceAttributes")
    if other is not None:
        detail = "disallowed on this kind of request"
        field = "spec.nonResourceAttributes"
        return [fielderrors.invalid_value(field, _printed(other), detail)]
    wanted = (spec.get("resourceAttributes") or {}).get("namespace", "")
    if wanted != namespace:
        detail = "must match metadata.namespace"
        field = "spec.resourceAttributes.namespace"
        return [fielderrors.invalid_value(field, wanted, detail)]
    return []
