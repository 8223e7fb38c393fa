"""Strategic merge patch: a merge patch that knows the merge keys of lists, for builtin kinds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from choreo_local.apimachinery import gotext
from choreo_local.apimachinery.copying import deep_copy
from choreo_local.apimachinery.patch.decoding import unmarshal_error
from choreo_local.apimachinery.patch.ordering import by_order, interleave
from choreo_local.apimachinery.schema.node import Structural
from choreo_local.errors import BadRequestError, InternalError

DIRECTIVE = "$patch"
RETAIN_KEYS = "$retainKeys"
DELETE_FROM = "$deleteFromPrimitiveList"
SET_ORDER = "$setElementOrder"

_DIRECTIVES = (DIRECTIVE, RETAIN_KEYS, DELETE_FROM, SET_ORDER)
_DELETE, _MERGE, _REPLACE = "delete", "merge", "replace"
_ANYTHING = Structural({})

Map = dict[str, Any]


def apply(document: Map, patch: Any, schema: Structural | None) -> Map:
    """The document after the patch; neither is touched.

    Args:
        document: the object.
        patch: the patch, as decoded from the request.
        schema: of the kind; without one, lists are replaced.

    Raises:
        BadRequestError: a directive has the wrong form.
        InternalError: a merge key is missing, lists are mixed, orders disagree; the API answers
            500 to these, as upstream does.
    """
    if not isinstance(patch, dict):
        raise BadRequestError(unmarshal_error(patch, "map[string]interface {}"))
    return _merge_maps(deep_copy(document), deep_copy(patch), schema or _ANYTHING)


def _refused(sentence: str) -> InternalError:
    return InternalError(sentence, reason="")


def _no_merge_key(item: Any, key: str) -> InternalError:
    return _refused(f"map: {gotext.plain(item)} does not contain declared merge key: {key}")


def _merge_maps(target: Map, patch: Map, schema: Structural) -> Map:
    """Merge in place; both are ours."""
    if DIRECTIVE in patch:
        return _directed(patch)
    _retain_keys(target, patch)
    _set_orders(target, patch, schema)
    for name, value in patch.items():
        delete = name.startswith(DELETE_FROM)
        if delete:
            name = _suffix(name, "invalid patch format of primitive list")
        if value is None:
            target.pop(name, None)
        elif name not in target or type(target[name]) is not type(value):
            if not delete:
                target[name] = _without_directives(value)
        elif isinstance(value, dict):
            target[name] = _merge_below(target[name], value, _child(schema, name))
        elif isinstance(value, list):
            child = _child(schema, name)
            target[name] = _merge_lists(target[name], value, child, delete=delete)
        else:
            target[name] = value
    return target


def _directed(patch: Map) -> Map:
    directive = patch.pop(DIRECTIVE)
    if directive == _REPLACE:
        return patch
    if directive == _DELETE:
        return {}
    patch[DIRECTIVE] = directive
    raise _bad_directive(patch)


def _bad_directive(item: Map) -> InternalError:
    shown = gotext.plain(item[DIRECTIVE])
    return _refused(f"unknown patch type: {shown} in map: {gotext.plain(item)}")


def _suffix(name: str, refusal: str) -> str:
    directive, slash, field = name.partition("/")
    if not slash or directive not in (DELETE_FROM, SET_ORDER):
        raise BadRequestError(refusal)
    return field


def _child(schema: Structural, name: str) -> Structural:
    return schema.property(name) or _ANYTHING


def _merge_below(target: Map, patch: Map, schema: Structural) -> Map:
    if "replace" in schema.patch_strategy:
        return patch
    return _merge_maps(target, patch, schema)


def _retain_keys(target: Map, patch: Map) -> None:
    """Drop what a `$retainKeys` does not list; a patch may only set what it lists."""
    if RETAIN_KEYS not in patch:
        return
    listed = patch.pop(RETAIN_KEYS)
    refusal = "invalid patch format of retainKeys"
    if not isinstance(listed, list):
        raise BadRequestError(refusal)
    for name, value in patch.items():
        is_directive = name.startswith((DELETE_FROM, SET_ORDER))
        if value is not None and not is_directive and name not in listed:
            raise BadRequestError(refusal)
    for name in [name for name in target if name not in listed]:
        del target[name]


def _set_orders(target: Map, patch: Map, schema: Structural) -> None:
    """Carry out each `$setElementOrder` together with the list that it is about."""
    for name in [name for name in patch if name.startswith(SET_ORDER)]:
        order = patch.pop(name)
        field = _suffix(name, "invalid patch format of setElementOrder list")
        if not isinstance(order, list):
            raise _wrong_type(order)
        child = _child(schema, field)
        live, patched = target.get(field), patch.get(field)
        for value in (live, patched):
            if value is not None and not isinstance(value, list):
                raise _wrong_type(value)
        _check_order(patched or [], order, child.patch_merge_key)
        if live is None and patched is None:
            continue
        patch.pop(field, None)
        target[field] = _ordered(live, patched, order, child)


def _wrong_type(value: Any) -> InternalError:
    return _refused(f"expected a []interface {{}}, but received a {gotext.type_name(value)}")


def _ordered(
    live: list[Any] | None, patched: list[Any] | None, order: list[Any], schema: Structural
) -> list[Any]:
    key = schema.patch_merge_key
    is_map = _element_kind(live or [], patched or []) is dict
    if live is None:
        merged = _without_directives(patched)
    elif patched is None:
        merged = live
    else:
        merged = _merge_lists(list(live), patched, schema, delete=False)
    return _arranged(merged, order, live or [], key if is_map else "")


def _check_order(patched: list[Any], order: list[Any], key: str) -> None:
    """The items of a patch must come in the order that the patch itself sets."""
    if not patched or not order:
        return
    position = 0
    items = [item for item in patched if not (isinstance(item, dict) and DIRECTIVE in item)]
    for entry in order:
        if position < len(items) and _key_of(items[position], key) == _key_of(entry, key):
            position += 1
    if position < len(items):
        raise _refused(
            f"The order in patch list:\n{gotext.plain(patched)}\n doesn't match {SET_ORDER} list:"
            f"\n{gotext.plain(order)}\n"
        )


def _key_of(item: Any, key: str) -> Any:
    if not key:
        return item
    if not isinstance(item, dict):
        raise _refused(
            f"expected a map[string]interface {{}}, but received a {gotext.type_name(item)}"
        )
    if key not in item:
        raise _no_merge_key(item, key)
    return item[key]


def _merge_lists(
    live: list[Any], patch: list[Any], schema: Structural, *, delete: bool
) -> list[Any]:
    if "merge" not in schema.patch_strategy:
        return _without_directives(patch)  # type: ignore[no-any-return]  # a list stays a list
    if not live and not patch:
        return live
    if _element_kind(live, patch) is not dict:
        if delete:
            return [item for item in live if item not in patch]
        merged = list(_unique([*live, *patch]))
        return _arranged(merged, patch, live, "")
    key = schema.patch_merge_key
    if not key:
        raise _refused("cannot merge lists without merge key for type struct")
    live, patch = _special_items(live, patch, key)
    merged = _merge_items(list(live), patch, schema.items or _ANYTHING, key)
    return _arranged(merged, patch, live, key)


def _unique(items: Iterable[Any]) -> Iterable[Any]:
    found: list[Any] = []
    for item in items:
        if item not in found:
            found.append(item)
            yield item


def _element_kind(*lists: list[Any]) -> type:
    kinds = {gotext.type_name(item): type(item) for items in lists for item in items}
    if not kinds:
        raise _refused("no elements in any of the given slices")
    if len(kinds) > 1:
        shown = gotext.plain(list(lists))
        raise _refused(f"list element types are not identical: {shown}")
    if list in kinds.values():
        raise _refused("lists of lists are not supported")
    return next(iter(kinds.values()))


def _special_items(live: list[Any], patch: list[Any], key: str) -> tuple[list[Any], list[Any]]:
    """Carry out the directives among the items of a patch; returns both lists without them."""
    plain: list[Any] = []
    replace = False
    for item in patch:
        directive = item.get(DIRECTIVE)
        if DIRECTIVE not in item:
            plain.append(item)
        elif directive == _DELETE:
            gone = _key_of(item, key)
            live = [entry for entry in live if entry.get(key) != gone]
        elif directive == _REPLACE:
            replace = True
        elif directive == _MERGE:
            raise _refused("merging lists cannot yet be specified in the patch")
        else:
            raise _bad_directive(item)
    return (plain, []) if replace else (live, plain)


def _merge_items(live: list[Any], patch: list[Any], schema: Structural, key: str) -> list[Any]:
    for item in patch:
        wanted = _key_of(item, key)
        for index, entry in enumerate(live):
            if entry.get(key) == wanted:
                live[index] = _merge_maps(entry, item, schema)
                break
        else:
            live.append(_without_directives(item))
    return live


def _arranged(merged: list[Any], wanted: list[Any], live: list[Any], key: str) -> list[Any]:
    """Items of the patch in its order, those of others where they stood among them."""
    identify = _identify(key)
    order = [identify(item) for item in wanted]
    before = [identify(item) for item in live]
    ours = [item for item in merged if identify(item) in order]
    theirs = [item for item in merged if identify(item) not in order]
    return interleave(
        by_order(theirs, before, identify), by_order(ours, order, identify), before, identify
    )


def _identify(key: str) -> Callable[[Any], Any]:
    return lambda item: _key_of(item, key)


def _without_directives(value: Any) -> Any:
    """A value that is new to the document: nulls and directives have nothing to act on."""
    if isinstance(value, dict):
        return {
            name: _without_directives(item)
            for name, item in value.items()
            if item is not None and not name.startswith(_DIRECTIVES)
        }
    if isinstance(value, list):
        return [
            _without_directives(item)
            for item in value
            if not (isinstance(item, dict) and DIRECTIVE in item)
        ]
    return value
