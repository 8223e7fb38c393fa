"""Which objects a list, watch or deletecollection selects."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from choreo_local.embedded.kubeapi import problems
from choreo_local.embedded.kubeapi.core import Call
from choreo_local.embedded.kubeapi.options import ListOptions
from choreo_local.embedded.storage.eventlog import Stored
from choreo_local.errors import ApiError

Test = Callable[[Stored], bool]


@dataclass(frozen=True, slots=True)
class Matcher:
    """A selection.

    Attributes:
        prefix: of the keys, which is the namespace.
        tests: of the selectors; all must hold.
        is_stable: no change of an object moves it in or out of the selection.
    """

    prefix: str = ""
    tests: tuple[Test, ...] = ()
    is_stable: bool = True

    def matches(self, item: Stored) -> bool:
        """Whether an object is selected."""
        if self.prefix and not item.key.startswith(self.prefix):
            return False
        return all(test(item) for test in self.tests)


def build_matcher(call: Call, options: ListOptions) -> Matcher:
    """The selection of a request: namespace and selectors."""
    prefix = f"{call.namespace}/" if call.namespace else ""
    tests: list[Test] = []
    if options.label_selector:
        tests.append(_label_test(options.label_selector))
    stable = not tests
    for field, value, equal in _field_requirements(options.field_selector):
        test = _field_test(call, field, value, equal=equal)
        stable = stable and field in _KEY_FIELDS
        tests.append(test)
    return Matcher(prefix, tuple(tests), stable)


_KEY_FIELDS = frozenset({"metadata.name", "metadata.namespace"})
_SET = re.compile(r"\s*([^\s,!=()]+)\s+(in|notin)\s*\(([^()]*)\)\s*")
_EQUALITY = re.compile(r"\s*([^\s,!=()]+)\s*(==|=|!=)\s*([^\s,!=()]*)\s*")
_EXISTS = re.compile(r"\s*(!?)\s*([^\s,!=()]+)\s*")


def _label_test(text: str) -> Test:
    checks: list[Callable[[Mapping[str, str]], bool]] = []
    rest = text
    while rest.strip():
        check, rest = _next_check(rest)
        checks.append(check)
        if rest.startswith(","):
            rest = rest[1:]
    return lambda item: all(check(item.labels or {}) for check in checks)


def _next_check(text: str) -> tuple[Callable[[Mapping[str, str]], bool], str]:
    if found := _SET.match(text):
        key, wanted = found[1], {one.strip() for one in found[3].split(",")}
        inside = found[2] == "in"
        return (lambda labels: (labels.get(key) in wanted) == inside), text[found.end() :]
    if found := _EQUALITY.match(text):
        key, value, equal = found[1], found[3], found[2] != "!="
        return (lambda labels: (labels.get(key) == value) == equal), text[found.end() :]
    if found := _EXISTS.match(text):
        key, present = found[2], not found[1]
        return (lambda labels: (key in labels) == present), text[found.end() :]
    raise problems.bad_request(f"unable to parse requirement: {text}")


def _field_requirements(text: str) -> list[tuple[str, str, bool]]:
    found = []
    for part in filter(None, text.split(",")):
        for operator in ("!=", "==", "="):
            field, sign, value = part.partition(operator)
            if sign:
                found.append((field.strip(), value, operator != "!="))
                break
        else:
            raise problems.bad_request(f"invalid selector: '{part}'; can't understand '{part}'")
    return found


def _field_test(call: Call, field: str, value: str, *, equal: bool) -> Test:
    if field == "metadata.name":
        return lambda item: (item.name == value) == equal
    if field == "metadata.namespace":
        return lambda item: (item.namespace == value) == equal
    if field not in call.collection.served.selectable_fields:
        raise _unknown_field(call, field)
    path = field.split(".")
    return lambda item: (_text(item.object, path) == value) == equal


def _text(obj: Any, path: Sequence[str]) -> str:
    for step in path:
        obj = obj.get(step) if isinstance(obj, dict) else None
    if isinstance(obj, bool):
        return "true" if obj else "false"
    return "" if obj is None else str(obj)


def _unknown_field(call: Call, field: str) -> ApiError:
    served = call.collection.served
    if served.custom or served.selectable_fields:
        return problems.bad_request(f"field label not supported: {field}")
    return problems.bad_request(
        f'"{field}" is not a known field selector: only "metadata.name", "metadata.namespace"'
    )
