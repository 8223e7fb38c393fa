"""get and list."""

from __future__ import annotations

import asyncio
import base64
import posixpath
from collections.abc import Sequence
from typing import Any

import orjson

from choreo_local.embedded.kubeapi import answers, conversion, problems, tables
from choreo_local.embedded.kubeapi.bodies import describe_json_error
from choreo_local.embedded.kubeapi.core import Call, Core, Manifest
from choreo_local.embedded.kubeapi.matching import Matcher, build_matcher
from choreo_local.embedded.kubeapi.messages import Response
from choreo_local.embedded.kubeapi.options import ListOptions, parse_revision, read_list
from choreo_local.embedded.kubeapi.registry import Collection
from choreo_local.embedded.storage.eventlog import Stored
from choreo_local.errors import BadRequestError, Cause, TimeoutApiError

# How long a read waits for a revision that does not exist yet.
_WAIT_SECONDS = 3.0
# The revision in a token with which a list goes on as things are by then.
_NOW = -1
_TOKEN_VERSION = "meta.k8s.io/v1"


async def get(core: Core, call: Call) -> Response:
    """One object."""
    revision = call.request.parameters.get("resourceVersion")
    if revision:
        await await_revision(core, _revision_or_500(revision))
    stored = core.store.get(call.collection.storage, call.key)
    if stored is None:
        raise problems.not_found(call.collection.kind, call.name)
    await conversion.prepare(call.collection, [stored])
    return answers.one(call, text_of(call.collection, stored))


def text_of(collection: Collection, stored: Stored) -> bytes:
    """The JSON text of a stored object in the version of a collection."""
    raw = stored.raw
    if raw.startswith(collection.prefix):
        return raw
    return orjson.dumps(versioned(collection, stored.fresh()))


def versioned(collection: Collection, obj: Manifest) -> Manifest:
    """An object of the store in the version of a collection, in place."""
    return conversion.convert(obj, collection)


def _revision_or_500(text: str) -> int:
    try:
        return parse_revision(text)
    except ValueError as error:
        raise problems.plain_internal(
            f'resourceVersion: Invalid value: "{text}": {error}'
        ) from None


