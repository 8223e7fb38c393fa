"""Custom objects between versions, by the webhook of their definition.

Objects are converted ahead of the code that wants them in another version, which then finds them
here: that code runs without waiting for anybody.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from choreo_local import clock
from choreo_local.apimachinery.copying import deep_copy
from choreo_local.apimachinery.gvk import GroupVersionKind, split_api_version
from choreo_local.embedded.kubeapi import problems, webhookcalls
from choreo_local.embedded.kubeapi.core import Manifest
from choreo_local.embedded.storage.eventlog import Stored
from choreo_local.embedded.storage.store import Store
from choreo_local.errors import ApiError

_SECONDS = 30.0
_REMEMBERED = 5_000
_Key = tuple[str, str, str]


class WebhookConverter:
    """Converts the objects of one definition.

    Args:
        store: where Services are.
        conversion: `spec.conversion` of the definition.
    """

    def __init__(self, store: Store, conversion: Mapping[str, Any]) -> None:
        self._store = store
        self._webhook: Mapping[str, Any] = conversion.get("webhook") or {}
        self._converted: OrderedDict[_Key, Manifest] = OrderedDict()

    async def prepare(self, items: Iterable[Stored], api_version: str) -> None:
        """Convert what is not in a version yet, all of it at once."""
        missing = [
            item.object
            for item in items
            if item.object["apiVersion"] != api_version
            and _key(item.object, api_version) not in self._converted
        ]
        if missing:
            converted = await self._convert(missing, api_version)
            for obj, other in zip(missing, converted, strict=True):
                self._keep(obj, other, api_version)

    def known(self, obj: Manifest, api_version: str) -> Manifest:
        """A stored object in a version, as it was converted before."""
        found = self._converted.get(_key(obj, api_version))
        if found is None:
            raise problems.plain_internal(f"{_named(obj)} has not been converted to {api_version}")
        return deep_copy(found)

    async def to_version(self, obj: Manifest, api_version: str) -> Manifest:
        """An object that is about to be stored, in the version of the store."""
        if obj["apiVersion"] == api_version:
            return obj
        (converted,) = await self._convert([obj], api_version)
        return converted

    def remember(self, stored: Stored, obj: Manifest) -> None:
        """What has just been stored is this object in its version."""
        if stored.object["apiVersion"] != obj["apiVersion"]:
            kept = {**deep_copy(obj), "metadata": deep_copy(stored.object["metadata"])}
            self._keep(stored.object, kept, obj["apiVersion"])

    def _keep(self, obj: Mapping[str, Any], converted: Manifest, api_version: str) -> None:
        self._converted[_key(obj, api_version)] = converted
        while len(self._converted) > _REMEMBERED:
            self._converted.popitem(last=False)

    async def _convert(
        self, objects: Sequence[Mapping[str, Any]], api_version: str
    ) -> list[Manifest]:
        uid, named = clock.new_uid(), _named(objects[0], many=len(objects) > 1)
        request = {"uid": uid, "desiredAPIVersion": api_version, "objects": list(objects)}
        review = {
            "kind": "ConversionReview",
            "apiVersion": "apiextensions.k8s.io/v1",
            "request": request,
        }
        config = self._webhook.get("clientConfig") or {}
        try:
            answer = await webhookcalls.ask(
                self._store, config, review, seconds=_SECONDS, query="timeout=30s"
            )
            found = _objects_of(answer, uid)
        except (webhookcalls.CallError, _AnswerError) as error:
            raise _failed(f"conversion webhook for {named} failed: {error}") from error
        if len(found) != len(objects):
            raise _failed(
                f"conversion webhook for {named} returned {len(found)} objects, expected"
                f" {len(objects)}"
            )
        return [_checked(*pair, api_version) for pair in zip(objects, found, strict=True)]


class _AnswerError(ValueError):
    """A webhook did not convert; the text is the real server's."""


def _key(obj: Mapping[str, Any], api_version: str) -> _Key:
    metadata = obj["metadata"]
    return metadata["uid"], metadata.get("resourceVersion", ""), api_version


def _named(obj: Mapping[str, Any], *, many: bool = False) -> GroupVersionKind:
    kind = f"{obj['kind']}List" if many else obj["kind"]
    return GroupVersionKind(*split_api_version(obj["apiVersion"]), kind)


def _failed(why: str) -> ApiError:
    return problems.plain_internal(why)


def _objects_of(answer: Manifest, uid: str) -> list[Any]:
    response = answer.get("response")
    if not isinstance(response, dict):
        raise _AnswerError("no response provided")
    if response.get("uid") != uid:
        raise _AnswerError(f'expected response.uid="{uid}", got "{response.get("uid", "")}"')
    result = response.get("result") or {}
    if result.get("status") != "Success":
        status = result.get("status", "")
        told = result.get("message") or f"response.result.status was '{status}', not 'Success'"
        raise _AnswerError(told)
    return list(response.get("convertedObjects") or ())


def _checked(obj: Mapping[str, Any], found: Any, api_version: str) -> Manifest:
    """A converted object with the metadata of the other, but for labels and annotations."""
    prefix = f"conversion webhook for {_named(obj)} returned invalid "
    got = found if isinstance(found, dict) else {}
    if got.get("apiVersion") != api_version:
        raise _failed(
            f"{prefix}object at index 0: invalid groupVersion (expected {api_version}, received"
            f" {got.get('apiVersion', '')})"
        )
    metadata = got.get("metadata")
    if not isinstance(metadata, dict):
        raise _failed(f"{prefix}metadata: missing metadata in converted object")
    pairs = [("kind", obj["kind"], got.get("kind"))]
    pairs += [
        (word, obj["metadata"].get(name), metadata.get(name))
        for word, name in (("name", "name"), ("namespace", "namespace"), ("UID", "uid"))
    ]
    for word, wanted, given in pairs:
        if wanted != given:
            raise _failed(f"{prefix}object: must have the same {word}: {wanted} != {given or ''}")
    kept = {
        name: value
        for name, value in obj["metadata"].items()
        if name not in ("labels", "annotations")
    }
    changed = {name: metadata[name] for name in ("labels", "annotations") if metadata.get(name)}
    return {**got, "metadata": deep_copy({**kept, **changed})}
