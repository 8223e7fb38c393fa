"""What kube-apiserver refused and warned about, refused and warned about alike."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from choreo_local.apimachinery.fielderrors import FieldError
from choreo_local.apimachinery.gvk import GroupVersionKind, split_api_version
from choreo_local.embedded.kubeapi import builtin, defaults, metadata, typed, validation
from tests.embedded.kubeapi import recordings
from tests.embedded.kubeapi.recordings import Base

BASES = recordings.bases()
NAMESPACED = {one.kind.gvk: one.kind.namespaced for one in builtin.resources()}


def kind_of(obj: dict[str, Any]) -> GroupVersionKind:
    return GroupVersionKind(*split_api_version(obj["apiVersion"]), obj["kind"])


def written(gvk: GroupVersionKind, obj: dict[str, Any]) -> dict[str, Any]:
    found = copy.deepcopy(obj)
    typed.shape(gvk, found)
    if NAMESPACED[gvk]:
        found["metadata"]["namespace"] = "default"
    defaults.apply(gvk, found)
    return found


def shown(causes: list[Any]) -> list[list[str]]:
    found = {
        (cause.field, cause.reason, recordings.squeezed(cause.message))
        for cause in causes
        if isinstance(cause, FieldError) or cause.field
    }
    return sorted(map(list, found))


def create(gvk: GroupVersionKind, obj: dict[str, Any]) -> tuple[list[list[str]], list[str]]:
    new = written(gvk, obj)
    new["metadata"]["uid"] = "11111111-1111-4111-8111-111111111111"
    defaults.prepare_create(gvk, new)
    causes = validation.validate_create(gvk, new)
    warnings = [] if causes else validation.warnings(gvk, new)
    return shown(list(causes)), sorted(map(recordings.squeezed, warnings))


def replace(gvk: GroupVersionKind, new: dict[str, Any], old: dict[str, Any]) -> list[list[str]]:
    after, before = written(gvk, new), written(gvk, old)
    defaults.prepare_update(gvk, after, before)
    if "status" in before:
        after["status"] = before["status"]
    causes: list[Any] = list(metadata.validate_update(after["metadata"], before["metadata"]))
    return shown(causes + validation.validate_update(gvk, after, before))


def difference(entry: dict[str, Any], found: Any, wanted: Any) -> str:
    place = ".".join(map(str, entry["path"]))
    return f"{place} = {entry.get('set', 'removed')!r}:\n  found  {found}\n  wanted {wanted}"


@pytest.mark.parametrize("name", BASES)
def test_valid_objects_are_accepted(name: str) -> None:
    base = BASES[name]
    gvk = kind_of(base.sent)
    assert create(gvk, base.sent)[0] == []
    if base.stored is not None:
        assert replace(gvk, base.stored, base.stored) == []


@pytest.mark.parametrize("name", [name for name, base in BASES.items() if base.created])
def test_new_objects_are_refused_for_the_same_reasons(name: str) -> None:
    base: Base = BASES[name]
    gvk = kind_of(base.sent)
    wrong = []
    for entry in base.created:
        causes, warnings = create(gvk, recordings.changed(base.sent, entry))
        if causes != entry["causes"] or warnings != entry.get("warnings", []):
            wrong.append(difference(entry, (causes, warnings), entry))
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", [name for name, base in BASES.items() if base.replaced])
def test_changes_are_refused_for_the_same_reasons(name: str) -> None:
    base: Base = BASES[name]
    gvk = kind_of(base.sent)
    assert base.stored is not None
    wrong = []
    for entry in base.replaced:
        causes = replace(gvk, recordings.changed(base.stored, entry), base.stored)
        if causes != entry["causes"]:
            wrong.append(difference(entry, causes, entry["causes"]))
    assert not wrong, "\n".join(wrong)