async def await_revision(core: Core, revision: int) -> None:
    """Wait a moment for a revision; 504 when it does not come."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _WAIT_SECONDS
    while core.store.revision < revision:
        if loop.time() >= deadline:
            raise TimeoutApiError(
                f"Timeout: Too large resource version: {revision}, current: {core.store.revision}",
                causes=[Cause("ResourceVersionTooLarge", "Too large resource version")],
                details={"retryAfterSeconds": 1},
            )
        await asyncio.sleep(0.05)


async def list_(core: Core, call: Call) -> Response:
    """The objects of a collection, in pages when a limit is given."""
    options = read_list(call.request, watch=False)
    matcher = build_matcher(call, options)
    revision, start, exact = _consistency(options)
    if revision > core.store.revision:
        await await_revision(core, revision)
    items, revision = _select(core, call, revision, exact=exact, start=start)
    if start:
        items = [item for item in items if item.key >= start]
    if matcher.tests:
        items = [item for item in items if matcher.matches(item)]
    custom = call.collection.served.custom
    filtered = bool(matcher.tests)
    page, metadata = _page(items, options, revision, filtered=filtered, custom=custom)
    await conversion.prepare(call.collection, page)
    return answer_list(call, page, metadata)


def _consistency(options: ListOptions) -> tuple[int, str, bool]:
    """Revision asked for, key to start from, and whether it must be exactly that revision."""
    text = options.resource_version
    if options.continue_token:
        revision, start = _read_token(options.continue_token)
        if text and text != "0":
            raise problems.bad_request(
                "specifying resource version is not allowed when using continue"
            )
        return max(revision, 0), start, revision != _NOW
    if not text:
        return 0, "", False
    try:
        revision = parse_revision(text)
    except ValueError as error:
        raise problems.bad_request(
            f'invalid resource version: resourceVersion: Invalid value: "{text}": {error}'
        ) from None
    match = options.resource_version_match
    exact = match == "Exact" or (not match and options.limit > 0 and revision > 0)
    return revision, "", exact


def _select(
    core: Core, call: Call, revision: int, *, exact: bool, start: str
) -> tuple[Sequence[Stored], int]:
    storage = call.collection.storage
    if not exact or not revision:
        return core.store.select(storage, call.namespace), core.store.revision
    items = core.store.select_at(storage, revision, call.namespace)
    if items is None:
        raise problems.expired_page(_make_token(_NOW, start)) if start else problems.expired_list()
    return items, revision


def _page(
    items: Sequence[Stored], options: ListOptions, revision: int, *, filtered: bool, custom: bool
) -> tuple[Sequence[Stored], dict[str, Any]]:
    metadata: dict[str, Any] = {"resourceVersion": str(revision)}
    if custom:
        # Lists of custom resources have always said that there is no more.
        metadata["continue"] = ""
    limit = options.limit
    if limit <= 0 or len(items) <= limit:
        return items, metadata
    page = items[:limit]
    # The next page starts at the smallest key behind the last one.
    metadata["continue"] = _make_token(revision, page[-1].key + "\0")
    if not filtered:
        metadata["remainingItemCount"] = len(items) - limit
    return page, metadata


def _make_token(revision: int, start: str) -> str:
    token = orjson.dumps({"v": _TOKEN_VERSION, "rv": revision, "start": start})
    return base64.urlsafe_b64encode(token).rstrip(b"=").decode()


def _read_token(token: str) -> tuple[int, str]:
    try:
        padded = token + "=" * (-len(token) % 4)
        content = base64.urlsafe_b64decode(padded.encode())
    except (ValueError, UnicodeEncodeError):
        raise _bad_token("illegal base64 data at input byte 0") from None
    try:
        value = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise _bad_token(describe_json_error(content)) from None
    version = value.get("v", "") if isinstance(value, dict) else ""
    if version != _TOKEN_VERSION:
        raise _bad_token(f"server does not recognize this encoded version {version}")
    revision, start = value.get("rv"), value.get("start")
    if not isinstance(revision, int) or revision == 0:
        raise problems.bad_request(
            "invalid continue token: continue key is not valid: incorrect encoded start"
            " resourceVersion (version meta.k8s.io/v1)"
        )
    if not isinstance(start, str) or not start:
        raise problems.bad_request(
            "invalid continue token: continue key is not valid: encoded start key empty (version"
            " meta.k8s.io/v1)"
        )
    if posixpath.normpath(f"/{start}") != f"/{start}":
        raise _bad_token(start)
    return revision, start


def _bad_token(why: str) -> BadRequestError:
    return problems.bad_request(f"invalid continue token: continue key is not valid: {why}")


def answer_list(call: Call, page: Sequence[Stored], metadata: dict[str, Any]) -> Response:
    """Objects of a collection as the list that the caller accepts."""
    form = call.form
    collection = call.collection
    answers.check_list(call)
    if form.transform == "Table":
        objects = [_object(collection, item) for item in page]
        table = answers.table(call, objects, metadata)
        return answers.encode(form, table, warnings=call.warnings)
    if form.transform:
        listed = {
            "kind": "PartialObjectMetadataList",
            "apiVersion": f"meta.k8s.io/{form.version}",
            "metadata": metadata,
            "items": [
                tables.partial(_object(collection, item), version=form.version) for item in page
            ],
        }
        return answers.encode(form, listed, warnings=call.warnings)
    body = list_text(collection, page, metadata)
    if form.media_type != "application/json":
        return answers.encode(form, orjson.loads(body), warnings=call.warnings)
    return Response(200, body, headers=answers.warning_headers(call.warnings))


def _object(collection: Collection, stored: Stored) -> Manifest:
    if stored.raw.startswith(collection.prefix):
        return stored.object
    return versioned(collection, stored.fresh())


def list_text(collection: Collection, page: Sequence[Stored], metadata: dict[str, Any]) -> bytes:
    """The JSON text of a list; items of builtin kinds do not repeat their type."""
    texts = [text_of(collection, item) for item in page]
    if not collection.served.custom:
        cut = len(collection.prefix)
        texts = [b"{" + text[cut:] for text in texts]
    return b'{"kind":"%s","apiVersion":"%s","metadata":%s,"items":[%s]}' % (
        collection.served.list_kind.encode(),
        collection.kind.api_version.encode(),
        orjson.dumps(metadata),
        b",".join(texts),
    )


def build_list_matcher(call: Call) -> Matcher:
    """The selection of a deletecollection."""
    return build_matcher(call, read_list(call.request, watch=False))
