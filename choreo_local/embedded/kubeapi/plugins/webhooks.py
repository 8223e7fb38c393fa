"""Admission webhooks: others that change or judge what is written, asked over HTTPS."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import orjson

from choreo_local import clock
from choreo_local.apimachinery.copying import deep_copy
from choreo_local.apimachinery.patch import json_patch
from choreo_local.embedded.kubeapi import problems, webhookcalls
from choreo_local.embedded.kubeapi.authz import Authorizer
from choreo_local.embedded.kubeapi.core import Attributes, Manifest
from choreo_local.embedded.kubeapi.plugins import expressions, rules
from choreo_local.embedded.storage.store import Store
from choreo_local.errors import BY_CODE, ApiError, BadRequestError, InvalidError

_GROUP = "admissionregistration.k8s.io"
_MUTATING = f"mutatingwebhookconfigurations.{_GROUP}"
_VALIDATING = f"validatingwebhookconfigurations.{_GROUP}"
_DEFAULT_SECONDS = 10


class _CallError(Exception):
    """A webhook could not be asked, or its answer not be read."""

    def __init__(self, why: str) -> None:
        super().__init__(f"failed to call webhook: {why}")


class _UnusableError(Exception):
    """What a webhook answered is a review, but not one that can be used."""

    def __init__(self, why: str) -> None:
        super().__init__(f"received invalid webhook response: {why}")


class Webhooks:
    """Asks the configured webhooks.

    Args:
        store: where configurations and services are.
        authorizer: for match conditions that ask what the caller may do.
    """

    def __init__(self, store: Store, authorizer: Authorizer) -> None:
        self._store = store
        self._authorizer = authorizer

    async def mutate(self, attributes: Attributes) -> None:
        """Let mutating webhooks change the object; again those that ask for it."""
        obj = attributes.new
        if not self._is_concerned(attributes, _MUTATING) or obj is None:
            return
        asked: list[Mapping[str, Any]] = []
        changed_since: dict[int, bool] = {}
        for hook in self._matching(_MUTATING, attributes):
            if await self._change(hook, attributes, obj):
                changed_since = dict.fromkeys(range(len(asked)), True)
            asked.append(hook)
        for index, hook in enumerate(asked):
            if changed_since.get(index) and hook.get("reinvocationPolicy") == "IfNeeded":
                await self._change(hook, attributes, obj)

    def mutate_again(self, attributes: Attributes) -> None:
        """Those that ask for it have been asked again already."""

    async def validate(self, attributes: Attributes) -> None:
        """Let validating webhooks refuse."""
        if attributes.operation == "DELETE" and self._is_concerned(attributes, _MUTATING):
            # There is nothing to change in what is deleted, but its deletion may be refused.
            for hook in self._matching(_MUTATING, attributes):
                await self._ask(hook, attributes)
        if not self._is_concerned(attributes, _VALIDATING):
            return
        for hook in self._matching(_VALIDATING, attributes):
            answer = await self._ask(hook, attributes)
            if answer.get("patch") and hook.get("failurePolicy") != "Ignore":
                unusable = _UnusableError("validating webhook may not return response.patch")
                raise _failed(hook, str(unusable))

    def _is_concerned(self, attributes: Attributes, resource: str) -> bool:
        return bool(self._store.count(resource)) and not rules.is_exempt(attributes)

    def _matching(self, resource: str, attributes: Attributes) -> Iterator[Mapping[str, Any]]:
        for stored in self._store.select(resource):
            for hook in stored.object.get("webhooks") or ():
                if rules.selects(hook, attributes, self._store) and self._holds(hook, attributes):
                    yield hook

    def _holds(self, hook: Mapping[str, Any], attributes: Attributes) -> bool:
        conditions = hook.get("matchConditions")
        if not conditions:
            return True
        values = expressions.bind(attributes, self._authorizer, self._store)
        try:
            return expressions.holds(conditions, values)
        except expressions.ConditionError as error:
            if hook.get("failurePolicy") == "Ignore":
                return False
            raise problems.forbidden(
                attributes.call.collection.kind, attributes.name, str(error)
            ) from error

    async def _change(self, hook: Mapping[str, Any], attributes: Attributes, obj: Manifest) -> bool:
        """Ask a mutating webhook; says whether it changed the object."""
        answer = await self._ask(hook, attributes)
        patch = answer.get("patch")
        if not patch:
            return False
        if answer.get("patchType") != "JSONPatch":
            raise _failed(hook, f'unsupported patch type "{answer.get("patchType")}"')
        try:
            changed = json_patch.apply(obj, orjson.loads(base64.b64decode(patch)))
        except json_patch.RejectedError as error:
            raise problems.internal(error.why) from error
        except (ValueError, InvalidError, BadRequestError) as error:
            raise problems.internal(f"cannot apply the patch of {hook['name']}: {error}") from error
        if not isinstance(changed, dict) or changed == obj:
            return False
        attributes.course.is_changed = True
        obj.clear()
        obj.update(changed)
        return True

    async def _ask(self, hook: Mapping[str, Any], attributes: Attributes) -> Mapping[str, Any]:
        """The answer of a webhook that allows; its refusal is raised."""
        if attributes.dry_run and hook.get("sideEffects") not in ("None", "NoneOnDryRun"):
            raise problems.bad_request(
                f'admission webhook "{hook["name"]}" does not support dry run'
            )
        try:
            answer = await self._call(hook, _review(attributes))
        except (_CallError, _UnusableError) as error:
            if hook.get("failurePolicy") == "Ignore":
                return {}
            raise _failed(hook, str(error)) from error
        for text in answer.get("warnings") or ():
            attributes.warn(str(text))
        if not answer.get("allowed"):
            raise _denied(hook, answer.get("status") or {})
        return answer

    async def _call(self, hook: Mapping[str, Any], review: Manifest) -> Mapping[str, Any]:
        seconds = hook.get("timeoutSeconds") or _DEFAULT_SECONDS
        try:
            answer = await webhookcalls.ask(
                self._store,
                hook.get("clientConfig") or {},
                review,
                seconds=seconds,
                query=f"timeout={seconds}s",
            )
        except webhookcalls.CallError as error:
            raise _CallError(str(error)) from error
        return _read(answer, review["request"]["uid"])


def _read(review: Manifest, uid: str) -> Mapping[str, Any]:
    response = review.get("response")
    if not isinstance(response, dict):
        raise _CallError("webhook response is missing response")
    if response.get("uid") != uid:
        raise _UnusableError(f'expected response.uid="{uid}", got "{response.get("uid", "")}"')
    return response


def _review(attributes: Attributes) -> Manifest:
    request = rules.describe(attributes)
    for field in ("subResource", "requestSubResource"):
        if not request[field]:
            del request[field]
    if not request["name"]:
        del request["name"]
    request["uid"] = clock.new_uid()
    request["object"] = deep_copy(attributes.new)
    request["oldObject"] = deep_copy(attributes.old)
    return {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request}


def _failed(hook: Mapping[str, Any], why: str) -> ApiError:
    return problems.internal(f'failed calling webhook "{hook["name"]}": {why}')


@cache
def _error_of(code: int) -> type[ApiError]:
    """The error with a code: webhooks may refuse with codes that nobody else uses."""
    return BY_CODE.get(code) or type(f"Status{code}Error", (ApiError,), {"code": code})


def _denied(hook: Mapping[str, Any], status: Mapping[str, Any]) -> ApiError:
    denied = f'admission webhook "{hook["name"]}" denied the request'
    code = int(status.get("code") or 0)
    said = status.get("message") or status.get("reason")
    text = f"{denied}: {said}" if said else f"{denied} without explanation"
    kind = _error_of(code) if 400 <= code <= 999 else BadRequestError
    return kind(
        text, reason=str(status.get("reason") or ""), details=dict(status.get("details") or {})
    )
